//! Images that exist: which are handed out, and what registries say instead.

use super::*;

const SKIP: (&str, &str) = ("build-arg:IMAGESPEC_IF_EXISTS", "skip");
const START: &str = "name: x\nregistry: ghcr.io/acme\nprofile: plain\n";

/// Files by the client's name of the directory, path and content.
type Files<'a> = &'a [(&'static str, &'static str, &'a str)];

fn memory(spec: &str, files: Files<'_>) -> Memory {
    let mut memory = Memory::with_spec(&format!("{START}{spec}"));
    for (local, path, content) in files {
        memory.file(local, path, content);
    }
    memory
}

fn config(memory: &Memory) -> Vec<u8> {
    result(memory).metadata["containerimage.config"].clone()
}

fn label(config: &[u8]) -> Option<String> {
    let config: serde_json::Value = serde_json::from_slice(config).unwrap();
    Some(
        config["config"]["Labels"]["io.imagespec.inputs-digest"]
            .as_str()?
            .to_owned(),
    )
}

fn tag(memory: &Memory) -> Vec<u8> {
    result(memory).metadata["frontend.imagespec.tag"].clone()
}

/// The lines that say what was decided.
fn decisions(memory: &Memory) -> Vec<String> {
    let solved = memory.solved.lock().unwrap();
    let graphs = solved.iter().filter_map(|request| request.definition.clone());
    let names = graphs.flat_map(|graph| graph.metadata.into_values());
    let names = names.filter_map(|metadata| metadata.description.get("llb.customname").cloned());
    names
        .filter(|name| name.contains(": building it") || name.contains(": nothing is built"))
        .collect()
}

/// A local package, as a context has it.
const PROJECT: &str = "[project]\nname = 'p'\nversion = '1'\n";
const LOCK: &str = "lock-version = '1.0'\ncreated-by = 'uv'\n[[packages]]\nname = 'a'\nversion = '1'\n\
                    wheels = [{url = 'https://h/a-1-py3-none-any.whl', hashes = {sha256 = 'aa'}}]\n";
/// The same with another file.
const OTHER_LOCK: &str = "lock-version = '1.0'\ncreated-by = 'uv'\n[[packages]]\nname = 'a'\nversion = '1'\n\
                          wheels = [{url = 'https://h/a-1-py3-none-any.whl', hashes = {sha256 = 'ab'}}]\n";

#[test]
fn an_image_made_from_other_files_is_not_handed_out() {
    let line = |content| ("context", "requirements.txt", content);
    let base = |content| ("context", "base.txt", content);
    let project = ("context", "libs/p/pyproject.toml", PROJECT);
    let code = |content| ("context", "libs/p/p.py", content);
    let lines = "requirements: requirements.txt\n";
    let cases: [(&str, Files<'_>, Files<'_>); 11] = [
        (
            lines,
            &[line("-r base.txt\n"), base("a==1\n")],
            &[line("-r base.txt\n"), base("a==2\n")],
        ),
        (
            lines,
            &[line("a\n-c base.txt\n"), base("a==1\n")],
            &[line("a\n-c base.txt\n"), base("a==2\n")],
        ),
        (
            lines,
            &[
                line("-r more/b.txt\n"),
                ("context", "more/b.txt", "-r ../base.txt\n"),
                base("a==1\n"),
            ],
            &[
                line("-r more/b.txt\n"),
                ("context", "more/b.txt", "-r ../base.txt\n"),
                base("a==2\n"),
            ],
        ),
        (
            "packages: [a]\npip_extra_args: -c base.txt\n",
            &[base("a==1\n")],
            &[base("a==2\n")],
        ),
        ("packages: [./libs/p]\n", &[project, code("1")], &[project, code("2")]),
        (
            lines,
            &[line("./libs/p\n"), project, code("1")],
            &[line("./libs/p\n"), project, code("2")],
        ),
        (
            "requirements: libs/p/pyproject.toml\ninstall_project: true\n",
            &[project, code("1")],
            &[project, code("2")],
        ),
        (
            "requirements: libs/p/uv.lock\n",
            &[project, ("context", "libs/p/uv.lock", "version = 1\n")],
            &[
                (
                    "context",
                    "libs/p/pyproject.toml",
                    "[project]\nname = 'p'\nversion = '2'\n",
                ),
                ("context", "libs/p/uv.lock", "version = 1\n"),
            ],
        ),
        (
            "packages: [a]\n",
            &[("dockerfile", "pylock.toml", LOCK), base("")],
            &[("dockerfile", "pylock.toml", OTHER_LOCK), base("")],
        ),
        (
            "base_image: {name: y, registry: r, profile: plain, requirements: requirements.txt}\n",
            &[line("-r base.txt\n"), base("a==1\n")],
            &[line("-r base.txt\n"), base("a==2\n")],
        ),
        // Directories do not count for flytekit.
        (
            "copy: [data]\n",
            &[("context", "data/a/b", "1")],
            &[("context", "data/ab", "1")],
        ),
    ];
    for (spec, files, changed) in cases {
        let first = build(memory(spec, files), &[]);
        let found = config(&first);
        assert!(label(&found).is_some_and(|label| label.starts_with("1:")), "{spec}");
        let skip = |files| {
            let mut memory = memory(spec, files);
            memory.config = Some(found.clone());
            build(memory, &[SKIP])
        };
        let same = skip(files);
        assert_eq!(config(&same), found, "{spec}: {:?}", decisions(&same));
        assert!(decisions(&same)[0].contains("is there: nothing is built"), "{spec}");
        let other = skip(changed);
        assert_eq!(tag(&other), tag(&same), "{spec}");
        assert_ne!(label(&config(&other)), label(&found), "{spec}");
        let said = decisions(&other);
        assert!(
            said[0].contains("is there, made from other files: building it"),
            "{spec}: {said:?}"
        );
    }
}

#[test]
fn a_constant_tag_hands_out_no_image_of_another_spec() {
    let spec = |value: u8| format!("tag_format: v1\nenv: {{A: '{value}'}}\n");
    let found = config(&build(memory(&spec(1), &[]), &[]));
    let skip = |value| {
        let mut memory = memory(&spec(value), &[]);
        memory.config = Some(found.clone());
        build(memory, &[SKIP])
    };
    assert_eq!(config(&skip(1)), found);
    assert_ne!(config(&skip(2)), found);
}

#[test]
fn an_image_without_the_label_is_taken_if_its_tag_says_all() {
    let plain = br#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;
    let taken = |spec: &str, files: Files<'_>| {
        let mut memory = memory(spec, files);
        memory.config = Some(plain.to_vec());
        let memory = build(memory, &[SKIP]);
        (config(&memory) == plain, decisions(&memory)[0].clone())
    };
    assert!(taken("env: {A: b}\ncopy: [data]\n", &[("context", "data/x", "1")]).0);
    let lines = "requirements: requirements.txt\n";
    assert!(taken(lines, &[("context", "requirements.txt", "a==1\n")]).0);
    let included: Files<'_> = &[
        ("context", "requirements.txt", "-r b.txt\n"),
        ("context", "b.txt", "a\n"),
    ];
    let (is_taken, said) = taken(lines, included);
    assert!(
        !is_taken && said.contains("does not say which files it was made from"),
        "{said}"
    );
    // The same of a label in a form that is not known.
    let other = br#"{"architecture":"amd64","os":"linux","config":{"Labels":{"io.imagespec.inputs-digest":"9:aa"}},"rootfs":{}}"#;
    for (spec, files, expect) in [("env: {A: b}\n", &[][..], true), (lines, included, false)] {
        let mut memory = memory(spec, files);
        memory.config = Some(other.to_vec());
        assert_eq!(config(&build(memory, &[SKIP])) == other, expect, "{spec}");
    }
}

