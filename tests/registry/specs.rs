//! The image of a spec.

use std::sync::{Arc, Mutex};

use imagespec::name::INPUTS_DIGEST_LABEL;
use serde_json::{Value, json};

use crate::User;
use crate::server::{Asked, Content, Server};

/// A registry that has whatever it is asked for, with this label about its inputs.
fn with_inputs(label: &Arc<Mutex<Option<String>>>) -> Server {
    let label = Arc::clone(label);
    Server::new(move |asked| {
        let labels = label
            .lock()
            .unwrap()
            .as_ref()
            .map_or(json!({}), |label| json!({INPUTS_DIGEST_LABEL: label}));
        let content = Content::single("linux/amd64", json!({"config": {"Labels": labels}}), &[]);
        let version = asked.path.rsplit('/').next().unwrap();
        let path = if version.starts_with("sha256:") {
            asked.path.replace("/v2/acme/x/", "/v2/a/b/")
        } else {
            "/v2/a/b/manifests/1".into()
        };
        content.answer(&Asked { path, ..asked.clone() })
    })
}

#[test]
fn a_specs_image_is_asked_for_by_its_name() {
    // `OWN` stands for the digest of what the image would be made from now.
    let check = |label: Option<&str>, spec: &str, expect: Value, note: &str| {
        let user = User::new();
        let in_image = Arc::default();
        let server = with_inputs(&in_image);
        user.file("requirements.txt", "-r base.txt\n")
            .file("base.txt", "idna==3.7\n")
            .file("imageSpec.yaml", &spec.replace("HOST", &server.host()));
        let named = user.run(&["name", "--json"]).object();
        let own = named["inputs_digest"].as_str().unwrap();
        *in_image.lock().unwrap() = label.map(|label| label.replace("OWN", own));
        let said = user.run(&["exists", "--json"]);
        let found = said.object();
        assert_eq!((said.code, &found["same_inputs"]), (0, &expect), "{}", said.out);
        assert_eq!(found["name"], named["name"]);
        let said = user.run(&["exists", "-f", "imageSpec.yaml", "."]);
        assert!(
            said.out.starts_with("yes sha256:") && said.err.contains(note),
            "{} {}",
            said.out,
            said.err
        );
    };
    let spec = "name: x\nregistry: HOST/acme\nprofile: plain\nplatform: linux/amd64\nrequirements: requirements.txt\n";
    let none = "does not say which files";
    check(Some("OWN"), spec, json!(true), "from the same files");
    check(Some("1:aa"), spec, json!(false), "from other files");
    check(None, spec, Value::Null, none);
    check(Some("0:aa"), spec, Value::Null, none);
    // Nothing is read that the tag leaves out.
    let simple = "name: x\nregistry: HOST/acme\nprofile: plain\nplatform: linux/amd64\n";
    check(None, simple, json!(true), "from the same files");
}

#[test]
fn a_spec_that_cannot_be_asked_for_says_what_to_do() {
    let check = |spec: &str, arguments: &[&str], rule: &str, words: &str| {
        // A name is part of the command line.
        let code = if rule == "image-name" { 2 } else { 3 };
        let user = User::new();
        user.file("imageSpec.yaml", spec);
        let said = user.run(&[&["exists"], arguments].concat());
        assert!(
            said.code == code && said.out.is_empty() && said.err.contains(words),
            "{}",
            said.err
        );
        let said = user.run(&[&["exists", "--json"], arguments].concat());
        assert_eq!((said.code, &said.object()["problems"][0]["rule"]), (code, &json!(rule)));
    };
    check("name: x\n", &[], "no-registry", "imagespec exists NAME");
    check(
        "name: x\nregistry: ''\n",
        &["-f", "imageSpec.yaml"],
        "no-registry",
        "add `registry:",
    );
    check("name: x\nregistry: r.example/a//b\n", &[], "registry", "registry");
    check(
        "name: x\nregistry: r.example\n",
        &["./imageSpec.yaml"],
        "image-name",
        "-f FILE",
    );
    let said = User::new().run(&["exists", "x", "--platform", "windows/amd64"]);
    assert_eq!(said.code, 2);
}
