//! Dockerfiles that specs are written as: what they build is what the frontend builds.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::bed::{Engine, Project, bed};
use crate::podman::cases;
use crate::progress;
use crate::tree::{differences, timed};

/// The images that a Dockerfile names, and what stands in for them.
const IMAGES: [(&str, &str); 4] = [
    ("ghcr.io/astral-sh/uv:0.13", "IMAGESPEC_BED_UV_IMAGE"),
    ("debian:bookworm-slim", "IMAGESPEC_BED_DEBIAN_IMAGE"),
    ("ghcr.io/astral-sh/uv:0.13.8", "IMAGESPEC_BED_UV_IMAGE"),
    (
        "mambaorg/micromamba:2.0.3-debian12-slim",
        "IMAGESPEC_BED_MICROMAMBA_IMAGE",
    ),
];

/// How a Dockerfile is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// With its files beside it.
    Directory,
    /// By itself.
    Single,
}

impl Project {
    /// Writes the Dockerfile: returns where it and its context are.
    fn dockerfile(&self, form: Form) -> (PathBuf, PathBuf) {
        let directory = self.directory.path();
        // Some specs copy all of the directory.
        let out = directory.with_extension("out");
        let mut command = Command::new(env!("CARGO_BIN_EXE_imagespec"));
        command
            .args(["dockerfile", "-f", "imageSpec.yaml", "."])
            .current_dir(directory);
        if form == Form::Directory {
            command.arg("-o").arg(&out);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        match form {
            Form::Directory => (out.join("Dockerfile"), out),
            Form::Single => {
                // The frontend says the same.
                let said = String::from_utf8(output.stdout.clone()).unwrap();
                assert_eq!(self.call("dockerfile"), said.trim_end());
                let file = directory.join("Dockerfile");
                std::fs::write(&file, output.stdout).unwrap();
                (file, directory.to_owned())
            }
        }
    }

    /// Builds the Dockerfile.
    fn build_dockerfile(&self, form: Form, tag: &str) {
        let (file, context) = self.dockerfile(form);
        let bed = bed();
        let mut command =
            Engine::Main.docker(&["buildx", "build", "--progress=plain", "--provenance=false", "-t", tag]);
        for (name, image) in IMAGES {
            command.args(["--build-context", &format!("{name}=docker-image://{}", bed[image])]);
        }
        let ca = format!("id=ca-certificates,src={}", bed["IMAGESPEC_BED_CA_BUNDLE"]);
        command
            .args(["--secret", &ca])
            .args(&self.arguments)
            .arg("-f")
            .arg(file)
            .arg(&context)
            .current_dir(self.directory.path());
        let output = progress::output(&mut command);
        if form == Form::Directory {
            std::fs::remove_dir_all(context).unwrap();
        }
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{log}");
        assert!(
            !log.contains("warning found") && !log.contains("warnings found"),
            "{log}"
        );
    }
}

/// What an image says of itself, in an order.
pub(crate) fn settings(engine: Engine, tag: &str) -> Vec<(String, Value)> {
    let config = engine.inspect(tag, ".Config");
    let mut fields: Vec<(String, Value)> = config.as_object().unwrap().clone().into_iter().collect();
    for (name, value) in &mut fields {
        if name == "Env" {
            value.as_array_mut().unwrap().sort_by_key(Value::to_string);
        }
    }
    fields.retain(|(_, value)| !value.is_null());
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    fields
}

/// Builds a spec by the frontend and by its Dockerfile, with the same lock, and compares files and settings. `differs` are
/// paths that two builds of the frontend do not have in common either.
fn is_the_same(name: &str, project: &Project, form: Form, differs: &[&str]) {
    let (ours, theirs) = (format!("engine-llb-{name}"), format!("engine-dockerfile-{name}"));
    build_locked(project, &ours);
    project.build_dockerfile(form, &theirs);
    compare(&ours, (Engine::Main, &theirs), differs);
}

/// Builds a spec by the frontend, with the lock that the first build made.
pub(crate) fn build_locked(project: &Project, ours: &str) {
    project.build(ours);
    let has_lock = "test -e /usr/share/imagespec/pylock.toml && cat /usr/share/imagespec/pylock.toml || true";
    let lock = Engine::Main.shell(ours, has_lock);
    if !lock.is_empty() && !project.directory.path().join("pylock.toml").exists() {
        project.file("pylock.toml", lock);
        // Files of the lock's step are those of a lock beside the spec now.
        project.build(ours);
    }
}

/// Compares an image of the frontend with one of an engine.
pub(crate) fn compare(ours: &str, (engine, theirs): (Engine, &str), differs: &[&str]) {
    let mut found = differences(&timed(Engine::Main, ours), &timed(engine, theirs));
    found.retain(|line| !differs.iter().any(|path| line.starts_with(&format!("{path}: "))));
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(settings(Engine::Main, ours), settings(engine, theirs));
}

/// A project with sources, data and a package of its own.
pub(crate) fn with_files(spec: &str) -> Project {
    let project = Project::new(spec);
    project
        .file("src/main.py", "print('main')\n")
        .file("src/__pycache__/main.pyc", "no")
        .file("data/deep/[x] $y.txt", "1")
        .file("run.sh", "#!/bin/sh\n")
        .file("libs/mine/mine/__init__.py", "X = 1\n")
        .file(
            "libs/mine/pyproject.toml",
            "[project]\nname = \"mine\"\nversion = \"1\"\n[build-system]\nrequires = [\"setuptools<77\"]\nbuild-backend = \"setuptools.build_meta\"\n",
        );
    std::os::unix::fs::symlink("main.py", project.directory.path().join("src/link.py")).unwrap();
    project
}

pub(crate) const PLAIN: &str = "profile: plain\npython_version: \"3.12\"\napt_packages: [jq]\npackages: [humanize==4.9.0, six, numpy, sgmllib3k==1.0.0, ./libs/mine]\n\
    env: {LEVEL: \"it's $5\", PATH: \"/opt/t:$PATH\"}\ncopy:\n- {src: run.sh, dst: /usr/local/bin/run, mode: 755}\n- {src: data, dst: /srv/data, owner: daemon}\n\
    source_root: src\nsource_copy_mode: all\ncopy_to: /app\nuser: \"1001\"\nworkdir: /srv/work\nexpose: [3000, 53/udp]\nentrypoint: [python, main.py]\nlabels: {team: 'm \"l\" $x'}\n";

#[test]
fn a_directory_builds_the_image_of_the_frontend() {
    is_the_same("plain", &with_files(PLAIN), Form::Directory, &[]);
}

#[test]
fn a_file_alone_builds_the_image_of_the_frontend() {
    let spec = "packages: [humanize==4.9.0]\nsource_root: src\nsource_copy_mode: all\ncopy: [data]\nsetup_commands: [mkdir /made]\ncommands: [rm -r /made, \"echo $LEVEL > /level\"]\nenv: {LEVEL: high}\n";
    is_the_same("task", &with_files(spec), Form::Single, &["level"]);
}

#[test]
#[ignore = "`make test-all` runs it"]
fn every_kind_of_spec_is_the_same_by_its_dockerfile() {
    for case in cases() {
        for form in [Form::Directory, Form::Single] {
            let (ours, theirs) = ("engine-llb-case", "engine-dockerfile-case");
            match case.name.starts_with("unlocked") {
                true => drop(case.project.build(ours)),
                false => build_locked(&case.project, ours),
            }
            case.project.build_dockerfile(form, theirs);
            compare(ours, (Engine::Main, theirs), &case.differs);
        }
    }
}
