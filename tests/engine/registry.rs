//! What the command line says of images that were pushed to a real registry.

use std::process::Command;

use serde_json::{Value, json};

use crate::bed::{Engine, Project, bed, fresh};

/// Runs the command line in a project, and gives its exit code and its JSON.
fn ask(project: &Project, arguments: &[&str]) -> (i32, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_imagespec"))
        .args(arguments)
        .arg("--json")
        .current_dir(project.directory.path())
        .envs(bed())
        .output()
        .unwrap();
    let found = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), found)
}

#[test]
fn a_pushed_image_is_found_and_says_what_is_in_it() {
    let registry = &bed()["IMAGESPEC_BED_REGISTRY"];
    let spec = fresh(&format!(
        "name: asked-for\nregistry: {registry}/acme\nprofile: plain\npython_version: \"3.12\"\n\
         platform: linux/amd64\nrequirements: requirements.txt\n"
    ));
    // With an attestation, so that the name leads to an index.
    let project = Project::new(&spec).with(&["--push", "--provenance=mode=min"]);
    project
        .file("requirements.txt", "-r base.txt\n")
        .file("base.txt", "idna==3.7\n");
    let name = project.call("name");
    let (code, found) = ask(&project, &["exists"]);
    assert_eq!((code, &found["exists"]), (1, &json!(false)), "{found}");
    project.build(&name);

    let (code, found) = ask(&project, &["exists"]);
    assert_eq!(
        (code, &found["name"], &found["same_inputs"]),
        (0, &json!(name), &json!(true))
    );
    let format = "{{json .Manifest}}";
    let manifest = Engine::Main.ok(&["buildx", "imagetools", "inspect", "--format", format, &name]);
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert!(manifest["manifests"].is_array(), "{manifest}");
    assert_eq!(found["digest"], manifest["digest"]);
    let (code, found) = ask(&project, &["exists", &name, "--platform", "linux/arm64"]);
    assert_eq!(
        (code, &found["other_platforms"]),
        (1, &json!(["linux/amd64"])),
        "{found}"
    );

    let (code, found) = ask(&project, &["inspect", &name]);
    assert_eq!((code, &found["digest"]), (0, &manifest["digest"]), "{found}");
    assert_eq!(
        found["packages"],
        json!([{"name": "idna", "version": "3.7"}]),
        "{found}"
    );
    assert_eq!(
        (&found["image_name"], &found["spec"]["name"]),
        (&json!(name), &json!("asked-for"))
    );

    project.file("base.txt", "idna==3.10\n");
    let (code, found) = ask(&project, &["exists", "-f", "imageSpec.yaml"]);
    assert_eq!((code, &found["same_inputs"]), (0, &json!(false)), "{found}");
}
