//! Images that run as somebody else than the owner of their files.

use std::path::Path;
use std::process::Stdio;

use crate::bed::{Engine, Project, bed};

const PAGE: &str = "docs/other-users.md";
const MAIN: &str = "import humanize, os\nprint(humanize.__version__, os.getuid())\n";

/// The blocks of a page in one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let after = page.split(fence.as_str()).skip(1);
    after.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// What a line for a shell prints, on the main engine.
fn run(line: &str) -> String {
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", line])
        .envs(bed())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

/// Runs what stands behind each `$` of a block and compares what it prints with what stands below.
fn run_console(block: &str, image: &str) {
    for session in block.split("$ ").skip(1) {
        let (command, expected) = session.split_once('\n').unwrap();
        assert_eq!(run(&command.replace("IMAGE", image)), expected, "{command}");
    }
}

#[test]
fn the_page_on_other_users_is_true() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).unwrap();
    let yaml = blocks(&page, "yaml");
    let sessions = blocks(&page, "console");
    assert_eq!((yaml.len(), sessions.len()), (2, 2));
    let project = Project::new(&yaml[0]);
    project.file("main.py", &blocks(&page, "python")[0]);
    project.build("engine-other-users");
    for session in &sessions {
        run_console(session, "engine-other-users");
    }
    project.spec(&format!("{}{}", yaml[0], yaml[1]));
    project.build("engine-other-users-more");
    let write = "touch /var/lib/models/x && stat -c '%u:%g' /var/lib/models/x";
    let image = "engine-other-users-more";
    let any = project.engine.ok(&[
        "run",
        "--rm",
        "--user",
        "1234:0",
        "--entrypoint",
        "sh",
        image,
        "-c",
        write,
    ]);
    assert_eq!(any, "1234:0\n");
}

const AS_USER: &str = "id -u; python main.py; command -v python; touch x; stat -c '%u:%g %a' .; echo $HOME";

#[test]
fn a_user_with_a_name_runs_what_is_installed() {
    // Made before the copies, and by the last commands only.
    for (number, field) in ["setup_commands", "commands"].into_iter().enumerate() {
        for engine in [Engine::Main, Engine::Classic] {
            let spec = format!(
                "profile: plain\napt_packages: [python3]\npython_exec: /usr/bin/python3\npackages: [humanize==4.9.0]\n\
                 {field}: [useradd --uid 10001 --create-home app]\nuser: app\nworkdir: /srv/api\ncopy_to: /srv/api\ncopy: [main.py]\n"
            );
            let project = Project::new(&spec).on(engine);
            project.file("main.py", MAIN);
            let said = project.build_and_run(&format!("engine-named-user-{number}"), AS_USER);
            assert_eq!(
                said, "10001\n4.9.0 10001\n/root/.venv/bin/python\n10001:0 775\n/home/app\n",
                "{field} {engine:?}"
            );
            let any = ["run", "--rm", "--user", "1000710000:0", "--entrypoint", "sh"];
            let tag = format!("engine-named-user-{number}");
            let said = project
                .engine
                .ok(&[&any[..], &[&tag, "-c", "python main.py; echo $HOME; ls $HOME"]].concat());
            assert_eq!(said, "4.9.0 1000710000\n/home/app\n", "{field} {engine:?}");
        }
    }
}

#[test]
fn a_closed_home_and_an_unknown_user() {
    let project = Project::new(
        "profile: plain\nsetup_commands: [useradd --uid 1077 --create-home app && chmod 700 /home/app]\nuser: \"1077\"\n",
    );
    let said = project.build_and_run("engine-closed-home", "id -un; echo $HOME");
    assert_eq!(said, "app\n/home/app\n");
    let any = [
        "run",
        "--rm",
        "--user",
        "1000710000:0",
        "engine-closed-home",
        "sh",
        "-c",
        "echo $HOME",
    ];
    assert_eq!(project.engine.ok(&any), "/\n");
    project.spec("profile: plain\nuser: nobody-knows\n");
    let said = project.build("engine-unknown-user").log;
    assert!(
        said.contains("no user nobody-knows: containers will not start"),
        "{said}"
    );
}

#[test]
fn the_default_places_are_open_to_all() {
    let project = Project::new(
        "profile: plain\npython_version: \"3.12\"\npackages: [humanize==4.9.0]\ncopy: [main.py]\nuser: \"1001\"\n",
    );
    project.file("main.py", MAIN);
    let said = project.build_and_run("engine-open-root", "python /root/main.py; stat -c '%u:%g %a' /root");
    assert_eq!(said, "4.9.0 1001\n0:0 755\n");
}

