//! Which of the user's files an image has, from every kind of context.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::bed::{CONTEXTS, Engine, Project, bed, free_port, host};
use crate::progress;

const ALL: &str = "profile: plain\nsource_root: .\nsource_copy_mode: all\ncopy_to: /app\n";
const LIST: &str = "cd /app && find . ! -type d | sort | xargs";

fn git(directory: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=n", "-c", "user.email=e@e"])
        .args(arguments)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

/// A checkout in which git tracks a file that it would ignore, ignores one that it does not track, and whose ignore file
/// names another.
fn checkout() -> Project {
    let project = Project::new(ALL);
    project
        .file("main.py", "")
        .file("tracked.log", "")
        .file("notes/todo.txt", "")
        .file(".gitignore", "*.log\n")
        .file(".dockerignore", "notes\n");
    let directory = project.directory.path();
    git(directory, &["init", "-q", "-b", "main"]);
    git(directory, &["add", "-f", "."]);
    git(directory, &["commit", "-qm", "1"]);
    project.file("untracked.log", "");
    project
}

/// What a build of a context that is not a directory makes, and what it says its tag is.
fn fetched(context: &[&str], input: Option<&Path>, tag: &str) -> (String, String) {
    let docker = |arguments: &[&str]| {
        let mut command = Engine::Main.docker(arguments);
        for (name, image) in CONTEXTS {
            let image = format!("{name}=docker-image://{}", bed()[image]);
            command.args(["--build-context", &image]);
        }
        command.args(["-f", "imageSpec.yaml"]).args(context);
        if let Some(input) = input {
            command.stdin(Stdio::from(std::fs::File::open(input).unwrap()));
        }
        let output = progress::output(&mut command);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    docker(&["buildx", "build", "--progress=plain", "-t", tag]);
    let said = docker(&["buildx", "build", "--progress=none", "--call=tag"]);
    (Engine::Main.shell(tag, LIST).trim().to_owned(), said)
}

/// Serves a directory until it is dropped.
struct Server(Child, String);

impl Server {
    fn new(directory: &Path) -> Self {
        let port = free_port();
        let child = Command::new("python3")
            .args(["-m", "http.server", &port.to_string()])
            .current_dir(directory)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let address = format!("{}:{port}", host());
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Self(child, format!("http://{address}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn what_git_tracks_is_copied_and_what_it_ignores_is_not() {
    let project = checkout();
    let all = "./.dockerignore ./.gitignore ./imageSpec.yaml ./main.py ./tracked.log";
    assert_eq!(project.build_and_run("engine-tracked", LIST).trim(), all);
    let tag = project.call("tag");
    project.file("untracked.log", "other").file("notes/todo.txt", "other");
    assert_eq!(project.call("tag"), tag);
    project.file("tracked.log", "other");
    assert_ne!(project.call("tag"), tag);
    // What git tracks is known although the ignore file leaves out `.git`, and below the root of the repository.
    project.file(".dockerignore", "notes\n.git\n");
    assert_eq!(project.build_and_run("engine-tracked", LIST).trim(), all);
    // Without a repository nothing is ignored by it.
    std::fs::remove_dir_all(project.directory.path().join(".git")).unwrap();
    project.build("engine-tracked");
    let asked = progress::output(&mut project.with(&["--call", "tag"]).command("engine-tracked"));
    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(said.contains("`.gitignore` would leave out 2 files"), "{said}");
    assert_eq!(
        Engine::Main.shell("engine-tracked", LIST).trim(),
        format!("{all} ./untracked.log")
    );
}

#[test]
fn fetched_contexts_are_filtered_as_directories_are() {
    let project = checkout();
    let directory = project.directory.path();
    let served = tempfile::tempdir().unwrap();
    let tar = |name: &str, without: &str| {
        let path = served.path().join(name);
        let out = Command::new("tar")
            .args([
                "-czf",
                path.to_str().unwrap(),
                without,
                "-C",
                directory.to_str().unwrap(),
                ".",
            ])
            .output()
            .unwrap();
        assert!(out.status.success(), "{out:?}");
        path
    };
    let with_git = tar("with.tar.gz", "--exclude=nothing");
    let without_git = tar("without.tar.gz", "--exclude=.git");
    git(
        served.path(),
        &["clone", "-q", "--bare", directory.to_str().unwrap(), "demo.git"],
    );
    git(&served.path().join("demo.git"), &["update-server-info"]);
    let server = Server::new(served.path());
    let url = |name: &str| format!("{}/{name}", server.1);
    let tracked = "./.gitignore ./main.py ./tracked.log";
    let by_git = fetched(&[&url("demo.git#main")], None, "engine-fetched-git");
    assert_eq!(by_git.0, tracked);
    let keep = ["--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", &url("demo.git#main")];
    assert_eq!(fetched(&keep, None, "engine-fetched-git"), by_git);
    // The same files have the same tag, wherever they come from.
    assert_eq!(fetched(&[&url("with.tar.gz")], None, "engine-fetched-tar"), by_git);
    assert_eq!(fetched(&["-"], Some(&with_git), "engine-fetched-stdin"), by_git);
    let untracked = fetched(&["-"], Some(&without_git), "engine-fetched-stdin");
    assert_eq!(untracked.0, format!("{tracked} ./untracked.log"));
    assert_ne!(untracked.1, by_git.1);
}

#[test]
fn exceptions_of_ignore_files_hold_in_fetched_contexts() {
    let project = Project::new("profile: plain\ncopy: [.]\ncopy_to: /app\n");
    project
        .file("a/b/keep", "")
        .file("a/b/drop", "")
        .file("c", "")
        .file(".dockerignore", "*\n!a/b/keep\n");
    let directory = project.directory.path();
    let tar = directory.parent().unwrap().join(format!("{}.tar", std::process::id()));
    let out = Command::new("tar")
        .args(["-cf", tar.to_str().unwrap(), "-C", directory.to_str().unwrap(), "."])
        .output()
        .unwrap();
    assert!(out.status.success(), "{out:?}");
    assert_eq!(fetched(&["-"], Some(&tar), "engine-fetched-exceptions").0, "./a/b/keep");
    std::fs::remove_file(tar).unwrap();
}

#[test]
fn copy_wins_over_source() {
    let spec = "profile: plain\nsource_root: src\nsource_copy_mode: all\ncopy_to: /app\ncopy: [config, both]\n";
    for strategy in ["merge", "chain"] {
        let project = Project::new(spec).with(&["--build-arg", &format!("IMAGESPEC_STRATEGY={strategy}")]);
        project
            .file("config/settings.yaml", "prod")
            .file("src/config/settings.yaml", "dev")
            .file("src/config/only", "dev")
            .file("both/x", "directory")
            .file("src/both", "file");
        let line = "cd /app && cat config/settings.yaml config/only both/x";
        assert_eq!(
            project.build_and_run("engine-copy-wins", line),
            "proddevdirectory",
            "{strategy}"
        );
        // An edit of the source costs its layer alone.
        let now = std::time::SystemTime::now();
        project.file("src/main.py", format!("{now:?}"));
        let ran = project.build("engine-copy-wins").ran();
        let copies: Vec<&String> = ran.iter().filter(|step| step.starts_with("[source]")).collect();
        assert_eq!(copies, ["[source] copy source src to /app"], "{strategy}");
    }
}

#[test]
fn nothing_that_is_copied_replaces_python() {
    let spec = "profile: plain\napt_packages: [python3]\npython_exec: python3\npackages: [six]\n\
        source_root: .\nsource_copy_mode: all\ncopy: [.venv]\n";
    let project = Project::new(spec);
    project.file(".venv/bin/other", "").file("main.py", "");
    std::os::unix::fs::symlink("/Users/dev/python", project.directory.path().join(".venv/bin/python")).unwrap();
    let built = project.build("engine-copy-python");
    for words in [
        "`.venv` of `source_root: .` is not copied",
        "`copy: .venv` is not copied",
    ] {
        assert!(built.log.contains(words), "{words}: {}", built.log);
    }
    let line = "ls /root/main.py && /root/.venv/bin/python -c 'import six' && ls /root/.venv/bin/other || echo none";
    let said = Engine::Main.shell("engine-copy-python", line);
    assert_eq!(said, "/root/main.py\nnone\n");
}

#[test]
fn links_that_lead_out_are_copied_as_files() {
    let project = Project::new("profile: plain\nsource_root: src\nsource_copy_mode: all\ncopy: [src]\ncopy_to: /app\n");
    project
        .file("src/pkg/main.py", "")
        .file("configs/prod.yaml", "region: eu")
        .file("libs/common/__init__.py", "");
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, project.directory.path().join(at)).unwrap();
    link("../../configs/prod.yaml", "src/pkg/settings.yaml");
    link("../libs/common", "src/common");
    link("../../configs/prod.yaml", "libs/common/deep.yaml");
    link("main.py", "src/pkg/inside.py");
    link("../../nowhere", "src/pkg/lost");
    let built = project.build("engine-links-out");
    assert!(
        built.log.contains("a link, `src/pkg/lost`, that leads out"),
        "{}",
        built.log
    );
    let line = "cd /app && find . -type l | sort | xargs && cat pkg/settings.yaml common/deep.yaml src/pkg/settings.yaml \
        && stat -c %Y pkg common src/common";
    assert_eq!(
        Engine::Main.shell("engine-links-out", line),
        "./pkg/inside.py ./pkg/lost ./src/pkg/inside.py ./src/pkg/lost\n\
        region: euregion: euregion: eu946684800\n946684800\n946684800\n"
    );
    let tag = project.call("tag");
    project.file("configs/prod.yaml", "region: us");
    assert_ne!(project.call("tag"), tag);
}

#[test]
fn names_that_are_nearly_there_are_told() {
    let project = Project::new(ALL);
    project
        .file("data/cafe\u{301}.txt", "")
        .file("out/x", "")
        .file(".dockerignore", "out\n");
    for (path, expect) in [
        ("data/caf\u{e9}.txt", "looks the same"),
        ("Data/cafe\u{301}.txt", "in other capitals"),
        ("data/cafe\u{301}.txt ", "with a blank at an end"),
        ("dta/cafe\u{301}.txt", "differs in one letter"),
        ("out/x", "`out` in the ignore file leaves it out"),
    ] {
        project.spec(&format!("copy: [\"{path}\"]\nprofile: plain\n"));
        let said = project.fail("engine-nearly");
        assert!(said.contains(expect), "{path}: {said}");
    }
}

#[test]
fn names_with_line_feeds_are_copied() {
    let project = Project::new("copy: [\"data/a\\nb\"]\nprofile: plain\ncopy_to: /app\n");
    project.file("data/a\nb", "1").file("data/axb", "2");
    assert_eq!(project.build_and_run("engine-line-feed", "cat /app/data/*"), "1");
    assert_eq!(project.call("tag").len(), 22);
}

#[test]
fn entries_have_places_owners_and_modes() {
    let spec = "profile: plain\nsource_root: src\nsource_copy_mode: all\ncopy_to: /app\ncopy:\n\
        - plain.txt\n\
        - {src: data, dst: /srv/data, owner: \"1000:0\", mode: 0640, exclude: [\"**/*.tmp\", secret]}\n\
        - {src: run.sh, dst: /usr/local/bin/run, mode: 4755}\n\
        - {src: run.sh, dst: /etc/app/}\n\
        - {src: data/a.txt, dst: settings/, owner: daemon}\n\
        - {src: data, dst: sub}\n";
    for strategy in ["merge", "chain"] {
        let project = Project::new(spec).with(&["--build-arg", &format!("IMAGESPEC_STRATEGY={strategy}")]);
        project
            .file("plain.txt", "plain")
            .file("run.sh", "#!/bin/sh\n")
            .file("data/a.txt", "a")
            .file("data/b.tmp", "temporary")
            .file("data/secret/key", "hunter2")
            .file("data/deep/c.txt", "c")
            .file("src/main.py", "")
            // Both give way to entries.
            .file("src/sub/a.txt", "of the source")
            .file("src/settings/a.txt", "of the source");
        let run = project.directory.path().join("data/a.txt");
        std::fs::set_permissions(run, std::fs::Permissions::from_mode(0o777)).unwrap();
        let line = "cd / && find app srv/data etc/app usr/local/bin/run -printf '%p %u:%g %m %y\\n' | sort; \
            cat /app/settings/a.txt /app/sub/a.txt";
        let listed = project.build_and_run("engine-copy-entries", line);
        insta::assert_snapshot!("copy_entries", listed);
        // What patterns leave out costs nothing.
        project.file("data/b.tmp", format!("{:?}", std::time::SystemTime::now()));
        let again = project.build("engine-copy-entries");
        let ran = again.ran();
        let copies: Vec<&String> = ran.iter().filter(|step| step.starts_with("[source]")).collect();
        let after = ["[source] copy data to /app/sub", "[source] copy source src to /app"];
        assert_eq!(copies, after, "{strategy}");
    }
}

/// BuildKit would give their files to root, without a word.
#[test]
fn owners_that_are_not_there_are_told() {
    let project = Project::new(
        "profile: plain\ncopy:\n  - {src: a, owner: \"app:daemon\"}\n  - {src: a, dst: b, owner: \"root:none\"}\ncommands: [useradd app]\n",
    );
    project.file("a", "");
    let log = project.fail("engine-copy-owner");
    for words in [
        "imageSpec.yaml:4:21: `owner` names the user app, which /etc/passwd does not have when files are copied",
        "imageSpec.yaml:5:29: `owner` names the group none, which /etc/group does not have",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
    let project = Project::new(
        "profile: plain\ncopy:\n  - {src: a, dst: /a, owner: \"app:daemon\"}\nsetup_commands: [useradd app]\n",
    );
    project.file("a", "");
    assert_eq!(
        project.build_and_run("engine-copy-owner", "stat -c %U:%G /a"),
        "app:daemon\n"
    );
}

/// A client follows a link for the first of the paths alone that lead through it.
#[test]
fn paths_that_share_a_link_are_all_there() {
    let project = Project::new(
        "profile: plain\npython_version: \"3.12\"\ncopy: [l/a, l/b, l/deep/c, again/b]\ncopy_to: /app\nrequirements: pyproject.toml\n",
    );
    for name in ["real/a", "real/b", "real/more/c"] {
        project.file(name, name);
    }
    symlink("real", project.directory.path().join("l")).unwrap();
    symlink("l", project.directory.path().join("again")).unwrap();
    symlink("more", project.directory.path().join("real/deep")).unwrap();
    let manifest = |name: &str, rest: &str| {
        format!(
            "[project]\nname = \"{name}\"\nversion = \"1\"\n{rest}[build-system]\nrequires = [\"setuptools\"]\n\
             build-backend = \"setuptools.build_meta\"\n"
        )
    };
    // One member is a link, and so is the directory of the others.
    project.file(
        "pyproject.toml",
        "[project]\nname = \"root\"\nversion = \"1\"\ndependencies = [\"one\", \"two\", \"three\"]\n\
         [tool.uv.workspace]\nmembers = [\"libs/*\", \"packages/*\"]\n\
         [tool.uv.sources]\none = {workspace = true}\ntwo = {workspace = true}\nthree = {workspace = true}\n",
    );
    for (name, directory) in [
        ("one", "elsewhere/one"),
        ("two", "others/two"),
        ("three", "others/three"),
    ] {
        project.file(&format!("{directory}/pyproject.toml"), manifest(name, ""));
        project.file(&format!("{directory}/{name}.py"), format!("NAME = '{name}'\n"));
    }
    project.file("libs/README.md", "libraries\n");
    symlink("../elsewhere/one", project.directory.path().join("libs/one")).unwrap();
    symlink("others", project.directory.path().join("packages")).unwrap();
    let line = "cd /app; cat l/a l/b l/deep/c again/b; python -c 'import one, two, three; print(one.NAME, two.NAME, three.NAME)'";
    let said = project.build_and_run("engine-links", line);
    assert_eq!(said, "real/areal/breal/more/creal/bone two three\n");
}
