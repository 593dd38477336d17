//! Images that are there already, and registries that do not say.

use std::net::TcpListener;

use crate::bed::{Engine, Project, answering, bed, free_port, fresh, host};

const SKIP: [&str; 2] = ["--build-arg", "IMAGESPEC_IF_EXISTS=skip"];

/// The digest that the registry has for a name.
fn pushed(name: &str) -> String {
    let digest = Engine::Main.ok(&[
        "buildx",
        "imagetools",
        "inspect",
        "--format",
        "{{json .Manifest}}",
        name,
    ]);
    let manifest: serde_json::Value = serde_json::from_str(&digest).unwrap();
    manifest["digest"].as_str().unwrap().to_owned()
}

#[test]
fn an_image_of_other_files_is_built_and_a_skipped_push_changes_nothing() {
    let registry = &bed()["IMAGESPEC_BED_REGISTRY"];
    let spec = fresh(&format!(
        "name: exists-other\nregistry: {registry}/acme\nprofile: plain\npython_version: \"3.12\"\n\
         requirements: requirements.txt\npackages: [./libs/money]\n"
    ));
    let project = Project::new(&spec).with(&SKIP).with(&["--push", "--provenance=false"]);
    project
        .file("requirements.txt", "-r base.txt\n")
        .file("base.txt", "idna==3.7\n");
    project
        .file(
            "libs/money/pyproject.toml",
            "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n\
             [project]\nname = 'money'\nversion = '1'\n",
        )
        .file("libs/money/backend.py", BACKEND)
        .file("libs/money/rate.py", "RATE = 1\n");
    let name = project.call("name");
    let show = || {
        Engine::Main.docker(&["image", "rm", "-f", &name]).output().unwrap();
        Engine::Main.ok(&["pull", "-q", &name]);
        let line = "python -c 'import idna, rate; print(idna.__version__, rate.RATE)'";
        Engine::Main.shell(&name, line).trim().to_owned()
    };
    let first = project.build(&name);
    assert!(!first.log.contains("ERROR"), "{}", first.log);
    assert!(!first.log.contains("------"), "{}", first.log);
    assert!(
        first.log.contains("is not there for linux/amd64: building it"),
        "{}",
        first.log
    );
    assert_eq!(show(), "3.7 1");
    let label = Engine::Main.inspect(&name, r#"(index .Config.Labels "io.imagespec.inputs-digest")"#);
    assert_eq!(label, inputs_digest(&project));
    let digest = pushed(&name);
    for _ in 0..2 {
        let again = project.build(&name);
        assert!(again.log.contains("is there: nothing is built"), "{}", again.log);
        assert_eq!(again.ran(), [""; 0], "{}", again.log);
        assert_eq!(pushed(&name), digest);
    }
    project.file("base.txt", "idna==3.10\n");
    assert_eq!(project.call("name"), name);
    let other = project.build(&name);
    assert!(
        other.log.contains("is there, made from other files: building it"),
        "{}",
        other.log
    );
    assert_eq!(show(), "3.10 1");
    project.file("libs/money/rate.py", "RATE = 2\n");
    assert_eq!(project.call("name"), name);
    project.build(&name);
    assert_eq!(show(), "3.10 2");
    let label = Engine::Main.inspect(&name, r#"(index .Config.Labels "io.imagespec.inputs-digest")"#);
    assert_eq!(label, inputs_digest(&project));
}

/// Builds a wheel of `rate.py` without any other package.
const BACKEND: &str = "import pathlib, zipfile\n\
def build_wheel(directory, config_settings=None, metadata_directory=None):\n\
\x20   name = 'money-1-py3-none-any.whl'\n\
\x20   info = 'money-1.dist-info/'\n\
\x20   files = {'rate.py': pathlib.Path('rate.py').read_text(), info + 'METADATA': 'Metadata-Version: 2.1\\nName: money\\nVersion: 1\\n', info + 'WHEEL': 'Wheel-Version: 1.0\\nGenerator: b\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'}\n\
\x20   files[info + 'RECORD'] = ''.join(path + ',,\\n' for path in [*files, info + 'RECORD'])\n\
\x20   with zipfile.ZipFile(pathlib.Path(directory) / name, 'w') as wheel:\n\
\x20       for path, text in files.items():\n\
\x20           wheel.writestr(path, text)\n\
\x20   return name\n";

/// The digest of all inputs, as the command line says it.
fn inputs_digest(project: &Project) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_imagespec"))
        .args(["name", "--json"])
        .current_dir(project.directory.path())
        .output()
        .unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    found["inputs_digest"].as_str().unwrap().to_owned()
}

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
    for (status, body, says) in [
        ("401 Unauthorized", "", "docker login"),
        ("403 Forbidden", "", "docker login"),
        ("403 Forbidden", DENIED, "docker login"),
        ("500 Internal Server Error", "", "try again later"),
        ("503 Service Unavailable", "no repository: not found", "try again later"),
        ("429 Too Many Requests", "", "wait, or log in"),
        ("429 Too Many Requests", TOO_MANY, "wait, or log in"),
    ] {
        check(answering(status, body), &[says]);
    }
    check(registry_that_is_silent(), &["no answer in 30 seconds"]);
    let project = Project::new("name: x\nprofile: plain\n").with(&SKIP);
    assert!(project.fail("unused").contains("IMAGESPEC_IF_EXISTS needs `registry`"));
    let project = Project::new("name: x\n").with(&["--build-arg", "IMAGESPEC_IF_EXISTS=maybe"]);
    assert!(project.fail("unused").contains("is not one of build, skip, fail"));
}

#[test]
fn a_registry_without_tls_is_named_as_one() {
    let port = answering("404 Not Found", "");
    let spec = format!("name: x\nregistry: {}:{port}/acme\nprofile: plain\n", host());
    let error = Project::new(&spec).with(&SKIP).fail("unused");
    assert!(error.contains("insecure-registries"), "{error}");
}

const DENIED: &str = r#"{"errors":[{"code":"DENIED","message":"access to team/new: not found"}]}"#;
const TOO_MANY: &str = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"the limit of this repository: not found"}]}"#;

/// A registry that takes connections and says nothing.
fn registry_that_is_silent() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        listener.incoming().for_each(|stream| open.push(stream));
    });
    port
}
