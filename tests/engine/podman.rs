//! `imagespec build` with podman and buildah: what they build is what the frontend builds.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::bed::{Engine, Project, bed, free_port, fresh, now};
use crate::build_command::{imagespec, json};
use crate::builds::everything;
use crate::dockerfiles::{PLAIN, build_locked, compare, with_files};

/// Builds a spec by the frontend, and by an engine with the same lock, and compares files and settings.
fn is_the_same((program, engine): (&str, Engine), with_lock: bool, case: Case) {
    let Case {
        name,
        mut project,
        differs,
    } = case;
    // Tests of two engines run at once.
    let name = format!("localhost/engine-{program}-{engine:?}-{name}:1").to_lowercase();
    if with_lock {
        build_locked(&project, &name);
    }
    // The name is in a label.
    json(&project, &["--engine", "buildx", "-t", &name]);
    project.engine = engine;
    let built = json(&project, &["--engine", program, "--no-cache", "-t", &name]);
    assert_eq!(
        (&built["built"], &built["name"]),
        (&true.into(), &name.as_str().into()),
        "{built}"
    );
    compare(&name, (engine, &name), &differs);
}

#[test]
#[cfg_attr(not(feature = "carried-frontend"), ignore = "needs --features carried-frontend")]
fn podman_builds_the_image_of_the_frontend() {
    let case = Case {
        name: "plain",
        project: with_files(PLAIN),
        differs: Vec::new(),
    };
    is_the_same(("podman", Engine::Podman), true, case);
}

const TASK: &str = "packages: [humanize==4.9.0]\nsource_root: src\nsource_copy_mode: all\ncopy: [data]\nsetup_commands: [mkdir /made]\ncommands: [rm -r /made, \"echo $LEVEL > /level\"]\nenv: {LEVEL: high}\n";

#[test]
#[cfg_attr(not(feature = "carried-frontend"), ignore = "needs --features carried-frontend")]
fn buildah_builds_the_image_of_the_frontend() {
    let case = Case {
        name: "task",
        project: with_files(TASK),
        differs: vec!["level"],
    };
    is_the_same(("buildah", Engine::Podman), true, case);
}

/// A project that is a directory of the repository.
fn of_directory(path: &str) -> Project {
    let project = Project::new("");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(path).join(".");
    let copied = Command::new("cp")
        .arg("-R")
        .arg(from)
        .arg(project.directory.path())
        .status();
    assert!(copied.unwrap().success());
    let spec = std::fs::read_to_string(project.directory.path().join("imageSpec.yaml")).unwrap();
    project.spec(spec.trim_start_matches("# syntax=docker.io/imagespec/imagespec:1\n"));
    project
}

/// A spec that is built by several engines: what it is called, and the paths that differ between two builds of the frontend.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) project: Project,
    pub(crate) differs: Vec<&'static str>,
}

