//! What `imagespec build --push` makes of a registry's answers. The engine is a program that says that it was asked.

use std::sync::{Arc, Mutex};

use imagespec::name::INPUTS_DIGEST_LABEL;
use serde_json::{Value, json};

use crate::server::{Answer, Asked, Content, Server, error};
use crate::{Said, User};

/// docker, with a builder that builds nothing.
const DOCKER: &str = r#"#!/bin/sh
case "$*" in
"version "*) echo '{"Client":{"Version":"28.5.2"},"Server":{"Version":"28.5.2"}}' ;;
"buildx version") echo "github.com/docker/buildx v0.29.1 abc" ;;
"buildx inspect"*) printf 'Name: default\nDriver: docker\n' ;;
"info "*) echo '[["driver-type","io.containerd.snapshotter.v1"]]' ;;
"buildx build "*) echo "the engine was asked" >&2 ;;
esac
"#;

const SPEC: &str = "# syntax=r.example/frontend:1\nname: x\nprofile: plain\nplatform: linux/amd64\nregistry: HOST/acme\n\
                    requirements: requirements.txt\n";

/// The words of each image's inputs, by the first part of its path.
type Labels = Arc<Mutex<Vec<(String, String)>>>;

/// A registry that has an image under each name whose first part is in the list.
fn server(labels: &Labels) -> Server {
    let labels = Arc::clone(labels);
    Server::new(move |asked| {
        let labels = labels.lock().unwrap();
        let part = asked.path.split('/').nth(2).unwrap_or_default();
        let Some((_, label)) = labels.iter().find(|(known, _)| known == part) else {
            return error(404, "NAME_UNKNOWN", "repository name not known to registry");
        };
        let content = Content::single(
            "linux/amd64",
            json!({"config": {"Labels": {INPUTS_DIGEST_LABEL: label}}}),
            &[],
        );
        answer(&content, asked)
    })
}

/// An answer under whatever name is asked for.
fn answer(content: &Content, asked: &Asked) -> Answer {
    let version = asked.path.rsplit('/').next().unwrap();
    let path = match (version.starts_with("sha256:"), asked.path.contains("/blobs/")) {
        (true, true) => format!("/v2/a/b/blobs/{version}"),
        (true, false) => format!("/v2/a/b/manifests/{version}"),
        (false, _) => "/v2/a/b/manifests/1".into(),
    };
    content.answer(&Asked { path, ..asked.clone() })
}

fn user(server: &Server) -> User {
    let user = User::new().program("docker", DOCKER);
    user.file("requirements.txt", "-r base.txt\n")
        .file("base.txt", "idna==3.7\n")
        .file("imageSpec.yaml", &SPEC.replace("HOST", &server.host()));
    user
}

/// The digest of what the image would be made from now.
fn own(user: &User) -> String {
    let named: Value = user.run(&["name", "--json"]).object();
    named["inputs_digest"].as_str().unwrap().to_owned()
}

fn is_built(said: &Said) -> bool {
    let built = said.err.contains("the engine was asked");
    let line = said.out.contains("nothing was built");
    assert!(said.code != 0 || built != line, "{} {}", said.out, said.err);
    built
}

