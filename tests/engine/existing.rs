//! Images that are there already, and registries that do not say.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::bed::{Engine, Project, bed, free_port, fresh};

const SKIP: [&str; 2] = ["--build-arg", "IMAGESPEC_IF_EXISTS=skip"];

#[test]
fn an_image_that_exists_is_not_built_again() {
    let registry = &bed()["IMAGESPEC_BED_REGISTRY"];
    let spec = fresh(&format!(
        "name: exists\nregistry: {registry}/acme\nprofile: plain\ncopy: [data]\nsetup_commands: [\"echo hello > /hello\"]\n"
    ));
    let project = Project::new(&spec).with(&SKIP);
    project.file("data/x", "1");
    let name = project.call("name");
    let project = project.with(&["--push"]);
    let first = project.build(&name);
    assert!(
        first.log.contains("is not there for linux/amd64: building it"),
        "{}",
        first.log
    );
    let setup = "[setup] echo hello > /hello".to_owned();
    assert!(first.ran().contains(&setup), "{}", first.log);
    let layers = Engine::Main.inspect(&name, ".RootFS.Layers");
    Engine::Main.ok(&["image", "rm", "-f", &name]);
    let second = project.build(&name);
    assert!(second.log.contains("is there: nothing is built"), "{}", second.log);
    assert_eq!(second.ran(), [""; 0], "{}", second.log);
    Engine::Main.ok(&["pull", "-q", &name]);
    assert_eq!(Engine::Main.inspect(&name, ".RootFS.Layers"), layers);
    assert_eq!(Engine::Main.shell(&name, "cat /hello").trim(), "hello");
    let project = Project::new(&spec).with(&["--build-arg", "IMAGESPEC_IF_EXISTS=fail"]);
    project.file("data/x", "1");
    let error = project.fail(&name);
    assert!(error.contains(&format!("the image {name} exists already")), "{error}");
    // Another platform is not there.
    let project = project.with(&["--platform", "linux/arm64"]);
    let other = project.try_build("imagespec-test-other").log;
    assert!(other.contains("is not there for linux/arm64: building it"), "{other}");
}

#[test]
fn what_is_unclear_is_an_error() {
    let port = free_port();
    let check = |port: u16, says: &[&str]| {
        let spec = format!("name: x\nregistry: 127.0.0.1:{port}/acme\nprofile: plain\n");
        let error = Project::new(&spec).with(&SKIP).fail("unused");
        for words in [&["cannot find out", "help:"], says].concat() {
            assert!(error.contains(words), "{words}: {error}");
        }
        assert!(!error.contains("building it"), "{error}");
    };
    check(port, &["connection refused", "check the registry and the network"]);
    for (status, says) in [
        ("403 Forbidden", "docker login"),
        ("500 Internal Server Error", "check the registry"),
        ("429 Too Many Requests", "check the registry"),
    ] {
        check(registry_that_says(status), &[says]);
    }
    let project = Project::new("name: x\nprofile: plain\n").with(&SKIP);
    assert!(project.fail("unused").contains("IMAGESPEC_IF_EXISTS needs `registry`"));
    let project = Project::new("name: x\n").with(&["--build-arg", "IMAGESPEC_IF_EXISTS=maybe"]);
    assert!(project.fail("unused").contains("is not one of build, skip, fail"));
}

/// A registry that answers everything alike; it goes with the process.
fn registry_that_says(status: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // The answer is the same, whatever is asked.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream
                .write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes());
        }
    });
    port
}
