//! Bad input, as a user sees it.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::bed::Project;

#[test]
fn a_failing_step_points_into_the_spec() {
    let log = Project::new("profile: plain\napt_packages:\n  - jq\n  - no-such-package-at-all\n").fail("engine-no-apt");
    assert!(log.contains("Unable to locate package no-such-package-at-all"), "{log}");
    assert!(log.contains("imageSpec.yaml:5"), "{log}");
    assert!(log.contains(">>>   - no-such-package-at-all"), "{log}");
    let log = Project::new("profile: plain\npackages:\n  - no-such-package-at-all-anywhere\n").fail("engine-no-wheel");
    assert!(log.contains("no-such-package-at-all-anywhere was not found"), "{log}");
    assert!(log.contains("imageSpec.yaml:4"), "{log}");
    assert!(log.contains(">>>   - no-such-package-at-all-anywhere"), "{log}");
    // The message names the command, not the script around it.
    let last = log.lines().last().unwrap();
    assert!(last.len() < 250 && last.contains("uv pip compile"), "{last}");
    let log = Project::new("profile: plain\ncommands: [\"true\", \"exit 7\"]\n").fail("engine-exit");
    assert!(log.contains("exit code: 7") && log.contains(">>> commands:"), "{log}");
}

#[test]
fn a_misspelt_field_is_named_with_its_line() {
    let log = Project::new("pakages: [six]\nprofile: plane\n").fail("engine-misspelt");
    assert!(log.contains("2 problems in imageSpec.yaml"), "{log}");
    assert!(log.contains("imageSpec.yaml:2:1: unknown field `pakages`"), "{log}");
    assert!(log.contains("did you mean `packages`?"), "{log}");
    assert!(
        log.contains("did you mean `plain`?") && log.contains(">>> pakages"),
        "{log}"
    );
}

#[test]
fn fifty_errors_in_a_large_file_are_all_there() {
    let mut spec = String::from("packages:\n");
    for number in 0..6000 {
        spec.push_str(&format!("  - package-with-a-long-name-{number:05}\n"));
    }
    for number in 0..50 {
        spec.push_str(&format!("unknown_field_{number:02}: 1\n"));
    }
    assert!(spec.len() > 200_000);
    let log = Project::new(&spec).fail("engine-fifty");
    for number in 0..50 {
        assert!(
            log.contains(&format!("unknown field `unknown_field_{number:02}`")),
            "{number} is missing"
        );
    }
    let snippets = log.matches(">>> unknown_field").count();
    assert!((1..=10).contains(&snippets), "{snippets} snippets");
}

#[test]
fn missing_files_are_named_at_their_entry() {
    let project = Project::new("profile: plain\nrequirements: deps.txt\ncopy:\n  - there\n  - gone/file.txt\n");
    project.file("there", "1");
    let log = project.fail("engine-missing");
    assert!(
        log.contains("imageSpec.yaml:3:15: `requirements: deps.txt` is not in the build context"),
        "{log}"
    );
    assert!(
        log.contains("imageSpec.yaml:6:5: `copy: gone/file.txt` is not in the build context"),
        "{log}"
    );
    project.file("deps.txt", b"\xff\xfe").file("gone/file.txt", "1");
    assert!(
        project
            .fail("engine-missing")
            .contains("`requirements: deps.txt` is not UTF-8 text")
    );
}

#[test]
fn a_password_in_a_requirements_file_is_refused() {
    let project = Project::new("profile: plain\nrequirements: reqs.txt\n");
    project.file(
        "reqs.txt",
        "six\n--extra-index-url https://me:hunter22@example.com/simple\n",
    );
    let log = project.fail("engine-reqs-password");
    assert!(
        log.contains("line 2 of `requirements: reqs.txt` has a credential in its URL"),
        "{log}"
    );
    assert!(!log.contains("hunter22"), "{log}");
}

