//! The command line, as users and programs meet it.

#![allow(
    clippy::unwrap_used,
    reason = "tests may stop at the first surprise, their helpers too"
)]

mod build;
mod check;
mod context;
mod dockerfile;
mod files;
mod help;
mod other_engines;
mod plan;
mod projects;

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_imagespec");

struct Project(TempDir);

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Project {
    fn new(spec: &str) -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        project.file("imageSpec.yaml", spec);
        project
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn run(&self, args: &[&str]) -> Said {
        said(Command::new(PROGRAM).args(args).current_dir(self.path()))
    }

    fn tag(&self) -> String {
        let said = self.run(&["tag"]);
        assert_eq!(said.code, 0, "{}", said.err);
        said.out.trim_end().to_owned()
    }

    /// The error of a command that fails, within a time in which nothing hangs.
    fn fails(&self, args: &[&str]) -> String {
        let mut child = Command::new(PROGRAM)
            .args(args)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if start.elapsed() > Duration::from_secs(20) {
                child.kill().unwrap();
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(3),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
        String::from_utf8(output.stderr).unwrap()
    }
}

fn said(command: &mut Command) -> Said {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn names_are_printed_for_people_and_programs() {
    let project = Project::new("name: A\npackages: [x]\nregistry: ghcr.io/Acme\n");
    let name = project.run(&["name"]);
    assert_eq!((name.code, name.err.as_str()), (0, ""));
    assert_eq!(name.out, format!("ghcr.io/acme/a:{}\n", project.tag()));
    let json: Value = serde_json::from_str(&project.run(&["name", "--json"]).out).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["algorithm"], "flytekit");
    assert_eq!(json["tag"], project.tag());
    assert_eq!(json["name"], name.out.trim_end());
    assert_eq!(json["warnings"].as_array().unwrap().len(), 0);
    let id: Value = serde_json::from_str(&project.run(&["id", "--json"]).out).unwrap();
    assert_eq!(id["id"], json["id"]);
    assert_eq!(project.run(&["id"]).out, format!("{}\n", id["id"].as_str().unwrap()));
    // From elsewhere, and from standard input.
    let directory = project.path().to_str().unwrap();
    let elsewhere = said(Command::new(PROGRAM).args(["name", directory]).current_dir("/"));
    assert_eq!(elsewhere.out, name.out);
    let file = fs::File::open(project.path().join("imageSpec.yaml")).unwrap();
    let output = Command::new(PROGRAM)
        .args(["name", "-f", "-"])
        .stdin(file)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), name.out);
}

#[test]
fn recorded_names_come_out() {
    // As flytekit computes them: releases 1.13.6 and later, and 1.13.1 to 1.13.4.
    let project = Project::new("name: A\npackages: [x]\n");
    assert_eq!(project.tag(), "UVnSThsuLhoHcCQ6CrolDw");
    let old = project.run(&["tag", "--algorithm", "flytekit-1.13"]);
    assert_eq!(old.out, "74wpYX19Jj7MTfnFs2L5jA\n");
    project.file("imageSpec.yaml", "registry: localhost:5000\n");
    let on = |machine: &str| project.run(&["id", "--host-arch", machine]).out;
    assert_ne!(on("arm64"), on("x86_64"));
    assert_eq!(on("AARCH64"), on("arm64"));
    project.file("imageSpec.yaml", "env: {A: \"\u{1fae8}\"}\n");
    let of = |version: &str| project.run(&["id", "--python-unicode", version]).out;
    assert_ne!(of("3.11"), of("3.12"));
    assert_eq!(of("3.11"), of("3.10"));
}