#[test]
fn a_content_tag_says_all() {
    let spec = "tag_algorithm: content\nbase_image: acme/base@sha256:DIGEST\ncopy: [data]\n"
        .replace("DIGEST", &"a".repeat(64));
    let files: Files<'_> = &[("context", "data/x", "1")];
    let mut memory = memory(&spec, files);
    memory.config = Some(br#"{"architecture":"amd64","os":"linux","rootfs":{}}"#.to_vec());
    let memory = build(memory, &[SKIP]);
    assert!(
        decisions(&memory)[0].contains("nothing is built"),
        "{:?}",
        decisions(&memory)
    );
    assert_eq!(label(&config(&memory)), None);
}

#[test]
fn the_question_for_an_image_is_hidden() {
    let memory = build(memory("env: {A: b}\n", &[]), &[SKIP]);
    let solved = memory.solved.lock().unwrap();
    let metadata = solved
        .iter()
        .filter_map(|request| request.definition.clone())
        .flat_map(|graph| graph.metadata.into_values());
    let hidden: Vec<pb::ProgressGroup> = metadata.filter_map(|metadata| metadata.progress_group).collect();
    assert_eq!(hidden.len(), 1);
    assert!(hidden[0].weak && hidden[0].name.starts_with("[exists] look for ghcr.io/acme/x:"));
}

#[test]
fn a_name_that_cannot_be_used_is_an_error_for_who_asks_for_it() {
    for (spec, place) in [
        (
            "name: x\nregistry: ghcr.io/acme_\nprofile: plain\n",
            "imageSpec.yaml:2:11: ",
        ),
        (
            "name: x\nregistry: ghcr.io\ntag_format: '{spec_hash} dev'\n",
            "imageSpec.yaml:3:13: ",
        ),
        ("name: x y\nregistry: ghcr.io\n", "imageSpec.yaml:1:7: "),
    ] {
        for option in [("requestid", "frontend.name"), SKIP, ("label:a", "b")] {
            let message = error(&build(Memory::with_spec(spec), &[option])).message;
            assert!(message.starts_with(place), "{message}");
        }
        let tag = build(Memory::with_spec(spec), &[("requestid", "frontend.tag")]);
        assert!(returned(&tag).error.is_none());
    }
}

#[test]
fn what_cannot_be_looked_up_or_is_there_is_told_at_the_registry() {
    let fail = ("build-arg:IMAGESPEC_IF_EXISTS", "fail");
    for (spec, option, words) in [
        (START, fail, "imageSpec.yaml:2:11: the image ghcr.io/acme/x:"),
        (
            "profile: plain\nregistry: \"\"\n",
            SKIP,
            "imageSpec.yaml:2:11: IMAGESPEC_IF_EXISTS needs `registry`",
        ),
    ] {
        let message = error(&build(Memory::with_spec(spec), &[option])).message;
        assert!(message.starts_with(words), "{message}");
    }
}

#[test]
fn what_a_registry_says_is_told_with_what_to_do() {
    let answer = |words: &str| {
        let mut memory = memory("env: {A: b}\n", &[]);
        memory
            .images
            .insert("ghcr.io/acme", CallError::new(UNKNOWN, words, Vec::new()));
        build(memory, &[SKIP])
    };
    for (words, help) in [
        (
            "unexpected status from HEAD request to https://ghcr.io/v2/x: 403 Forbidden\ndenied: access to team/new: not found",
            "docker login",
        ),
        (
            "unexpected status from HEAD request to https://ghcr.io/v2/x: 429 Too Many Requests",
            "wait, or log in",
        ),
        (
            "unexpected status from HEAD request to https://ghcr.io/v2/x: 500 Internal Server Error",
            "try again later",
        ),
        ("http: server gave HTTP response to HTTPS client", "insecure-registries"),
        ("no such host", "check the registry"),
    ] {
        let message = error(&answer(words)).message;
        assert!(
            message.starts_with("imageSpec.yaml:2:11: cannot find out whether"),
            "{message}"
        );
        assert!(message.contains(help), "{message}");
    }
}

#[test]
fn files_are_digested_in_one_step_and_only_if_there_are_some() {
    let included: Files<'_> = &[
        ("context", "requirements.txt", "-r b.txt\n"),
        ("context", "b.txt", "a\n"),
    ];
    let data: Files<'_> = &[("context", "data/x", "1")];
    let project: Files<'_> = &[("context", "p/pyproject.toml", PROJECT)];
    for (spec, files, expect) in [
        ("packages: [a]\nenv: {A: b}\n", &[][..], 0),
        ("requirements: requirements.txt\n", included, 1),
        ("copy: [data]\nsource_root: data\nsource_copy_mode: all\n", data, 1),
        ("packages: [./p]\n", project, 1),
    ] {
        for option in [("requestid", "frontend.name"), ("x", "")] {
            let memory = build(memory(spec, files), &[option]);
            assert!(returned(&memory).error.is_none(), "{spec}");
            let solved = memory.solved.lock().unwrap();
            let graphs = solved.iter().filter_map(|request| request.definition.clone());
            let names = graphs.flat_map(|graph| graph.metadata.into_values());
            let names = names.filter_map(|metadata| metadata.description.get("llb.customname").cloned());
            assert_eq!(
                names.filter(|name| name.starts_with("[tag] compute")).count(),
                expect,
                "{spec}"
            );
        }
    }
}
