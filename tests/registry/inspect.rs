//! What an image says of itself.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::User;
use crate::server::{Content, digest};

/// A layer with one file, compressed as builders do it.
fn layer(path: &str, content: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    builder.append_data(&mut header, path, content.as_bytes()).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&builder.into_inner().unwrap()).unwrap();
    encoder.finish().unwrap()
}

const LOCK: &str = "lock-version = '1.0'\n[[packages]]\nname = 'idna'\nversion = '3.7'\n[[packages]]\nname = 'own'\n";

fn config(history: &[&str]) -> Value {
    let history: Vec<Value> = history.iter().map(|step| json!({"created_by": step})).collect();
    json!({"history": history, "config": {"Labels": {
        "io.imagespec.name": "r.example/a/b:1", "io.imagespec.tag": "1", "io.imagespec.algorithm": "flytekit",
        "io.imagespec.inputs-digest": "1:aa", "io.imagespec.inputs": r#"{"name": "'b'"}"#,
        "io.imagespec.spec": r#"{"name":"b","pip_index":"https://u:hunter22@index.example"}"#, "other": "label",
    }}})
}

#[test]
fn labels_and_the_lock_are_read_and_no_other_layer() {
    let layers = [
        layer("etc/debian_version", "12"),
        layer("usr/share/imagespec/pylock.toml", LOCK),
        layer("root/x", "x"),
    ];
    let steps = ["base", "[lock] keep the lock in /usr/share/imagespec", "[copy] x"];
    let content = Content::single("linux/amd64", config(&steps), &layers);
    let image = content.digest.clone();
    let server = content.serve();
    let name = format!("{}/a/b:1", server.host());
    let said = User::new().run(&["inspect", &name, "--json"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let found = said.object();
    assert_eq!((&found["version"], &found["digest"]), (&json!(1), &json!(image)));
    assert_eq!(
        (&found["tag"], &found["inputs"]),
        (&json!("1"), &json!({"name": "'b'"}))
    );
    assert_eq!(found["spec"]["pip_index"], "https://**********@index.example");
    assert_eq!(
        found["packages"],
        json!([{"name": "idna", "version": "3.7"}, {"name": "own", "version": null}])
    );
    let blobs: Vec<String> = server
        .lines()
        .into_iter()
        .filter(|line| line.contains("/blobs/"))
        .collect();
    assert_eq!(blobs.len(), 2, "the configuration and one layer: {blobs:?}");
    assert!(blobs[1].ends_with(&digest(&layers[1])), "{blobs:?}");
    let said = User::new().run(&["inspect", &name]);
    for words in [
        "\npackages       2 in /usr/share/imagespec/pylock.toml\n    idna 3.7\n",
        "\ntag            1\n",
        "    name: 'b'\n",
    ] {
        assert!(said.out.contains(words), "{}", said.out);
    }
}

#[test]
fn without_knowing_the_layer_none_is_read() {
    let layers = [
        layer("etc/debian_version", "12"),
        layer("usr/share/imagespec/pylock.toml", LOCK),
    ];
    let keeps = "[lock] keep the lock in /usr/share/imagespec";
    let check = |steps: &[&str], layers: &[Vec<u8>], blobs: usize, expect: &str| {
        let server = Content::single("linux/amd64", config(steps), layers).serve();
        let said = User::new().run(&["inspect", &format!("{}/a/b:1", server.host()), "--json"]);
        let found = said.object();
        assert_eq!(
            (said.code, &found["packages"], &found["tag"]),
            (0, &Value::Null, &json!("1"))
        );
        assert_eq!(found["packages_reason"], expect);
        let asked = server.lines().iter().filter(|line| line.contains("/blobs/")).count();
        assert_eq!(asked, blobs, "{steps:?}");
    };
    let unclear = "the image's history does not say which layer has a lock";
    check(&["base", "other"], &layers, 1, unclear);
    check(&[keeps], &layers, 1, unclear);
    check(&[], &layers, 1, unclear);
    let none = "the layer that should have a lock has none in /usr/share/imagespec";
    check(&[keeps, "other"], &layers, 2, none);
}

#[test]
fn an_image_that_is_not_there_is_not_inspected() {
    let server = Content::index(&["linux/s390x"]).serve();
    let check = |name: &str, more: &[&str], code: i32, field: &str, expect: Value| {
        let name = format!("{}/{name}", server.host());
        let said = User::new().run(&[&["inspect", name.as_str(), "--json"][..], more].concat());
        assert_eq!((said.code, &said.object()[field]), (code, &expect), "{name}");
        let said = User::new().run(&[&["inspect", name.as_str()][..], more].concat());
        assert_eq!(said.code, code);
    };
    // Without `--platform`, the only one that there is.
    check("a/b:1", &[], 0, "platform", json!("linux/s390x"));
    check(
        "a/b:1",
        &["--platform", "linux/amd64"],
        1,
        "other_platforms",
        json!(["linux/s390x"]),
    );
    check("a/b:2", &[], 1, "exists", json!(false));
    check(
        "c:1",
        &[],
        1,
        "reason",
        json!("NAME_UNKNOWN: repository name not known to registry"),
    );
    let said = User::new().run(&["inspect", "127.0.0.1:1/x", "--json"]);
    assert_eq!((said.code, &said.object()["kind"]), (4, &json!("unreachable")));
    let said = User::new().run(&["inspect", "A", "--json"]);
    assert_eq!(
        (said.code, &said.object()["problems"][0]["rule"]),
        (2, &json!("image-name"))
    );
}