#[test]
fn exit_codes_say_what_happened() {
    let project = Project::new("name: a\n");
    project.file("other.yaml", "name: b\n");
    let check = |args: &[&str], code: i32, says: &str| {
        let said = project.run(args);
        assert_eq!(said.code, code, "{args:?}: {}", said.err);
        assert!(
            format!("{}{}", said.out, said.err).contains(says),
            "{args:?}: {}{}",
            said.out,
            said.err
        );
    };
    check(&["tag"], 0, "");
    check(&["--version"], 0, env!("CARGO_PKG_VERSION"));
    check(&["--help"], 0, "Exit codes");
    check(&[], 2, "Usage");
    check(&["tags"], 2, "similar subcommand exists: 'tag'");
    check(&["tag", "--algorithm", "md5"], 2, "flytekit-1.13");
    check(&["tag", "--python-unicode", "2.7"], 2, "3.12");
    check(&["diff", "imageSpec.yaml", "imageSpec.yaml"], 0, "no input differs");
    check(&["diff", "imageSpec.yaml", "other.yaml"], 1, "- 'a'");
    check(&["diff", "imageSpec.yaml", "Nothing.yaml"], 3, "neither a file nor");
    check(&["tag", "-f", "nothing.yaml"], 3, "cannot read nothing.yaml");
    check(&["tag", "nowhere"], 3, "not a directory");
    project.file("format.yaml", "tag_format: \"{spec_hash\"\n");
    check(
        &["tag", "-f", "format.yaml"],
        3,
        "error[no-tag]: tag_format: `{spec_hash` has a `{`",
    );
    check(&["id", "-f", "format.yaml"], 0, "");
    project.file("quotes.yaml", "tag_format: \"{spec_hash!r}\"\n");
    check(&["tag", "-f", "quotes.yaml"], 0, "warning[image-name]");
    project.file("bad.yaml", "pakages: [a]\nname: 3\n");
    check(&["tag", "-f", "bad.yaml"], 3, "did you mean `packages`?");
    check(&["tag", "-f", "bad.yaml"], 3, "2 problems in bad.yaml");
    let json: Value = serde_json::from_str(&project.run(&["tag", "-f", "bad.yaml", "--json"]).out).unwrap();
    assert_eq!(json["problems"][0]["rule"], "unknown-field");
    assert_eq!(
        (&json["problems"][0]["line"], &json["problems"][0]["column"]),
        (&1.into(), &1.into())
    );
    project.file("latin.yaml", b"name: \xe9\n");
    check(&["tag", "-f", "latin.yaml"], 3, "latin.yaml:1: the file is not UTF-8");
}

#[test]
fn programs_get_the_help_and_the_kind_of_every_problem() {
    let project = Project::new("name: a\n");
    let json = |args: &[&str]| -> Value {
        let said = project.run(args);
        assert_eq!((said.code, said.err.as_str()), (3, ""));
        let report: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(report["problems"].as_array().unwrap().len(), 1, "{report}");
        report["problems"][0].clone()
    };
    fs::create_dir(project.path().join("empty")).unwrap();
    let problem = json(&["tag", "--json", "empty"]);
    assert_eq!(problem["message"], "there is no imageSpec.yaml in empty");
    assert_eq!(problem["help"], "name the spec with -f FILE");
    assert_eq!((&problem["kind"], &problem["line"]), (&"missing".into(), &Value::Null));
    project.file("latin.yaml", b"a: b\nname: \xe9\n");
    let problem = json(&["tag", "--json", "-f", "latin.yaml"]);
    assert_eq!(problem["message"], "the file is not UTF-8 text");
    assert_eq!((&problem["file"], &problem["line"]), (&"latin.yaml".into(), &2.into()));
    assert_eq!(problem["help"], "save it as UTF-8");
    project.file("content.yaml", "tag_algorithm: content\nprofile: plain\n");
    let problem = json(&["tag", "--json", "-f", "content.yaml"]);
    assert_eq!(problem["rule"], "not-pinned");
    assert!(problem["help"].as_str().unwrap().contains("--call=pin"), "{problem}");
    // People read the same.
    let error = project.fails(&["tag", "empty"]);
    assert_eq!(
        error,
        "imagespec: there is no imageSpec.yaml in empty\n    help: name the spec with -f FILE\n"
    );
}

