//! What of a checkout counts: contents, and which files are executable.

use super::*;

fn warnings(memory: &Memory) -> Vec<String> {
    let warned = memory.warned.lock().unwrap();
    warned
        .iter()
        .map(|warning| String::from_utf8_lossy(&warning.short).into_owned())
        .collect()
}

#[test]
fn an_engine_that_cannot_set_modes_keeps_them_and_says_so() {
    let spec = "profile: plain\ncopy: [data]\ncopy_to: /app\n";
    let memory = build(with_data(spec), &[]);
    assert!(render(&last_graph(&memory)).contains("mode u=rwX,go=rX"));
    assert_eq!(warnings(&memory), [""; 0]);
    let mut memory = with_data(spec);
    memory.absent = vec!["gc.freespacefilter"];
    let memory = build(memory, &[]);
    let graph = render(&last_graph(&memory));
    assert!(
        graph.contains("copy #1:/data -> /app/data follow-symlink contents"),
        "{graph}"
    );
    assert!(!graph.contains("mode u="), "{graph}");
    let said = warnings(&memory);
    assert!(
        said[0].starts_with("modes-kept: ") && said[0].ends_with("(line 2)"),
        "{said:?}"
    );
    let mut memory = with_data(&format!("{spec}mode: keep\n"));
    memory.absent = vec!["gc.freespacefilter"];
    assert_eq!(warnings(&build(memory, &[])), [""; 0]);
}

/// The operations of the step that resolves.
fn lock_step(files: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let spec = "profile: plain\nrequirements: deps/all.txt\npip_extra_args: -c bounds.txt\n";
    let mut memory = Memory::with_spec(spec);
    for (path, text) in files {
        memory.file("context", path, text);
    }
    let memory = build(memory, &[]);
    result(&memory);
    let solved = memory.solved.lock().unwrap();
    let graphs = solved.iter().filter_map(|request| request.definition.clone());
    let mut graphs = graphs.filter(|graph| render(graph).contains("name [lock] uv pip compile"));
    graphs.next().unwrap().def
}

#[test]
fn comments_do_not_resolve_again() {
    let files = [
        ("deps/all.txt", "-r base.txt\nsix\n"),
        ("deps/base.txt", "idna\n"),
        ("bounds.txt", "idna<4\n"),
    ];
    let with = |path: &str, text: &str| {
        let mut files = files;
        let file = files.iter_mut().find(|(known, _)| *known == path).unwrap();
        file.1 = text;
        lock_step(&files)
    };
    let first = lock_step(&files);
    for (path, text) in [
        ("deps/all.txt", "# ours\r\n-r base.txt  # theirs\r\n\r\nsix\r\n"),
        ("deps/base.txt", "idna # until 5\n"),
        ("bounds.txt", "idna<4\n# end"),
    ] {
        assert_eq!(with(path, text), first, "{path}");
    }
    for (path, text) in [("deps/base.txt", "idna\nattrs\n"), ("bounds.txt", "idna<3\n")] {
        assert_ne!(with(path, text), first, "{path}");
    }
}