#[test]
fn a_workdir_of_the_base_changes_its_owner_and_nothing_else() {
    let spec = "profile: plain\nbase_image:\n  profile: plain\n  setup_commands: [\"mkdir -m 700 /opt/x && echo 1 > /opt/x/f && chmod 600 /opt/x/f\"]\n\
                workdir: /opt/x\nuser: \"1001:1002\"\n";
    for engine in [Engine::Main, Engine::Classic] {
        let project = Project::new(spec).on(engine);
        let look = "stat -c '%u:%g %a' . f /opt; touch y; echo $HOME";
        let said = project.build_and_run("engine-owned-workdir", look);
        assert_eq!(said, "1001:0 775\n0:0 600\n0:0 755\n/opt/x\n", "{engine:?}");
    }
    // A copy that brings the directory leaves it to its user.
    let project = Project::new(
        "profile: plain\nsource_root: .\nsource_copy_mode: all\ncopy_to: /app\nworkdir: /app/service\nuser: \"1001\"\n",
    );
    project.file("service/f", "1");
    let said = project.build_and_run("engine-brought-workdir", "stat -c '%u:%g %a' . f ..");
    assert_eq!(said, "1001:0 775\n0:0 644\n0:0 755\n");
    // What every image has is everybody's.
    let project = Project::new("profile: plain\nworkdir: /tmp\nuser: \"1001\"\ncopy: [f]\n");
    project.file("f", "1");
    let said = project.build_and_run("engine-tmp-workdir", "stat -c '%u:%g %a' .; cat /root/f");
    assert_eq!(said, "0:0 1777\n1");
}

/// Where nothing can run, directories change all the same, and `/root` keeps its owner.
#[test]
fn a_base_without_a_shell_is_opened_too() {
    let project = Project::new(
        "profile: plain\nbase_image: imagespec-test/shellless:1\ncopy: [f]\nworkdir: /app/x\nuser: \"1001\"\n",
    );
    project.file(
        "Dockerfile",
        "FROM scratch\nCOPY --chown=7:8 --chmod=700 home /root/\nCOPY --chmod=700 f /app/x/f\n",
    );
    project.file("f", "1").file("home/kept", "1");
    let directory = project.directory.path().to_str().unwrap();
    let dockerfile = format!("{directory}/Dockerfile");
    let tag = "imagespec-test/shellless:1";
    project
        .engine
        .ok(&["buildx", "build", "-q", "-f", &dockerfile, "-t", tag, directory]);
    project.build("engine-shellless");
    let id = project
        .engine
        .ok(&["create", "--entrypoint", "none", "engine-shellless"]);
    let list = format!(
        "docker export {0} | tar -tv --numeric-owner; docker rm {0} >/dev/null",
        id.trim()
    );
    let listed = run(&list);
    for entry in [
        "drwxr-xr-x 7/8 root/",
        "-rwx------ 7/8 root/kept",
        "-rw-r--r-- 0/0 root/f",
        "drwx------ 0/0 app/",
        "drwxrwxr-x 1001/0 app/x/",
        "-rwx------ 0/0 app/x/f",
    ] {
        let is_it = |line: &&str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            format!("{} {} {}", words[0], words[1], words[words.len() - 1]) == entry
        };
        assert!(listed.lines().any(|line| is_it(&line)), "{entry}: {listed}");
    }
}

#[test]
fn tasks_run_as_any_user_of_group_0() {
    let project = Project::new("packages: [humanize==4.9.0]\nsource_root: src\nsource_copy_mode: all\n");
    project.file("src/main.py", MAIN);
    project.build("engine-any-user");
    let line =
        "python -c 'import flytekit' && python main.py && touch x ~/x && stat -c '%u:%g %a' . main.py && echo $HOME";
    let run = |user: &str| {
        let engine = project.engine;
        engine.ok(&[
            "run",
            "--rm",
            "--user",
            user,
            "--entrypoint",
            "sh",
            "engine-any-user",
            "-c",
            line,
        ])
    };
    let expected = |user: &str| format!("4.9.0 {user}\n1000:0 775\n1000:1000 644\n/home/flytekit\n");
    assert_eq!(run("1000710000:0"), expected("1000710000"));
    assert_eq!(run("flytekit"), expected("1000"));
    project.spec("packages: [humanize==4.9.0]\nsource_root: src\nsource_copy_mode: all\nuser: \"1001\"\n");
    let said = project.build_and_run("engine-any-user-set", line);
    assert_eq!(said, "4.9.0 1001\n1001:0 775\n1000:1000 644\n/root\n");
}
