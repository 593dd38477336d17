//! The user's own commands: each entry is one command of one shell, whatever is in it.

use crate::bed::{Engine, Project, fresh};

/// Builds an image with commands, and gives what a shell line prints in it.
fn after(tag: &str, list: &str, commands: &str, line: &str) -> String {
    Project::new(&fresh(&format!("profile: plain\n{list}:\n{commands}"))).build(tag);
    Engine::Main.shell(tag, line)
}

#[test]
fn an_entry_is_one_command_whatever_is_in_it() {
    let commands = r##"
  - "echo 1 >> /o   # a comment"
  - |
    if [ -e /o ]; then
      echo 2 >> /o
    fi
  - "false || echo 3 >> /o"
  - |
    cat >> /o <<'EOF'
    4 $HOME && "x" # no comment
    EOF
  - "echo 5 >> /o;"
  - "sleep 60 &"
  - ""
  - "   "
  - "# nothing but a comment"
  - "echo 6 \\"
  - "cd /srv && HERE=there"
  - 'echo "7 $PWD $HERE $#" >> /o'
  - "false; echo 8 >> /o"
  - >-
    echo 9
    >> /o
  - rm -rf /var/cache/* /var/lib/apt/lists/* /tmp/* /var/tmp/* /root/.cache
  - "env | grep -c -e IMAGESPEC -e _imagespec >> /o || true"
"##;
    let expect = "1\n2\n3\n4 $HOME && \"x\" # no comment\n5\n7 /srv there 0\n8\n9\n0\n";
    for list in ["commands", "setup_commands"] {
        let line = "cat /o; ls -d /imagespec 2>/dev/null";
        assert_eq!(
            after("engine-commands", list, commands, &format!("{line} || true")),
            expect
        );
    }
}

#[test]
fn the_entry_that_fails_is_shown() {
    let check = |commands: &str, place: &str, words: &str| {
        let spec = fresh(&format!("profile: plain\ncommands:\n{commands}"));
        let log = Project::new(&spec).fail("engine-commands-fail");
        assert!(
            log.contains(&format!("imageSpec.yaml:{place}: entry")) && log.contains(words),
            "{commands}{log}"
        );
        // The snippet marks this entry's lines alone.
        let marked: Vec<&str> = log.lines().filter(|line| line.contains(">>>")).collect();
        let (first, last) = words_of(commands, place);
        assert_eq!(marked.len(), last - first + 1, "{log}");
    };
    check("  - echo fine\n  - exit 7\n  - echo no\n", "5:5", "exit code: 7");
    check(
        "  - echo fine\n  - \"false\"\n  - echo x || echo y\n",
        "5:5",
        "exit code: 1",
    );
    check(
        "  - |\n    echo 1\n    false\n    echo 2\n  - echo no\n",
        "4:5",
        "exit code: 1",
    );
    check("  - exit 0\n  - echo no\n", "4:5", "ended the shell");
    check("  - exec true\n", "4:5", "ended the shell");
    check("  - echo fine\n  - \"echo 'it\"\n  - \"two'\"\n", "5:5", "exit code: 2");
}

/// The lines, from the first of the list, that the entry at a place has.
fn words_of(commands: &str, place: &str) -> (usize, usize) {
    let first = place.split(':').next().unwrap().parse::<usize>().unwrap() - 4;
    let lines: Vec<&str> = commands.lines().collect();
    let more = lines[first + 1..].iter().take_while(|line| !line.starts_with("  - "));
    (first, first + more.count())
}

#[test]
fn the_entry_of_the_right_storey_is_shown() {
    let spec = fresh(
        "profile: plain\nbase_image:\n  profile: plain\n  commands:\n    - echo below\n    - exit 3\ncommands:\n  - echo above\n",
    );
    let log = Project::new(&spec).fail("engine-commands-nested");
    assert!(log.contains("imageSpec.yaml:7:7: entry 2 of `commands`"), "{log}");
    let spec = fresh("profile: plain\nsetup_commands:\n  - exit 3\ncommands:\n  - echo above\n");
    let log = Project::new(&spec).on(Engine::Classic).fail("engine-commands-classic");
    assert!(log.contains("imageSpec.yaml:4:5: entry 1 of `setup_commands`"), "{log}");
}

/// The frontends of an engine share what it runs containers in.
#[test]
fn the_entries_of_builds_that_fail_at_once_are_shown() {
    let fail = |number: usize| {
        let spec = format!("profile: plain\ncommands:\n  - \": {number}\"\n  - exit 7\n");
        Project::new(&fresh(&spec)).fail(&format!("engine-commands-at-once-{number}"))
    };
    let logs: Vec<String> = std::thread::scope(|scope| {
        let failing: Vec<_> = (0..8).map(|number| scope.spawn(move || fail(number))).collect();
        failing.into_iter().map(|log| log.join().unwrap()).collect()
    });
    for log in logs {
        assert!(log.contains("imageSpec.yaml:5:5: entry 2 of `commands`"), "{log}");
    }
}

#[test]
fn installers_in_commands_reach_the_images_packages() {
    let commands = format!(
        "
  - \": {}\"
  - uv pip install six==1.16.0
  - pip install --no-cache-dir --root-user-action=ignore humanize==4.9.0
  - python -m pip install --progress-bar off idna==3.7
  - pip3 list > /listed
  - pip cache purge
",
        crate::bed::now()
    );
    let line = "python -c 'import six, humanize, idna; print(six.__file__, six.__version__, humanize.__version__)'; \
                ls -d $(dirname $(command -v python))/pip* 2>/dev/null; cat /listed; env | grep -e UV_PYTHON -e CA_BUNDLE; true";
    for (python, prefix) in [
        (
            "apt_packages: [python3]\npython_exec: /usr/bin/python3\n",
            "/root/.venv",
        ),
        ("python_version: \"3.12\"\n", "/opt/micromamba/envs/runtime"),
    ] {
        for list in ["setup_commands", "commands"] {
            let spec = format!("profile: plain\n{python}{list}:{commands}");
            Project::new(&spec).build("engine-commands-pip");
            let said = Engine::Main.shell("engine-commands-pip", line);
            assert!(said.starts_with(&format!("{prefix}/lib/")), "{said}");
            assert!(said.contains("six.py 1.16.0 4.9.0") && said.contains("idna"), "{said}");
            // The pip that was lent is gone, and so is what led there.
            assert!(
                !said.contains("/root/.venv/bin/pip") && !said.contains("UV_PYTHON") && !said.contains("CA_BUNDLE"),
                "{said}"
            );
        }
    }
}