#[test]
fn an_image_is_used_only_if_it_was_made_from_the_same() {
    let labels = Labels::default();
    let server = server(&labels);
    let user = user(&server);
    let own = own(&user);
    let check = |label: Option<&str>, more: &[&str], code: i32, built: bool, words: &str| {
        *labels.lock().unwrap() = label
            .map(|label| ("acme".to_owned(), label.to_owned()))
            .into_iter()
            .collect();
        let said = user.run(&[&["build", "--push"], more].concat());
        assert_eq!(
            (said.code, is_built(&said)),
            (code, built),
            "{label:?} {more:?}: {}",
            said.err
        );
        assert!(said.err.contains(words), "{label:?} {more:?}: {}", said.err);
    };
    check(Some(&own), &[], 0, false, "");
    check(Some(&own), &["--force"], 0, true, "");
    check(Some(&own), &["--if-exists", "build"], 0, true, "");
    check(Some(&own), &["--if-exists", "fail"], 1, false, "exists already");
    check(
        Some("1:aa"),
        &[],
        0,
        true,
        "is there, made from other files: building it",
    );
    check(None, &[], 0, true, "");
    check(None, &["--if-exists", "fail"], 0, true, "");
    // What only a build gives.
    for option in ["--load", "--no-cache", "--pull"] {
        check(Some(&own), &[option], 0, true, "");
    }
    check(
        Some(&own),
        &["--label", "a=b"],
        0,
        true,
        "is there, with other labels: building it",
    );
    check(Some(&own), &["--sbom", "true"], 0, false, "--sbom had no effect");
    check(Some(&own), &["--metadata-file", "m", "--iidfile", "i"], 0, false, "");
    let kept = std::fs::read_to_string(user.home.path().join("m")).unwrap();
    let digest = std::fs::read_to_string(user.home.path().join("i")).unwrap();
    assert!(
        digest.starts_with("sha256:") && kept.contains(&digest),
        "{kept} {digest}"
    );
    // Somebody else's platform.
    check(
        Some(&own),
        &["--platform", "linux/arm64"],
        0,
        true,
        "is there for linux/amd64 only: replacing it",
    );
    // A part, or a result that goes elsewhere, is nobody else's.
    check(Some(&own), &["--target", "apt"], 0, true, "");
    check(Some(&own), &["--output", "type=oci,dest=x.tar"], 0, true, "");
}

#[test]
fn of_several_names_all_have_to_be_the_same_image() {
    let labels = Labels::default();
    let server = server(&labels);
    let user = user(&server);
    let own = own(&user);
    let names = [
        format!("{}/one/x:1", server.host()),
        format!("{}/two/x:1", server.host()),
    ];
    let check = |found: &[(&str, &str)], built: bool, words: &str| {
        *labels.lock().unwrap() = found
            .iter()
            .map(|(name, label)| ((*name).to_owned(), (*label).to_owned()))
            .collect();
        let said = user.run(&["build", "--push", "-t", &names[0], "-t", &names[1]]);
        assert_eq!((said.code, is_built(&said)), (0, built), "{found:?}: {}", said.err);
        assert!(said.err.contains(words), "{found:?}: {}", said.err);
    };
    check(&[("one", &own), ("two", &own)], false, "");
    check(&[("one", &own)], true, "");
    check(
        &[("one", &own), ("two", "1:aa")],
        true,
        "two/x:1 is there, made from other files",
    );
    // Each name counts, in whatever order.
    for found in ["one", "two"] {
        *labels.lock().unwrap() = vec![(found.to_owned(), own.clone())];
        let said = user.run(&[
            "build",
            "--push",
            "-t",
            &names[0],
            "-t",
            &names[1],
            "--if-exists",
            "fail",
        ]);
        assert!(said.code == 1 && !is_built(&said), "{}", said.err);
    }
}

#[test]
fn what_is_unknown_is_never_taken_for_yes() {
    let refused = Server::new(|_| error(403, "DENIED", "requested access to the resource is denied: not found"));
    let user = user(&refused);
    let said = user.run(&["build", "--push"]);
    assert!(said.code == 0 && is_built(&said), "{}", said.err);
    let words = "does not say whether";
    assert!(
        said.err.contains(words) && said.err.contains("requested access to the resource is denied"),
        "{}",
        said.err
    );
    assert_eq!(said.err.matches(words).count(), 1, "{}", said.err);
    let said = user.run(&["build", "--push", "--if-unknown", "fail"]);
    assert!(said.code == 4 && !is_built(&said), "{}", said.err);
}

#[test]
fn an_interrupt_while_a_registry_is_asked_has_its_exit_code() {
    let silent = Server::new(|_| error(503, "X", "busy").after(std::time::Duration::from_secs(20)));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_imagespec"));
    let mut child = command
        .args(["exists", &format!("{}/a/b:1", silent.host())])
        .spawn()
        .unwrap();
    let started = std::time::Instant::now();
    while silent.asked().is_empty() {
        assert!(started.elapsed().as_secs() < 10, "nobody asked");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