/// The kinds of specs, one in each case.
pub(crate) fn cases() -> Vec<Case> {
    let nested = "base_image: {name: base, profile: plain, python_version: \"3.12\", packages: [idna], env: {LAYER: base, KEPT: \"1\"}, setup_commands: [\"echo $LAYER > /layer\"]}\n\
        profile: plain\npackages: [humanize==4.9.0]\nenv: {LAYER: top}\n";
    let environment = "profile: plain\napt_packages: [python3, git]\npython_exec: /usr/bin/python3\ncopy: [data, {src: run.sh, dst: /usr/local/bin/suid, mode: \"4755\"}]\n";
    let conda = format!(
        "profile: plain\npython_version: \"3.12\"\nconda_packages: [tree]\npackages: [bed-shared-b, bed-shared-a]\npip_extra_index_url: [{}]\n",
        bed()["IMAGESPEC_BED_EXTRA_INDEX"]
    );
    let secrets = "profile: plain\nsecrets: [{id: token, src: token, env: TOKEN}, {id: file, src: token, target: /opt/keys/token}]\n\
        commands: [\"test \\\"$TOKEN\\\" = \\\"$(cat /opt/keys/token)\\\"\", \"echo done > /done\"]\nuser: \"1001\"\nworkdir: /srv\n";
    let given = ["--secret", "id=token,src=token", "--secret", "id=file,src=token"];
    let with_secret = with_files(secrets).with(&given);
    with_secret.file("token", format!("hush-{}", now()));
    let unlocked = "profile: plain\npython_version: \"3.12\"\npackages: [humanize==4.9.0, six, sgmllib3k==1.0.0, ./libs/mine]\nenv: {A: b}\n";
    let by_path = with_files(
        "profile: plain\nrequirements: pyproject.toml\npip_extra_args: --index-strategy first-index\nenv: {A: b}\n",
    );
    by_path.file(
        "pyproject.toml",
        "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [\"mine\", \"six\"]\n\
         [tool.uv.sources]\nmine = {path = \"libs/mine\"}\n",
    );
    let case = |name, project, differs: &[&'static str]| Case {
        name,
        project,
        differs: differs.to_vec(),
    };
    vec![
        case("quickstart", of_directory("examples/quickstart"), &[]),
        case(
            "everything",
            everything(),
            &["greeting", "where", "uv-version", "setup"],
        ),
        case("plain", with_files(PLAIN), &[]),
        case("task", with_files(TASK), &["level"]),
        case("nested", with_files(nested), &["layer"]),
        case("environment", with_files(environment), &[]),
        case("conda", with_files(&conda), &[]),
        // The lock has the place where the members were built.
        case(
            "workspace",
            of_directory("tests/projects/uv-root-and-members"),
            &["usr/share/imagespec/pylock.toml"],
        ),
        case("secrets", with_secret, &["done"]),
        case("unlocked-path", by_path, &["usr/share/imagespec/pylock.toml"]),
        case("unlocked", with_files(unlocked), &["usr/share/imagespec/pylock.toml"]),
    ]
}

#[test]
#[ignore = "`make test-all` runs it"]
fn every_kind_of_spec_is_the_same() {
    for case in cases() {
        let with_lock = !case.name.starts_with("unlocked");
        is_the_same(("podman", Engine::Podman), with_lock, case);
    }
}

#[test]
#[ignore = "`make test-all` runs it"]
fn every_kind_of_spec_is_the_same_with_buildah() {
    for mut case in cases() {
        let with_lock = !case.name.starts_with("unlocked");
        case.name = "case";
        is_the_same(("buildah", Engine::Podman), with_lock, case);
    }
}

#[test]
#[ignore = "`make test-all` runs it"]
fn engines_of_another_suite_build_the_same() {
    for mut case in cases() {
        // Before 5.6, podman leaves the directory of a secret.
        case.differs.push("opt/keys");
        is_the_same(("podman", Engine::OtherPodman), true, case);
    }
    let case = Case {
        name: "plain",
        project: with_files(PLAIN),
        differs: Vec::new(),
    };
    is_the_same(("buildah", Engine::OtherPodman), true, case);
}

#[test]
#[cfg_attr(not(feature = "carried-frontend"), ignore = "needs --features carried-frontend")]
fn without_a_lock_the_same_is_installed() {
    let mut cases = cases();
    cases.retain(|case| ["unlocked-path", "workspace"].contains(&case.name));
    for case in cases {
        is_the_same(("podman", Engine::Podman), false, case);
    }
}

const SMALL: &str = "profile: plain\ncopy: [f]\n";