#[test]
fn what_only_keeps_an_image_from_being_made_is_a_warning() {
    let project = Project::new("cuda: \"12\"\npython_version: 3.10\n");
    let said = project.run(&["tag"]);
    assert_eq!(said.code, 0);
    assert!(
        said.err.contains("warning[cuda]") && said.err.contains("warning[python-version-number]"),
        "{}",
        said.err
    );
    let json: Value = serde_json::from_str(&project.run(&["tag", "--json"]).out).unwrap();
    assert_eq!(json["warnings"].as_array().unwrap().len(), 2);
}

#[test]
fn tags_change_with_content_and_with_nothing_else() {
    let project = Project::new("copy: [data]\nsource_root: src\nsource_copy_mode: all\nrequirements: r.txt\n");
    project
        .file("data/x", "1")
        .file("src/a.py", "a")
        .file("src/b.log", "b")
        .file("r.txt", "numpy\n");
    project
        .file("src/.dockerignore", "src/*.log\n")
        .file(".dockerignore", "data/left-out\n");
    let first = project.tag();
    // Times, places of white space around requirements, what is ignored: none of them counts.
    let old = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
    fs::File::open(project.path().join("data/x"))
        .unwrap()
        .set_times(old)
        .unwrap();
    fs::set_permissions(project.path().join("data/x"), fs::Permissions::from_mode(0o755)).unwrap();
    project
        .file("src/b.log", "changed")
        .file("src/a.pyc", "compiled")
        .file("src/.git/HEAD", "ref");
    project
        .file("r.txt", "\n numpy\n\n")
        .file("data/left-out", "x")
        .file("unrelated", "x");
    assert_eq!(project.tag(), first);
    let mut seen = vec![first];
    for (path, content) in [
        ("data/x", "2"),
        ("src/a.py", "b"),
        ("r.txt", "numpy>1"),
        ("data/y", ""),
        ("src/n", ""),
    ] {
        project.file(path, content);
        let tag = project.tag();
        assert!(!seen.contains(&tag), "{path}");
        seen.push(tag);
    }
}

