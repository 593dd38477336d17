//! Bad input, as a user sees it.

use std::io::{ErrorKind, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::bed::{FRONTEND, Project, host};
use crate::progress;

#[test]
fn a_failing_step_points_into_the_spec() {
    let log = Project::new("profile: plain\napt_packages:\n  - jq\n  - no-such-package-at-all\n").fail("engine-no-apt");
    assert!(log.contains("Unable to locate package no-such-package-at-all"), "{log}");
    assert!(log.contains("\nimageSpec.yaml:5\n"), "{log}");
    assert!(log.contains(">>>   - no-such-package-at-all"), "{log}");
    let log = Project::new("profile: plain\npackages:\n  - no-such-package-at-all-anywhere\n").fail("engine-no-wheel");
    assert!(log.contains("no-such-package-at-all-anywhere was not found"), "{log}");
    assert!(log.contains("\nimageSpec.yaml:4\n"), "{log}");
    assert!(log.contains(">>>   - no-such-package-at-all-anywhere"), "{log}");
    // The last line says why, at the entry, and nothing of the script around it.
    let last = log.lines().last().unwrap();
    let start = "ERROR: failed to build: failed to solve: imageSpec.yaml:4:5: `packages`: Because no-such-package";
    assert!(
        last.len() < 300 && last.starts_with(start) && !last.contains("/bin/sh"),
        "{last}"
    );
    let log = Project::new("profile: plain\ncommands: [\"true\", \"exit 7\"]\n").fail("engine-exit");
    assert!(log.contains("exit code: 7") && log.contains(">>> commands:"), "{log}");
}

#[test]
fn places_in_extended_files_are_theirs() {
    let project = Project::new("extends: shared/base.yaml\nprofile: plain\ncommands: [\"true\"]\n");
    project.file(
        "shared/base.yaml",
        "\n# Shared.\nenv: {WHO: base}\ncommands:\n  - echo $WHO > /who\n",
    );
    assert_eq!(project.build_and_run("engine-extends", "cat /who"), "base\n");
    // The failing command is in the other file.
    project.file("shared/base.yaml", "\n# Shared.\ncommands:\n  - echo one\n  - exit 7\n");
    let log = project.fail("engine-extends");
    assert!(log.contains("shared/base.yaml:5"), "{log}");
    assert!(log.contains(">>>   - exit 7"), "{log}");
    // So is a wrong field.
    project.file("shared/base.yaml", "\npakages: [x]\n");
    let log = project.fail("engine-extends");
    assert!(log.contains("shared/base.yaml:2:1: unknown field `pakages`"), "{log}");
    assert!(log.contains(">>> pakages: [x]"), "{log}");
    let checked = project
        .engine
        .docker(&["buildx", "build", "--check", "-f", "imageSpec.yaml", "."]);
    let checked = progress::output({ checked }.current_dir(project.directory.path()));
    let checked = String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
    assert!(checked.contains("shared/base.yaml:2"), "{checked}");
    std::fs::remove_file(project.directory.path().join("shared/base.yaml")).unwrap();
    let log = project.fail("engine-extends");
    assert!(
        log.contains("imageSpec.yaml:2:10: `extends` names shared/base.yaml, which is not there"),
        "{log}"
    );
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
    project.file("deps.txt", b"\xff\xff").file("gone/file.txt", "1");
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
        ("", "imageSpec.yaml:1:1: the file has no content"),
        (
            "- a\n- b\n",
            "imageSpec.yaml:2:1: a spec is a mapping of fields, this is a list",
        ),
        (
            "just text",
            "imageSpec.yaml:2:1: a spec is a mapping of fields, this is a string",
        ),
        ("env:\n\tA: b\n", "help: the line is indented with a tab"),
        ("env:\n\tA: b\n", "imageSpec.yaml:3:1: this is not valid YAML"),
        ("a: [", "imageSpec.yaml:2:5: this is not valid YAML"),
    ] {
        let log = Project::new(content).fail("engine-no-spec");
        assert!(log.contains(expect), "{expect}: {log}");
    }
    let project = Project::new("");
    project.file(
        "imageSpec.yaml",
        [format!("# syntax={FRONTEND}\npackages: [").as_bytes(), b"\xff]\n"].concat(),
    );
    assert!(
        project
            .fail("engine-no-spec")
            .contains("imageSpec.yaml:2: the file is not UTF-8 text")
    );
    project.file(
        "imageSpec.yaml",
        format!("# syntax={FRONTEND}\n#{}\n", "x".repeat(1_100_000)),
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
    assert!(
        built
            .log
            .contains("builder-ignored: `builder: envd` is not used; imagespec builds the image (line 4)"),
        "{}",
        built.log
    );
}

#[test]
fn a_spec_is_checked_without_a_build() {
    let call = |spec: &str, call: &str| {
        let output = progress::output(&mut Project::new(spec).with(&["--call", call]).command("engine-call"));
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
    // What is wrong with a file, and with an option, has no line in the spec.
    let project = Project::new("profile: plain\nrequirements: r.txt\n").with(&["--call", "check"]);
    project.file("r.txt", "six\nname: x\n");
    let of_file = progress::output(&mut project.command("engine-call"));
    let project = Project::new("profile: plain\n").with(&["--call", "check", "--target", "imgae"]);
    let of_option = progress::output(&mut project.command("engine-call"));
    for (output, words) in [(of_file, "r.txt:2: `name: x`"), (of_option, "did you mean `image`?")] {
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            output.status.code() == Some(1) && said.contains(words) && !said.contains("panic"),
            "{said}"
        );
    }
    let (ok, out, err) = call("profile: plain\napt_packages: [jq]\n", "targets");
    let words: Vec<&str> = out.split_whitespace().collect();
    assert!(ok, "{err}");
    assert_eq!(words, ["TARGET", "DESCRIPTION", "base", "apt", "image", "(default)"]);
    let (ok, out, err) = call("pip_secret_mounts: [[a, /b]]\n", "outline");
    assert!(
        ok && out.lines().any(|line| line == "secret_0          true"),
        "{out}{err}"
    );
    let (ok, out, err) = call("profile: plain\n", "nonsense");
    assert!(
        !ok && err.contains("unsupported request frontend.nonsense"),
        "{out}{err}"
    );
}

/// The processes whose command line begins with a text.
fn processes(begin: &str) -> Vec<String> {
    let output = Command::new("pgrep")
        .args(["-f", &format!("^{begin}")])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().map(str::to_owned).collect()
}

/// Asks again and again until there is an answer.
fn wait<T>(mut until: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = until() {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(300), "waited too long");
        thread::sleep(Duration::from_millis(100));
    }
}

