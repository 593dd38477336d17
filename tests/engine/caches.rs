//! What a builder with nothing on it needs, with a cache in a registry; and whether two of them give the same image.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::bed::{CONTEXTS, FRONTEND, Project, bed};
use crate::progress;

/// The name in the registry of one of the bed's images.
fn in_registry(variable: &str) -> String {
    let image = bed()[variable].strip_prefix("imagespec-bed/").unwrap();
    format!("{}/bed/{image}", bed()["IMAGESPEC_BED_REGISTRY"])
}

/// Puts the frontend and the images that builds take things from into the registry.
fn publish(project: &Project) {
    let registry = &bed()["IMAGESPEC_BED_REGISTRY"];
    let images = CONTEXTS.map(|(_, image)| (bed()[image].clone(), in_registry(image)));
    let frontend = (FRONTEND.to_owned(), format!("{registry}/bed/{FRONTEND}"));
    for (local, remote) in images.into_iter().chain([frontend]) {
        project.engine.ok(&["tag", &local, &remote]);
        project.engine.ok(&["push", "-q", &remote]);
    }
}

/// A third engine, with nothing on it; it ends with the test.
struct Empty {
    host: String,
    /// There is one of them.
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

impl Empty {
    fn new() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            host: Self::script(&["up"]).trim().to_owned(),
            _alone: alone,
        }
    }

    fn script(args: &[&str]) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bed/empty");
        let output = Command::new(script).args(args).envs(bed()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn docker(&self, args: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.args(args).envs(bed()).env("DOCKER_HOST", &self.host);
        command
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        Self::script(&["down"]);
    }
}

/// A build that takes all images from the registry.
fn build(mut command: Command, project: &Project, arguments: &[&str]) -> String {
    let registry = &bed()["IMAGESPEC_BED_REGISTRY"];
    command.args([
        "buildx",
        "build",
        "--progress=plain",
        "--provenance=false",
        "-f",
        "imageSpec.yaml",
    ]);
    for (name, image) in CONTEXTS {
        command
            .arg("--build-context")
            .arg(format!("{name}=docker-image://{}", in_registry(image)));
    }
    command.args(["--build-arg", &format!("BUILDKIT_SYNTAX={registry}/bed/{FRONTEND}")]);
    command.args([
        "--secret",
        &format!("id=ca-certificates,src={}", bed()["IMAGESPEC_BED_CA_BUNDLE"]),
    ]);
    command.args(arguments).arg(".").current_dir(project.directory.path());
    let output = progress::output(&mut command);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    log
}

/// The digests of the layers of a tag in the registry.
fn layers(name: &str) -> Vec<String> {
    let (registry, rest) = name.split_once('/').unwrap();
    let (repository, tag) = rest.split_once(':').unwrap();
    let output = Command::new("curl")
        .args([
            "-sf",
            "--noproxy",
            "*",
            "-H",
            "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json",
        ])
        .arg(format!("http://{registry}/v2/{repository}/manifests/{tag}"))
        .output()
        .unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let layers = manifest["layers"].as_array().unwrap();
    layers
        .iter()
        .map(|layer| layer["digest"].as_str().unwrap().to_owned())
        .collect()
}

/// Whether the layers of the base image were unpacked.
fn unpacks_base(log: &str) -> bool {
    let is_base = |line: &&str| line.contains("[context debian") && line.contains("@sha256");
    let number = log.lines().find(is_base).unwrap().split(' ').next().unwrap();
    let mut lines = log.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    lines.any(|words| words[0] == number && words.get(1) == Some(&"extracting"))
}

const SPEC: &str = "packages: [humanize, numpy]\napt_packages: [jq]\nconda_packages: [tree]\nsource_root: src\nsource_copy_mode: all\n";

#[test]
fn an_empty_builder_runs_nothing_that_a_cache_in_a_registry_has() {
    let project = Project::new(SPEC);
    project.file("src/main.py", "print(1)\n");
    publish(&project);
    let registry = &bed()["IMAGESPEC_BED_REGISTRY"];
    let cache = format!("type=registry,ref={registry}/cache/engine:{}", std::process::id());
    let image = |number: u32| format!("{registry}/cached/engine:{number}");
    build(
        project.engine.docker(&[]),
        &project,
        &["--cache-to", &format!("{cache},mode=max"), "--push", "-t", &image(1)],
    );
    let empty = Empty::new();
    // Another checkout, with another umask.
    let source = project.directory.path().join("src/main.py");
    std::fs::set_permissions(source, std::fs::Permissions::from_mode(0o600)).unwrap();
    let log = build(
        empty.docker(&[]),
        &project,
        &["--cache-from", &cache, "--push", "-t", &image(2)],
    );
    // Digests are no part of the image, and a cache holds what images are made of.
    assert_eq!(progress::ran(&log), ["[tag] compute digests of source_root"], "{log}");
    let cached = progress::steps(&log).into_iter().map(|step| step.name);
    let locks = cached.filter(|name| name.starts_with("[lock] uv pip compile")).count();
    assert_eq!(locks, 1, "{log}");
    // Nothing of the base image is unpacked, which is what using it would begin with.
    assert!(!unpacks_base(&log), "{log}");
    assert_eq!(layers(&image(1)), layers(&image(2)));
}

#[test]
#[ignore = "minutes long: `make test-all` runs it"]
fn two_empty_engines_give_the_same_image() {
    let project = Project::new(SPEC);
    project.file("src/main.py", "print(1)\n");
    publish(&project);
    let lock = project.directory.path().join("locked");
    build(
        project.engine.docker(&[]),
        &project,
        &["--target", "lock", "-o", lock.to_str().unwrap()],
    );
    std::fs::rename(lock.join("pylock.toml"), project.directory.path().join("pylock.toml")).unwrap();
    std::fs::remove_dir(lock).unwrap();
    let outside = tempfile::tempdir().unwrap();
    let digests: Vec<String> = (1..=2)
        .map(|number| {
            let empty = Empty::new();
            let directory = outside.path().join(number.to_string());
            let output = format!("type=oci,tar=false,dest={},rewrite-timestamp=true", directory.display());
            let log = build(
                empty.docker(&[]),
                &project,
                &["--build-arg", "SOURCE_DATE_EPOCH=1700000000", "-o", &output],
            );
            // All of it was made there; and this is what it looks like when the base image is used.
            let steps = progress::steps(&log);
            let apt = "[apt] apt-get install jq";
            assert!(steps.iter().any(|step| step.name == apt), "{log}");
            assert!(steps.iter().all(|step| !step.cached), "{log}");
            assert!(unpacks_base(&log), "{log}");
            let index: serde_json::Value =
                serde_json::from_slice(&std::fs::read(directory.join("index.json")).unwrap()).unwrap();
            index["manifests"][0]["digest"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(digests[0], digests[1]);
}