#[test]
fn a_content_tag_changes_with_the_image_and_with_nothing_else() {
    let digest = |c: &str| format!("sha256:{}", c.repeat(64));
    let pins = |base: &str, uv: &str| {
        format!(
            "pins:\n  debian:bookworm-slim: {}\n  ghcr.io/astral-sh/uv:0.13.8: {}\n  mambaorg/micromamba:2.0.3-debian12-slim: {}\n",
            digest(base),
            digest(uv),
            digest("c")
        )
    };
    let spec = |top: &str, base: &str| {
        format!(
            "tag_algorithm: content\nprofile: plain\nrequirements: r.txt\ncopy: [b, a]\nconda_channels: [x, y]\nconda_packages: [p]\n{top}\n{}",
            pins(base, "b")
        )
    };
    let env = "env: {A: \"1\", B: \"2\"}";
    let project = Project::new(&spec(env, "a"));
    let lock = "# by uv\nnumpy==1 \\\n    --hash=sha256:aa\n";
    project.file("r.txt", lock).file("a/f", "f").file("b", "b");
    let first = project.tag();
    assert_eq!(first.len(), 32);
    assert!(first.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')));
    let with = |top: &str, base: &str| {
        project.file("imageSpec.yaml", spec(top, base));
        project.tag()
    };
    for same in [
        "name: other\nenv: {A: \"1\", B: \"2\"}",
        "registry: ghcr.io/acme\nenv: {B: \"2\", A: \"1\"}",
        "pip_index: https://mirror/simple\nenv: {A: \"1\", B: \"2\"}",
        "# a comment\nenv: {A: \"1\", B: \"2\"}\npython_version: \"3.12\"",
    ] {
        assert_eq!(with(same, "a"), first, "{same}");
    }
    project.file("r.txt", "numpy==1 --hash=sha256:aa\r\n");
    assert_eq!(with(env, "a"), first);
    for (top, base) in [
        ("env: {A: \"1\", B: \"3\"}", "a"),
        (env, "f"),
        ("python_version: \"3.11\"", "a"),
        ("apt_packages: [git]", "a"),
        ("user: me", "a"),
    ] {
        assert_ne!(with(top, base), first, "{top} {base}");
    }
    assert_eq!(with(env, "a"), first);
    let yaml = fs::read_to_string(project.path().join("imageSpec.yaml")).unwrap();
    project.file("imageSpec.yaml", yaml.replace("[x, y]", "[y, x]"));
    assert_ne!(project.tag(), first, "the order of channels");
    project.file("imageSpec.yaml", &yaml);
    let set_mode = |path: &str, mode| {
        fs::set_permissions(project.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode("a/f", 0o755);
    assert_ne!(project.tag(), first, "whether a file is executable");
    for (file, directory) in [(0o600, 0o700), (0o664, 0o775), (0o644, 0o2755)] {
        set_mode("a/f", file);
        set_mode("a", directory);
        assert_eq!(project.tag(), first, "{file:o} {directory:o}");
    }
    set_mode("a", 0o755);
    let kept = with(&format!("{env}\nmode: keep"), "a");
    assert_ne!(kept, first, "what becomes of modes");
    set_mode("a/f", 0o600);
    assert_ne!(project.tag(), kept, "the mode of a file that keeps it");
    set_mode("a/f", 0o644);
    project.file("imageSpec.yaml", &yaml);
    project.file("r.txt", "numpy==2 --hash=sha256:bb\n");
    assert_ne!(project.tag(), first, "the lock");
    project.file("r.txt", "numpy==1\n");
    let error = project.fails(&["tag"]);
    assert!(error.contains("`numpy==1` on line 1 has no --hash"), "{error}");
}

#[test]
fn content_without_pins_and_lock_says_how_to_get_them() {
    let project = Project::new("tag_algorithm: content\npackages: [numpy]\n");
    let error = project.fails(&["tag"]);
    for words in [
        "the digest of the image debian:bookworm-slim",
        "the digest of the image ghcr.io/astral-sh/uv",
        "--call=pin",
        "`packages` leaves versions open",
        "`imagespec lock`",
    ] {
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn what_is_locked_is_not_locked_again() {
    let project = Project::new("profile: plain\nrequirements: deps/uv.lock\n");
    let error = project.fails(&["lock"]);
    assert!(error.contains("imageSpec.yaml:2:15"), "{error}");
    assert!(error.contains("`deps/uv.lock`, which is a lock already"), "{error}");
}

#[test]
fn a_spec_extends_another_file() {
    let project = Project::new("extends: shared/base.yaml\nname: web\npackages: [flask]\nenv: {B: '2'}\n");
    project
        .file(
            "shared/base.yaml",
            "extends: org.yaml\npackages: [requests]\nregistry: ghcr.io/acme\n",
        )
        .file("shared/org.yaml", "env: {A: '1', B: '1'}\nprofile: plain\n");
    let merged = Project::new(
        "name: web\nregistry: ghcr.io/acme\nprofile: plain\npackages: [requests, flask]\nenv: {A: '1', B: '2'}\n",
    );
    assert_eq!(project.run(&["name"]).out, merged.run(&["name"]).out);
    // From anywhere, and by an absolute path.
    let absolute = project.path().join("imageSpec.yaml");
    let named = |file: &str| {
        let said = said(Command::new(PROGRAM).args(["name", "-f", file]).current_dir("/"));
        assert_eq!(said.code, 0, "{}", said.err);
        said.out
    };
    assert_eq!(named(absolute.to_str().unwrap()), merged.run(&["name"]).out);
    project.file("shared/org.yaml", "profile: plain\nuser: 'a b'\n");
    let error = project.run(&["build", "--dry-run"]).err;
    for words in [
        "error[user]: `user: a b` is not a user",
        "--> ./shared/org.yaml:2:7",
        "2 | user: 'a b'",
    ] {
        assert!(
            error.replace("--> shared", "--> ./shared").contains(words),
            "{words}: {error}"
        );
    }
    project.file("shared/org.yaml", "extends: base.yaml\n");
    let error = project.fails(&["tag"]);
    assert!(error.contains("these files extend each other"), "{error}");
    assert!(error.contains("shared/org.yaml:1:10"), "{error}");
    std::fs::remove_file(project.path().join("shared/base.yaml")).unwrap();
    let error = project.fails(&["tag"]);
    assert!(error.contains("imageSpec.yaml:1:10"), "{error}");
    assert!(error.contains("shared/base.yaml, which is not there"), "{error}");
    let mut piped = Command::new(PROGRAM)
        .args(["tag", "-f", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    piped.stdin.take().unwrap().write_all(b"extends: x.yaml\n").unwrap();
    let output = piped.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("a spec from standard input extends no files"), "{error}");
}

#[test]
fn a_spec_with_more_in_it_is_printed() {
    let project = Project::new("# Ours.\npackages: [flask] # web\ncommands:\n  - make\n");
    let said = project.run(&[
        "with",
        "--packages",
        "pandas",
        "polars>=1",
        "--apt-packages",
        "git",
        "--copy",
        "data",
        "--runtime-packages",
        "debugpy",
        "--commands",
        "echo a: b",
        "--builder-options",
        "workdir=/srv",
        "heavy=[torch]",
    ]);
    let expect = "# Ours.\npackages: [flask, pandas, polars>=1] # web\ncommands:\n  - make\n  - 'echo a: b'\napt_packages:\n  - git\n\
        copy:\n  - data\nruntime_packages:\n  - debugpy\nbuilder_options:\n  workdir: /srv\n  heavy: [torch]\n";
    assert_eq!(said.out, expect, "{}", said.err);
    // What is printed can be read again.
    let derived = Project::new(&said.out);
    assert_eq!(derived.run(&["tag"]).code, 0);
    project.file("own.yaml", "workdir: /x\n");
    for (args, words, code) in [
        (vec!["with"], "nothing is to be added", 2),
        (
            vec!["with", "-f", "own.yaml", "--builder-options", "workdir=/srv"],
            "`workdir` stands at the top level and under `builder_options`",
            3,
        ),
        (vec!["with", "--builder-options", "a"], "write KEY=VALUE", 2),
        (vec!["with", "--builder-options", "a=[b"], "is not YAML", 3),
        (
            vec!["with", "-f", "other.yaml", "--packages", "a"],
            "cannot read other.yaml",
            3,
        ),
    ] {
        let said = project.run(&args);
        assert_eq!(said.code, code, "{args:?} {}", said.err);
        assert!(said.err.contains(words), "{args:?} {}", said.err);
    }
}

/// The versions are those that a Python really finds.
#[test]
fn an_environment_becomes_a_spec() {
    let project = Project::new("# Base.\nname: x\npackages: [flask]\n");
    project.file(
        "site/demo_pkg-1.2.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: demo-pkg\nVersion: 1.2\n",
    );
    let run = |args: &[&str]| {
        let mut command = Command::new(PROGRAM);
        said(
            command
                .args(args)
                .current_dir(project.path())
                .env("PYTHONPATH", project.path().join("site")),
        )
    };
    let version = "import sys; print('%d.%d' % sys.version_info[:2])";
    let output = Command::new("python3").args(["-c", version]).output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let found = run(&["from-env", "--python", "python3", "--pinned", "demo-pkg"]);
    assert_eq!(
        found.out,
        format!("python_version: '{version}'\npackages:\n  - demo-pkg==1.2\n"),
        "{}",
        found.err
    );
    let found = run(&["from-env", "--python", "python3"]);
    assert_eq!(found.out, format!("python_version: '{version}'\npackages: []\n"));
    let found = run(&[
        "from-env",
        "--python",
        "python3",
        "-f",
        "imageSpec.yaml",
        "--pinned",
        "demo-pkg",
    ]);
    let expect = format!("# Base.\nname: x\npackages: [flask, demo-pkg==1.2]\npython_version: '{version}'\n");
    assert_eq!(found.out, expect);
    let missing = run(&[
        "from-env",
        "--python",
        "python3",
        "--pinned",
        "demo-pkg",
        "no-such-package",
    ]);
    assert_eq!(missing.code, 3);
    assert!(
        missing.err.contains("python3 does not have no-such-package"),
        "{}",
        missing.err
    );
    project.file("imageSpec.yaml", "python_version: '3.10'\n");
    let twice = run(&["from-env", "--python", "python3", "-f", "imageSpec.yaml"]);
    assert!(twice.err.contains("imageSpec.yaml:1:17"), "{}", twice.err);
    let nobody = run(&["from-env", "--python", "no-such-python"]);
    assert!(nobody.err.contains("cannot start `no-such-python`"), "{}", nobody.err);
    assert!(nobody.err.contains("--python"), "{}", nobody.err);
}

#[test]
fn differences_name_their_inputs_and_no_credential() {
    let project = Project::new("packages: [a]\nenv: {A: b}\npip_index: https://me:hunter2@host/simple\ncopy: [data]\n");
    project.file("data/x", "1");
    project.file(
        "other/imageSpec.yaml",
        "packages: [a, b]\nenv: {A: b}\nbuilder_options: {x: 1}\ncopy: [data]\n",
    );
    project.file("other/data/x", "2");
    let said = project.run(&["diff", "imageSpec.yaml", "other/imageSpec.yaml"]);
    assert_eq!(said.code, 1, "{}", said.err);
    let inputs: Vec<&str> = said.out.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(inputs, ["packages", "pip_index", "copy", "builder_options.x"]);
    assert!(said.out.contains("https://**********@host/simple"), "{}", said.out);
    let json = project.run(&["diff", "--json", "imageSpec.yaml", "other/imageSpec.yaml"]);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["differences"][0]["right"], "['a', 'b']");
    let mixed = project.run(&[
        "diff",
        "--algorithm",
        "content",
        "imageSpec.yaml",
        "other/imageSpec.yaml",
    ]);
    assert_eq!(mixed.code, 3);
}

#[test]
fn platforms_are_checked_and_count_in_content_tags() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let project = Project::new(&format!(
        "profile: plain\ntag_algorithm: content\ncopy: [.]\npins: {{\"debian:bookworm-slim\": \"{digest}\"}}\n"
    ));
    for wrong in ["garbage", "windows/amd64"] {
        assert_eq!(project.run(&["tag", "--platform", wrong]).code, 2);
    }
    let tag = |platform: &str| project.run(&["tag", "--platform", platform]).out;
    assert_eq!(tag("linux/amd64,linux/arm64"), tag("linux/aarch64,linux/x86_64"));
    assert_ne!(tag("linux/amd64"), tag("linux/arm64"));
    // The context itself is no part of the image, only what is in it.
    let before = project.tag();
    fs::set_permissions(project.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let other = project.tag();
    fs::set_permissions(project.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!((before.clone(), other), (project.tag(), before));
}

#[test]
fn nothing_of_a_caught_panic_is_printed() {
    for (spec, place) in [
        ("packages: [!!str,a]\n", "imageSpec.yaml:1:12"),
        ("packages: [\"scikit- learn\"]\n", "imageSpec.yaml:1:12"),
        (
            "packages: [\"a; python_version > '3.18446744073709551615'\"]\n",
            "imageSpec.yaml:1:12",
        ),
    ] {
        let project = Project::new(spec);
        for command in ["tag", "name", "id", "plan"] {
            let mut run = Command::new(PROGRAM);
            let said = said(run.arg(command).current_dir(project.path()).env("RUST_BACKTRACE", "1"));
            for words in ["panic", "backtrace"] {
                assert!(!said.err.contains(words), "{}", said.err);
            }
            assert!(said.err.contains(place), "{command}: {}", said.err);
        }
    }
}