/// A build that goes on beside the test, and no longer than it.
struct Running(Child);

impl Running {
    fn start(project: &Project, tag: &str) -> Self {
        Self(project.command(tag).stderr(Stdio::null()).spawn().unwrap())
    }

    /// As ^C does, which has to end the build and not well.
    fn interrupt(&mut self) {
        let id = self.0.id().to_string();
        Command::new("kill").args(["-INT", &id]).status().unwrap();
        assert!(!self.0.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, unless the test failed before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// While a step runs that the frontend itself waits for: here the lock, for an index that does not answer.
#[test]
fn a_cancelled_build_ends_its_frontend() {
    let index = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = index.local_addr().unwrap().port();
    let spec = format!(
        "profile: plain\npackages: [six]\npip_index: http://{}:{port}/simple\n",
        host()
    );
    let project = Project::new(&spec);
    let mut build = Running::start(&project, "engine-cancel-lock");
    index.set_nonblocking(true).unwrap();
    let (mut asked, _) = wait(|| index.accept().ok());
    // Those of the tests that run beside this one are among them; they end soon.
    let frontends = processes("/imagespec");
    assert_ne!(frontends, [""; 0], "a frontend waits for its lock");
    build.interrupt();
    // The step is gone: the other end of its connection is.
    asked.set_read_timeout(Some(Duration::from_secs(300))).unwrap();
    let ended = asked.read_to_end(&mut Vec::new());
    let is_reset = |error: &std::io::Error| error.kind() == ErrorKind::ConnectionReset;
    assert!(ended.as_ref().err().is_none_or(is_reset), "{ended:?}");
    let is_gone = |process: &String| !Path::new("/proc").join(process).exists();
    wait(|| frontends.iter().all(is_gone).then_some(()));
}

#[test]
fn a_cancelled_build_leaves_nothing_behind() {
    let marker = format!("sleep 98{}", std::process::id());
    let is_running = |marker: &str| !processes(&format!("(/bin/sh -c )?{marker}")).is_empty();
    let project = Project::new(&format!("profile: plain\ncommands: [\"{marker}\"]\n"));
    let mut build = Running::start(&project, "engine-cancel");
    wait(|| is_running(&marker).then_some(()));
    build.interrupt();
    wait(|| (!is_running(&marker)).then_some(()));
    project.spec("profile: plain\ncommands: [\"echo fine\"]\n");
    project.build("engine-cancel");
}