#[test]
fn files_that_are_no_specs_are_refused() {
    for (content, expect) in [
        ("", "has no content"),
        ("- a\n- b\n", "a spec is a mapping of fields, this is a list"),
        ("just text", "this is a string"),
        ("env:\n\tA: b\n", "indented with a tab"),
        ("a: [", "not valid YAML"),
    ] {
        let log = Project::new(content).fail("engine-no-spec");
        assert!(log.contains(expect), "{expect}: {log}");
        assert!(log.contains("imageSpec.yaml"), "{log}");
    }
    let project = Project::new("");
    project.file(
        "imageSpec.yaml",
        [b"# syntax=imagespec:test\npackages: [".as_slice(), b"\xff]\n"].concat(),
    );
    assert!(
        project
            .fail("engine-no-spec")
            .contains("imageSpec.yaml:2: the file is not UTF-8 text")
    );
    project.file(
        "imageSpec.yaml",
        format!("# syntax=imagespec:test\n#{}\n", "x".repeat(1_100_000)),
    );
    let log = project.fail("engine-no-spec");
    assert!(
        log.contains("the most that a spec may have"),
        "{}",
        &log[..2000.min(log.len())]
    );
}

#[test]
fn an_image_that_is_not_there_says_what_to_do() {
    let log = Project::new("profile: plain\nbase_image: localhost:5999/nothing/here:1\n").fail("engine-no-base");
    assert!(
        log.contains("cannot load the base image localhost:5999/nothing/here:1"),
        "{log}"
    );
    assert!(log.contains("--build-context base=docker-image://IMAGE"), "{log}");
}

#[test]
fn warnings_are_shown() {
    let built = Project::new(
        "profile: plain\npython_version: 3.10\nbuilder: envd\npython_exec: /usr/bin/python3\napt_packages: [python3]\n",
    )
    .build("engine-warnings");
    assert!(
        built
            .log
            .contains("python-version-number: `python_version: 3.10` is the number 3.1 in YAML"),
        "{}",
        built.log
    );
    assert!(built.log.contains("builder-ignored"), "{}", built.log);
}

#[test]
fn a_spec_is_checked_without_a_build() {
    let call = |spec: &str, call: &str| {
        let output = Project::new(spec)
            .with(&["--call", call])
            .command("engine-call")
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr,
        )
    };
    let (ok, out, err) = call("profile: plain\npackages: [six]\n", "check");
    assert!(ok && out.contains("no warnings found"), "{out}{err}");
    let (ok, out, err) = call("profile: plain\npython_version: 3.10\n", "check");
    assert!(!ok && out.contains("python-version-number"), "{out}{err}");
    let (ok, out, err) = call("pakages: [six]\n", "check");
    assert!(
        !ok && format!("{out}{err}").contains("did you mean `packages`?"),
        "{out}{err}"
    );
    let (ok, out, err) = call("profile: plain\napt_packages: [jq]\n", "targets");
    assert!(
        ok && out.contains("apt") && out.contains("image (default)"),
        "{out}{err}"
    );
    let (ok, out, err) = call("pip_secret_mounts: [[a, /b]]\n", "outline");
    assert!(ok && out.contains("secret_0"), "{out}{err}");
    let (ok, out, err) = call("profile: plain\n", "nonsense");
    assert!(
        !ok && err.contains("unsupported request frontend.nonsense"),
        "{out}{err}"
    );
}

fn running(marker: &str) -> bool {
    let output = Command::new("pgrep").args(["-f", marker]).output().unwrap();
    !output.stdout.is_empty()
}

#[test]
fn a_cancelled_build_leaves_nothing_behind() {
    let marker = format!("sleep 98{}", std::process::id());
    let project = Project::new(&format!("profile: plain\ncommands: [\"{marker}\"]\n"));
    let mut child = project.command("engine-cancel").spawn().unwrap();
    let wait = |until: &dyn Fn() -> bool| {
        let start = Instant::now();
        while !until() {
            assert!(start.elapsed() < Duration::from_secs(300), "waited too long");
            thread::sleep(Duration::from_millis(100));
        }
    };
    wait(&|| running(&format!("^/bin/sh -c {marker}")) || running(&format!("^{marker}")));
    let frontends = Command::new("pgrep")
        .args(["-f", "^/imagespec"])
        .output()
        .unwrap()
        .stdout;
    let frontends = String::from_utf8(frontends).unwrap();
    let frontends: Vec<&str> = frontends.split_whitespace().collect();
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(!child.wait().unwrap().success());
    wait(&|| !running(&format!("^{marker}")));
    // The frontend is gone as well, with those of the tests that run beside this one.
    wait(&|| {
        frontends
            .iter()
            .all(|process| !Path::new("/proc").join(process).exists())
    });
    project.spec("profile: plain\ncommands: [\"echo fine\"]\n");
    project.build("engine-cancel");
}
