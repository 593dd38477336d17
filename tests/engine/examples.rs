//! The examples, as their readers would try them; each within its size.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::bed::{CONTEXTS, Engine, FRONTEND, Project, bed};
use crate::progress;

/// A copy of an example, which may be built in.
fn example(name: &str) -> Project {
    let project = Project::new("profile: plain\n");
    std::fs::remove_file(project.directory.path().join("imageSpec.yaml")).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
        .join(".");
    let copied = Command::new("cp")
        .arg("-R")
        .args([from.as_path(), project.directory.path()])
        .status();
    assert!(copied.unwrap().success());
    project
}

/// Bakes a file as it is, with the bed's images and the frontend that is tested.
fn bake(project: &Project, file: &str) {
    let bed = bed();
    let mut command = Engine::Main.docker(&["buildx", "bake", "--progress=plain", "--load", "-f", file]);
    command.args(["--set", &format!("*.args.BUILDKIT_SYNTAX={FRONTEND}")]);
    command.args([
        "--set",
        &format!("*.secrets=id=ca-certificates,src={}", bed["IMAGESPEC_BED_CA_BUNDLE"]),
    ]);
    for (name, image) in CONTEXTS {
        command.args(["--set", &format!("*.contexts.{name}=docker-image://{}", bed[image])]);
    }
    let output = progress::output(command.current_dir(project.directory.path()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Megabytes of an image.
fn megabytes(image: &str) -> u64 {
    let size = Engine::Main.ok(&["image", "inspect", "--format", "{{.Size}}", image]);
    size.trim().parse::<u64>().unwrap() / 1_000_000
}

/// Compose hands `build` to bake, which reads its files.
#[test]
fn compose_builds_a_spec_as_it_builds_a_dockerfile() {
    let project = example("compose");
    bake(&project, "compose.yaml");
    let words = "import threading, urllib.request, serve, http.server\n\
        server = http.server.HTTPServer((\"\", 8000), serve.Greeter)\n\
        threading.Thread(target=server.handle_request).start()\n\
        print(urllib.request.urlopen(\"http://127.0.0.1:8000\").read().decode(), end=\"\")";
    let said = Engine::Main.ok(&["run", "--rm", "--entrypoint", "python", "greeter:compose", "-c", words]);
    assert_eq!(said, "hello, I started now\n");
    let ports = Engine::Main.ok(&[
        "image",
        "inspect",
        "--format",
        "{{json .Config.ExposedPorts}}",
        "greeter:compose",
    ]);
    assert_eq!(ports.trim(), "{\"8000/tcp\":{}}");
    assert!(
        megabytes("greeter:compose") < 300,
        "{} MB",
        megabytes("greeter:compose")
    );
}

#[test]
fn bake_builds_several_specs_at_once() {
    let project = example("bake");
    bake(&project, "docker-bake.hcl");
    assert_eq!(Engine::Main.ok(&["run", "--rm", "bake-serve:dev"]), "1,234,567\n");
    let both = "import humanize, rich; print(\"both\")";
    assert_eq!(
        Engine::Main.ok(&["run", "--rm", "bake-train:dev", "python", "-c", both]),
        "both\n"
    );
    for image in ["bake-train:dev", "bake-serve:dev"] {
        assert!(megabytes(image) < 300, "{image}: {} MB", megabytes(image));
    }
}

/// What the action runs for its inputs: `docker buildx build` with an option for each.
#[test]
fn githubs_action_builds_a_spec_by_its_inputs() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/github-actions/build.yaml"));
    let text = text.unwrap();
    let (_, inputs) = text.split_once("docker/build-push-action@v6\n        with:\n").unwrap();
    let inputs: BTreeMap<&str, &str> = inputs.lines().filter_map(|line| line.trim().split_once(": ")).collect();
    let registry = &bed()["IMAGESPEC_BED_REGISTRY"];
    let filled = |key: &str| {
        let value = inputs[key].replace(
            "ghcr.io/${{ github.repository }}",
            &format!("{registry}/engine-action/churn"),
        );
        value.replace("${{ github.sha }}", "0a1b2c3")
    };
    let project = example("quickstart");
    assert_eq!((inputs["file"], inputs["context"]), ("imageSpec.yaml", "."));
    let options = ["cache-from", "cache-to", "provenance"].map(|key| format!("--{key}={}", filled(key)));
    let syntax = format!("BUILDKIT_SYNTAX={FRONTEND}");
    let mut words: Vec<&str> = options.iter().map(String::as_str).collect();
    words.extend(["--push", "--build-arg", &syntax]);
    let project = project.with(&words);
    let tag = filled("tags");
    project.build(&tag);
    Engine::Main.ok(&["pull", "--quiet", &tag]);
    assert!(megabytes(&tag) < 400, "{} MB", megabytes(&tag));
}
