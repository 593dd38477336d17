//! What files count in a tag, and which cannot.

use super::*;

#[test]
fn files_that_have_no_content_are_errors_and_nothing_hangs() {
    let project = Project::new("copy: [d]\n");
    project.file("d/x", "x");
    let plain = project.tag();
    // A socket does not count, for flytekit neither.
    let _socket = UnixListener::bind(project.path().join("d/socket")).unwrap();
    assert_eq!(project.tag(), plain);
    assert!(
        project
            .run(&["tag"])
            .err
            .contains("the socket `d/socket` does not count")
    );
    // Links in circles lead nowhere.
    symlink("loop", project.path().join("d/loop")).unwrap();
    symlink("../d", project.path().join("d/up")).unwrap();
    symlink("nothing", project.path().join("d/broken")).unwrap();
    assert_eq!(project.tag(), plain);
    let made = Command::new("mkfifo")
        .arg(project.path().join("d/pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    let error = project.fails(&["tag"]);
    assert!(error.contains("`d/pipe` is a named pipe"), "{error}");
    assert!(error.contains(".dockerignore"), "{error}");
    project.file("imageSpec.yaml", "copy: [d/pipe]\n");
    assert!(project.fails(&["tag"]).contains("a named pipe"));
    project.file("imageSpec.yaml", "requirements: d/pipe\n");
    assert!(project.fails(&["tag"]).contains("a named pipe"));
    project.file("imageSpec.yaml", "copy: [/dev/zero]\n");
    assert!(project.fails(&["tag"]).contains("a device"));
    project.file("imageSpec.yaml", "source_root: d/x\nsource_copy_mode: all\n");
    assert!(project.fails(&["tag"]).contains("`d/x` is not a directory"));
    project.file("imageSpec.yaml", "source_root: e\nsource_copy_mode: all\n");
    assert!(project.fails(&["tag"]).contains("`e` is not there"));
    project.file("imageSpec.yaml", "requirements: d\n");
    assert!(project.fails(&["tag"]).contains("`d` is a directory"));
}

#[test]
fn names_that_are_no_text_are_errors() {
    let project = Project::new("copy: [d]\n");
    project.file(Path::new("d").join(OsStr::from_bytes(b"\xff\xfe")), "x");
    let error = project.fails(&["tag"]);
    assert!(
        error.contains("is not UTF-8") && error.contains("imageSpec.yaml:1:7"),
        "{error}"
    );
}

#[test]
fn what_the_user_may_not_read_is_an_error() {
    let project = Project::new("copy: [d]\n");
    project.file("d/secret", "x");
    fs::set_permissions(project.path().join("d/secret"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(project.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = project.path().join("imagespec");
    fs::copy(PROGRAM, &program).unwrap();
    // Root may read everything.
    let is_root = said(Command::new("id").arg("-u")).out.trim() == "0";
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(program);
        command
    } else {
        Command::new(program)
    };
    let said = said(command.arg("tag").current_dir(project.path()));
    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    assert!(
        said.err.contains("`d/secret` cannot be read: Permission denied"),
        "{}",
        said.err
    );
}

#[test]
fn five_gigabytes_are_hashed_in_little_memory() {
    let project = Project::new("copy: [big]\n");
    let file = fs::File::create(project.path().join("big")).unwrap();
    file.set_len(5 * 1024 * 1024 * 1024).unwrap();
    // In kilobytes: what the program maps, with all its threads' stacks.
    let line = format!("ulimit -v 400000; exec '{PROGRAM}' tag");
    let said = said(Command::new("sh").args(["-c", &line]).current_dir(project.path()));
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "_zf_j7rme5I7U8fNAPajWg\n"),
        "{}",
        said.err
    );
}

#[test]
fn git_decides_as_it_does_for_flytekit() {
    let project = Project::new("source_root: .\nsource_copy_mode: all\n");
    project
        .file("a.py", "a")
        .file("b.log", "b")
        .file("kept.log", "k")
        .file(".gitignore", "*.log\n");
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        let done = git
            .args(args)
            .current_dir(project.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .status()
            .unwrap();
        assert!(done.success());
    };
    let without_repository = project.tag();
    git(&["init", "-q"]);
    let ignored = project.tag();
    assert_ne!(ignored, without_repository);
    project.file("b.log", "changed");
    assert_eq!(project.tag(), ignored);
    // What git tracks counts, whatever its patterns say.
    git(&["add", "-f", "kept.log"]);
    assert_ne!(project.tag(), ignored);
}

#[test]
fn what_the_client_would_not_send_does_not_count() {
    let project = Project::new("copy: [l/hostname, a/f, gone]\n");
    project
        .file("a/f", "f")
        .file("gone/x", "x")
        .file(".dockerignore", "gone\n");
    symlink("/etc", project.path().join("l")).unwrap();
    let said = project.run(&["tag"]);
    assert!(
        said.err
            .contains("the link `l/hostname` leads out of the build context"),
        "{}",
        said.err
    );
    // The same with neither of the two.
    let plain = Project::new("copy: [l/hostname, a/f, gone]\n");
    plain.file("a/f", "f");
    assert_eq!(said.out.trim_end(), plain.tag());
    // Paths elsewhere are none of the ignore file's business.
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("f"), "1").unwrap();
    project.file("imageSpec.yaml", format!("copy: [{}/f]\n", elsewhere.path().display()));
    project.file(".dockerignore", "*\n");
    let first = project.tag();
    fs::write(elsewhere.path().join("f"), "2").unwrap();
    assert_ne!(project.tag(), first);
    fs::remove_file(project.path().join(".dockerignore")).unwrap();
    let made = Command::new("mkfifo")
        .arg(project.path().join(".dockerignore"))
        .status()
        .unwrap();
    assert!(made.success());
    assert!(project.fails(&["tag"]).contains(".dockerignore: it is not a file"));
}

#[test]
fn what_a_tag_does_not_count_is_not_copied() {
    let project = Project::new("source_root: src\nsource_copy_mode: all\nprofile: plain\n");
    project
        .file("src/a.py", "a")
        .file("src/d/b.log", "b")
        .file("src/.dockerignore", "src/d\n");
    let plan = project.run(&["plan", "--json"]).out;
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let plan = plan.to_string();
    assert!(
        plan.contains(r#""exclude":["**/*.pyc","**/__pycache__","d"]"#),
        "{plan}"
    );
    let tag = project.tag();
    project.file("src/d/b.log", "c");
    assert_eq!(project.tag(), tag);
    project.file("src/a.py", "c");
    assert_ne!(project.tag(), tag);
}

#[test]
fn links_that_lead_out_are_followed_or_named() {
    let project = Project::new("copy: [src]\nprofile: plain\n");
    project
        .file("src/a.py", "a")
        .file("configs/prod.yaml", "b")
        .file("libs/common/c.py", "c");
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, project.path().join(at)).unwrap();
    link("../configs/prod.yaml", "src/settings.yaml");
    link("../libs/common", "src/common");
    link("a.py", "src/same.py");
    link("../src/a.py", "src/round.py");
    link("../nowhere", "src/lost");
    link("..", "src/up");
    link("/opt/x", "src/absolute");
    let said = project.run(&["plan", "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let plan = plan.to_string();
    for link in [
        r#"{"path":"common","source":"libs/common"}"#,
        r#"{"path":"round.py","source":"src/a.py"}"#,
        r#"{"path":"settings.yaml","source":"configs/prod.yaml"}"#,
    ] {
        assert!(plan.contains(link), "{link}: {plan}");
    }
    assert!(
        plan.contains(r#""exclude":["common","round.py","settings.yaml"]"#),
        "{plan}"
    );
    let broken = "`copy: src` has 3 links, `src/absolute` for one, that lead out of what is copied";
    assert!(plan.contains(broken), "{plan}");
    assert!(
        plan.contains("a link, `common`, that leads to a directory outside"),
        "{plan}"
    );
}

#[test]
fn nothing_that_is_copied_replaces_python_or_what_copy_brings() {
    let project = Project::new(
        "source_root: .\nsource_copy_mode: all\npython_exec: python3\nprofile: plain\ncopy: [.venv, conf]\nrequirements: pylock.toml\n",
    );
    project
        .file(".venv/bin/python", "no")
        .file("pylock.toml", "lock-version = \"1.0\"\ncreated-by = \"x\"\n")
        .file("conf/a", "a");
    let said = project.run(&["plan", "--json"]);
    assert!(
        said.out.contains("`.venv` of `source_root: .` is not copied"),
        "{}{}",
        said.out,
        said.err
    );
    assert!(said.out.contains("`copy: .venv` is not copied"), "{}", said.out);
}

#[test]
fn names_that_are_nearly_there_are_told() {
    let project = Project::new("copy: [a]\nprofile: plain\n");
    project
        .file("data/cafe\u{301}.txt", "")
        .file("data/cafe.txt", "")
        .file("data/cafe\u{301}.text", "")
        .file("out/x", "")
        .file(".dockerignore", "out\n");
    for (path, expect) in [
        ("data/caf\u{e9}.txt", "looks the same"),
        (
            "Data/cafe\u{301}.txt",
            "there is `data/cafe\u{301}.txt`, in other capitals",
        ),
        ("data/cafe\u{301}.txt ", "with a blank at an end"),
        ("dta/cafe\u{301}.txt", "differs in one letter"),
        ("data\\\\cafe.txt", "write paths with `/`"),
        ("out/x", "`out` in the ignore file leaves it out"),
        ("data/*.txt", "patterns are not supported"),
        ("nothing", "paths are relative to the build context"),
    ] {
        project.file("imageSpec.yaml", format!("copy: [\"{path}\"]\nprofile: plain\n"));
        let said = project.fails(&["plan"]);
        assert!(said.contains(expect), "{path}: {said}");
    }
}