fn small() -> Project {
    let project = Project::new("");
    project
        .file("imageSpec.yaml", fresh(SMALL))
        .file("f", now().to_string());
    project
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
#[cfg_attr(not(feature = "carried-frontend"), ignore = "needs --features carried-frontend")]
fn pushed_images_are_known_by_the_digest_of_the_registry() {
    for engine in ["podman", "buildah"] {
        let project = small();
        let name = format!("{}/engine-{engine}/pushed:{}", bed()["IMAGESPEC_BED_REGISTRY"], now());
        let words = [
            "--engine",
            engine,
            "--push",
            "-t",
            &name,
            "--iidfile",
            "id",
            "--metadata-file",
            "said",
        ];
        let built = json(&project, &words);
        let digest = built["digest"].as_str().unwrap();
        let exists = imagespec(&project, &["exists", "--json", &name]);
        let exists: Value = serde_json::from_slice(&exists.stdout).unwrap();
        assert_eq!(exists["digest"], digest, "{engine}: {exists}");
        let said = read(&project.directory.path().join("said"));
        assert_eq!(
            (&said["containerimage.digest"], &said["image.name"]),
            (&digest.into(), &name.as_str().into())
        );
        // The file of the id is what `podman run` takes.
        let id = std::fs::read_to_string(project.directory.path().join("id")).unwrap();
        assert_eq!(said["containerimage.config.digest"], id.as_str());
        let content = std::fs::read_to_string(project.directory.path().join("f")).unwrap();
        let shown = Engine::Podman.ok(&["run", "--rm", "--entrypoint", "/bin/cat", &id, "/root/f"]);
        assert_eq!(shown, content);
        // What is there is not built.
        assert_eq!(json(&project, &words)["built"], false);
    }
}

#[test]
#[cfg_attr(not(feature = "carried-frontend"), ignore = "needs --features carried-frontend")]
fn edits_are_seen_and_nothing_else_is_run() {
    let project = small();
    project.file(
        "imageSpec.yaml",
        fresh("profile: plain\nsetup_commands: [\"date +%N > /made\"]\ncopy: [f]\n"),
    );
    for engine in ["podman", "buildah"] {
        let name = format!("localhost/engine-edited-{engine}:1");
        let build = || {
            json(&project, &["--engine", engine, "-t", &name]);
            let shown = Engine::Podman.ok(&["run", "--rm", "--entrypoint", "/bin/cat", &name, "/made", "/root/f"]);
            let (made, content) = shown.split_once('\n').unwrap();
            (made.to_owned(), content.to_owned())
        };
        let (made, _) = build();
        project.file("f", "edited");
        assert_eq!(build(), (made.clone(), "edited".to_owned()));
        project.file("f", "once more");
        assert_eq!(build(), (made, "once more".to_owned()));
    }
}

#[test]
#[cfg_attr(not(feature = "carried-frontend"), ignore = "needs --features carried-frontend")]
fn failures_have_our_codes_and_the_title_of_the_step() {
    for engine in ["podman", "buildah"] {
        let project = small();
        project.file("imageSpec.yaml", fresh("profile: plain\ncommands: [\"exit 42\"]\n"));
        let output = imagespec(&project, &["build", "--json", "--engine", engine]);
        assert_eq!(output.status.code(), Some(1));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let message = said["problems"][0]["message"].as_str().unwrap();
        assert_eq!(message, "the build failed: [image] exit 42: exit status 42");
        // A base that is not there.
        project.file(
            "imageSpec.yaml",
            "base_image: 127.0.0.1:1/none:1\nprofile: plain\ncommands: [\"true\"]\n",
        );
        let output = imagespec(&project, &["build", "--engine", engine]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("127.0.0.1:1/none:1"), "{said}");
        // What has no form there.
        let output = imagespec(&project, &["build", "--engine", engine, "--sbom", "true"]);
        assert_eq!(output.status.code(), Some(2));
        // Nothing of it stays. Containers are called after their base.
        let base = format!("engine-failing-{engine}-{}", now());
        Engine::Podman.ok(&["tag", "docker.io/library/debian:bookworm-slim", &base]);
        let spec = format!("base_image: localhost/{base}:latest\nprofile: plain\ncommands: [\"exit 42\"]\n");
        project.file("imageSpec.yaml", spec);
        let output = imagespec(&project, &["build", "--engine", engine]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(1) && said.contains("exit status 42"),
            "{said}"
        );
        let containers = Engine::Podman.ok(&["ps", "--all", "--external", "--format", "{{.Names}}"]);
        assert!(!containers.contains(&base), "{containers}");
        Engine::Podman.ok(&["untag", &base, &base]);
    }
}

/// The flags of a store that no other test has.
fn own_store(project: &Project, engine: &str) -> [String; 2] {
    let place = project.directory.path().join(engine);
    ["root", "runroot"].map(|name| format!("--{name}={}", place.join(name).display()))
}

#[test]
#[cfg_attr(not(feature = "carried-frontend"), ignore = "needs --features carried-frontend")]
fn secrets_are_nowhere() {
    let secret = format!("hush-{}", now());
    let mut project = Project::new("");
    project.file("token", &secret).file(
        "imageSpec.yaml",
        fresh("profile: plain\nsecrets: [{id: token, src: token, env: TOKEN}]\ncommands: [\"printf %s \\\"$TOKEN\\\" | sha256sum > /sum\"]\n"),
    );
    project.engine = Engine::Podman;
    let name = "localhost/engine-podman-secret:1";
    let output = imagespec(&project, &["build", "--engine", "podman", "-t", name]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains(&secret), "{said}");
    let shown = Engine::Podman.ok(&["run", "--rm", "--entrypoint", "/bin/cat", name, "/sum"]);
    use sha2::{Digest as _, Sha256};
    assert!(shown.starts_with(&format!("{:x}", Sha256::digest(&secret))), "{shown}");
    let archive = project.directory.path().join("image.tar");
    Engine::Podman.ok(&["save", "--output", archive.to_str().unwrap(), name]);
    let bytes = std::fs::read(archive).unwrap();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
}

#[test]
#[cfg_attr(not(feature = "carried-frontend"), ignore = "needs --features carried-frontend")]
fn several_platforms_are_one_list_also_the_second_time() {
    let project = small();
    // A base for two platforms that this machine can run: the same files for both.
    let base = format!("{}/engine-podman/base:{}", bed()["IMAGESPEC_BED_REGISTRY"], now());
    project.file("base/Dockerfile", "FROM scratch\nADD files.tar /\n");
    let context = project.directory.path().join("base");
    let debian = Engine::Podman.ok(&["create", &bed()["IMAGESPEC_BED_DEBIAN_IMAGE"]]);
    let archive = context.join("files.tar");
    Engine::Podman.ok(&["export", "--output", archive.to_str().unwrap(), debian.trim()]);
    Engine::Podman.ok(&["rm", debian.trim()]);
    let both = "--platform=linux/amd64,linux/386";
    Engine::Podman.ok(&["build", both, "--manifest", &base, context.to_str().unwrap()]);
    let destination = format!("docker://{base}");
    Engine::Podman.ok(&["manifest", "push", "--all", "--tls-verify=false", &base, &destination]);
    project.file("imageSpec.yaml", fresh(&format!("base_image: {base}\n{SMALL}")));
    for engine in ["podman", "buildah"] {
        let name = format!("{}/engine-{engine}/list:{}", bed()["IMAGESPEC_BED_REGISTRY"], now());
        let words = [
            "--engine",
            engine,
            "--force",
            "--push",
            "-t",
            &name,
            "--platform",
            "linux/amd64,linux/386",
        ];
        for _ in 0..2 {
            let built = json(&project, &words);
            let exists = imagespec(
                &project,
                &["exists", "--json", &name, "--platform", "linux/386,linux/amd64"],
            );
            let exists: Value = serde_json::from_slice(&exists.stdout).unwrap();
            assert_eq!(exists["digest"], built["digest"], "{exists}");
            let list: Value = serde_json::from_str(&Engine::Podman.ok(&["manifest", "inspect", &name])).unwrap();
            let manifests = list["manifests"].as_array().unwrap().iter();
            let mut platforms: Vec<String> = manifests
                .map(|one| one["platform"]["architecture"].to_string())
                .collect();
            platforms.sort();
            assert_eq!(platforms, ["\"386\"", "\"amd64\""]);
        }
        // In a store of its own, too, the list has no name but the image's afterwards.
        let store = own_store(&project, engine);
        json(
            &project,
            &[&words[..], &["--", "--tls-verify=false", &store[0], &store[1]]].concat(),
        );
        let names = Engine::Podman.ok(&[&store[0], &store[1], "images", "--format", "{{.Repository}}:{{.Tag}}"]);
        assert!(names.contains(&name) && !names.contains("imagespec-"), "{names}");
    }
}

#[test]
#[cfg_attr(not(feature = "carried-frontend"), ignore = "needs --features carried-frontend")]
fn containers_of_images_run() {
    let project = small();
    for engine in ["podman", "buildx"] {
        let name = format!("engine-run-{engine}:{}", now());
        json(&project, &["--engine", engine, "-t", &name]);
        // Which of the two has it is found out.
        let output = imagespec(&project, &["run", &name, "sh", "-c", "cat /root/f; exit 3"]);
        let content = std::fs::read(project.directory.path().join("f")).unwrap();
        assert_eq!((output.status.code(), output.stdout), (Some(3), content), "{engine}");
    }
}

#[test]
#[ignore = "`make test-all` runs it"]
fn the_printed_form_is_for_a_version() {
    for (version, engine) in [("podman-5.8", Engine::Podman), ("podman-5.4", Engine::OtherPodman)] {
        let (ours, theirs) = ("engine-llb-printed", "localhost/engine-podman-printed:1");
        let project = with_files(TASK);
        build_locked(&project, ours);
        let printed = imagespec(&project, &["dockerfile", "--for", version]);
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        project.file("printed/Dockerfile", printed.stdout);
        let directory = project.directory.path().display().to_string();
        let file = format!("{directory}/printed/Dockerfile");
        let ca = format!("id=ca-certificates,src={}", bed()["IMAGESPEC_BED_CA_BUNDLE"]);
        let words = [
            "--identity-label=false",
            "--secret",
            &ca,
            "-t",
            theirs,
            "-f",
            &file,
            &directory,
        ];
        engine.ok(&[&["build"], &words[..]].concat());
        compare(ours, (engine, theirs), &["level"]);
    }
}

/// A registry that wants a password, ended with this.
struct PrivateRegistry {
    address: String,
    server: std::process::Child,
}

impl Drop for PrivateRegistry {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

/// Starts one in a directory, for `alice` with the password `wonder`.
fn private_registry(directory: &Path) -> PrivateRegistry {
    let address = format!("127.0.0.1:{}", free_port());
    let hash = "$2b$04$LP08.GiQq/cTNXOh0FI2GukimGRCXrOEGmo3vkDTTPga3aSHp71Ku";
    std::fs::write(directory.join("passwords"), format!("alice:{hash}\n")).unwrap();
    let place = directory.display();
    let settings = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {place}/registry}}\n\
         http: {{addr: \"{address}\"}}\nauth:\n  htpasswd: {{realm: tests, path: {place}/passwords}}\n"
    );
    std::fs::write(directory.join("registry.yml"), settings).unwrap();
    let program = Path::new(&bed()["IMAGESPEC_BED"]).join("pieces/client/bin/docker-registry");
    let mut command = Command::new(program);
    command
        .arg("serve")
        .arg(directory.join("registry.yml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let server = command.spawn().unwrap();
    for _ in 0..100 {
        if std::net::TcpStream::connect(&address).is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    PrivateRegistry { address, server }
}

#[test]
#[cfg_attr(not(feature = "carried-frontend"), ignore = "needs --features carried-frontend")]
fn credentials_are_found_in_a_file_and_asked_for_without_one() {
    let place = tempfile::tempdir().unwrap();
    let registry = private_registry(place.path());
    let project = small();
    for engine in ["podman", "buildah"] {
        let name = format!("{}/{engine}:1", registry.address);
        let words = ["build", "--engine", engine, "--force", "--push", "-t", &name];
        let output = imagespec(&project, &words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("log in with `{engine} login HOST`")), "{said}");
        // base64 of alice:wonder
        let auths = format!(
            "{{\"auths\": {{\"{}\": {{\"auth\": \"YWxpY2U6d29uZGVy\"}}}}}}",
            registry.address
        );
        project.file("auth.json", auths);
        let file = format!("authfile={}", project.directory.path().join("auth.json").display());
        let output = imagespec(&project, &[&words[..], &["--engine-opt", &file]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.contains("wonder"), "{said}");
        let digest = String::from_utf8_lossy(&output.stdout);
        assert!(digest.contains(" sha256:"), "{digest}");
    }
}
