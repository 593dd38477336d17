//! Names that the frontend computes, where users meet them.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::bed::{CONTEXTS, Engine, Project, bed, fresh};
use crate::progress::{self, Step};

const SPEC: &str = "name: Named\nprofile: plain\ncopy: [data]\nlabels: {kind: test}\n";

impl Project {
    /// What the command line prints, with the bed's docker.
    fn command_line(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_imagespec"))
            .args(args)
            .envs(bed())
            .stdin(Stdio::null())
            .current_dir(self.directory.path())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8(text).unwrap().trim_end().to_owned(),
        )
    }
}

fn project(spec: &str) -> Project {
    let project = Project::new(spec);
    project.file("data/x", "1");
    project
}

/// The frontend plans as the command line does, from what BuildKit serves.
#[test]
fn plans_are_the_same_with_and_without_an_engine() {
    let lock = "lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"six\"\nversion = \"1.16.0\"\n\
        wheels = [{ url = \"https://h/six-1.16.0-py2.py3-none-any.whl\", hashes = { sha256 = \"aa\" } }]\n";
    for (spec, files) in [
        (SPEC.to_owned(), vec![]),
        (
            format!("{SPEC}requirements: deps/all.txt\napt_packages: [git]\n"),
            vec![("deps/all.txt", "-r more.txt\n"), ("deps/more.txt", "six\n")],
        ),
        (
            format!("{SPEC}packages: [six]\ncommands: [ls]\n"),
            vec![("pylock.toml", lock)],
        ),
    ] {
        let project = project(&spec);
        for (path, content) in files {
            project.file(path, content);
        }
        let frontends: Value = serde_json::from_str(&project.call("plan,format=json")).unwrap();
        let (code, text) = project.command_line(&["plan", "--json"]);
        assert_eq!(code, Some(0), "{text}");
        let mut command_lines: Value = serde_json::from_str(&text).unwrap();
        // The frontend has told its warnings already.
        command_lines.as_object_mut().unwrap().remove("warnings").unwrap();
        assert_eq!(frontends, command_lines, "{spec}");
        let (_, text) = project.command_line(&["plan"]);
        assert!(text.ends_with(project.call("plan").trim_end()), "{text}");
    }
}

#[test]
fn an_image_is_built_under_its_own_name() {
    let project = project(SPEC);
    // As the README says: -t "$(docker buildx build --progress=none --call=name …)".
    let name = project.call("name");
    assert!(name.starts_with("named:") && !name.contains('\n'), "{name}");
    assert_eq!(project.command_line(&["name"]), (Some(0), name.clone()));
    let metadata = project.directory.path().join("metadata.json");
    let tag = project.call("tag");
    let project = project.with(&["--metadata-file", metadata.to_str().unwrap()]);
    project.build(&name);
    let labels = Engine::Main.inspect(&name, ".Config.Labels");
    assert_eq!(labels["io.imagespec.name"], name.as_str());
    assert_eq!(labels["io.imagespec.tag"], tag.as_str());
    assert_eq!(labels["io.imagespec.id"], project.call("id").as_str());
    assert_eq!(labels["io.imagespec.algorithm"], "flytekit");
    let inputs: Value = serde_json::from_str(labels["io.imagespec.inputs"].as_str().unwrap()).unwrap();
    assert_eq!(inputs["name"], "'named'");
    let spec: Value = serde_json::from_str(labels["io.imagespec.spec"].as_str().unwrap()).unwrap();
    assert_eq!(spec["copy"][0], "data");
    let metadata: Value = serde_json::from_str(&std::fs::read_to_string(metadata).unwrap()).unwrap();
    for (key, value) in [("name", &name), ("tag", &tag)] {
        assert_eq!(metadata[format!("frontend.imagespec.{key}")], value.as_str());
    }
    let explained = project.call("explain");
    assert!(
        explained.contains("algorithm: flytekit") && explained.contains("  copy: '"),
        "{explained}"
    );
    let json: Value = serde_json::from_str(&project.call("explain,format=json")).unwrap();
    assert_eq!(json["inputs"]["name"], "'named'");
    // A part of it does not go under its name.
    let metadata_of_part = project.directory.path().join("part.json");
    let part = Project::new(SPEC).with(&["--target=base", "--metadata-file", metadata_of_part.to_str().unwrap()]);
    part.file("data/x", "1");
    part.build("imagespec-test-part");
    let text = std::fs::read_to_string(metadata_of_part).unwrap();
    assert!(!text.contains("frontend.imagespec.name"), "{text}");
    let labels = Engine::Main.inspect("imagespec-test-part", ".Config.Labels");
    assert!(labels["io.imagespec.name"].is_null(), "{labels}");
    // The image knows what it was made from.
    let (code, text) = project.command_line(&["diff", "imageSpec.yaml", &name]);
    assert_eq!((code, text), (Some(0), format!("no input differs; the tag is {tag}")));
    project.file("data/x", "2");
    let (code, text) = project.command_line(&["diff", "imageSpec.yaml", &name]);
    assert_eq!(code, Some(1));
    assert!(text.starts_with("copy\n"), "{text}");
}

#[test]
fn exporters_are_told_the_name() {
    let project = project(SPEC);
    let name = project.call("name");
    let archive = project.directory.path().join("image.tar");
    let output = format!("type=oci,name=*,dest={}", archive.display());
    // BuildKit takes the name from the frontend only without attestations.
    let project = project.with(&["--provenance=false", "-o", &output]);
    let command = project.command("unused");
    let args: Vec<_> = command.get_args().map(|arg| arg.to_str().unwrap().to_owned()).collect();
    let args: Vec<&str> = args
        .iter()
        .map(String::as_str)
        .filter(|arg| !matches!(*arg, "-t" | "unused"))
        .collect();
    let done = progress::output(Engine::Main.docker(&args).current_dir(project.directory.path()));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mut archive = tar::Archive::new(std::fs::File::open(archive).unwrap());
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    let index = entries
        .find(|entry| entry.path().unwrap().to_str() == Some("index.json"))
        .unwrap();
    let index: Value = serde_json::from_reader(index).unwrap();
    assert_eq!(
        index["manifests"][0]["annotations"]["io.containerd.image.name"],
        format!("docker.io/library/{name}")
    );
}

/// The tag, empty where there is none, and what was said on the way to it.
fn tag_and_log(project: &Project) -> (String, String) {
    let mut docker = project
        .engine
        .docker(&["buildx", "build", "--progress=plain", "--call=tag"]);
    docker
        .args(["-f", "imageSpec.yaml", "."])
        .current_dir(project.directory.path());
    let output = progress::output(&mut docker);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    (String::from_utf8(output.stdout).unwrap().trim().to_owned(), log)
}

#[test]
fn digests_come_from_a_step_that_is_cached() {
    let project = project("copy: [data]\nsource_root: src\nsource_copy_mode: all\n");
    project.file("src/a.py", "a").file("src/__pycache__/a.pyc", "compiled");
    project.file(".dockerignore", "data/ignored\n");
    project.file("data/y", format!("{:?}", std::time::SystemTime::now()));
    let is_cached = |log: &str| {
        let is_it = |step: &Step| step.name == "[tag] compute digests of source_root, copy";
        progress::steps(log).into_iter().find(is_it).unwrap().cached
    };
    let (first, first_log) = tag_and_log(&project);
    assert!(!is_cached(&first_log), "{first_log}");
    assert!(
        first_log.contains("tag-differs"),
        "the ignore file has a pattern below data: {first_log}"
    );
    assert_eq!(project.command_line(&["tag", "--json"]).0, Some(0));
    let file = std::fs::File::open(project.directory.path().join("data/x")).unwrap();
    let times = std::fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
    file.set_times(times).unwrap();
    project.file("data/ignored", "changed");
    let (same, same_log) = tag_and_log(&project);
    assert_eq!(same, first);
    assert!(is_cached(&same_log), "{same_log}");
    // Compiled files are in the context, but no rule counts them.
    project.file("src/__pycache__/a.pyc", "compiled anew");
    assert_eq!(tag_and_log(&project).0, first);
    project.file("data/x", "2");
    let (other, _) = tag_and_log(&project);
    assert_ne!(other, first);
    // The command line computes the same from the disk.
    let (_, text) = project.command_line(&["tag"]);
    assert_eq!(
        text.lines().next(),
        Some(other.as_str()),
        "warnings are on standard error"
    );
}

#[test]
fn tasks_of_old_releases_find_their_images_name() {
    let spec = "name: Old\ntag_algorithm: flytekit-1.13\npackages: [humanize]\nregistry: localhost:5000\n";
    let project = project(&fresh(spec).replace("build_env:", "# "));
    let name = project.call("name");
    let id = project.call("id");
    assert_ne!(name, format!("localhost:5000/old:{id}"));
    // Without an environment for builds, which 1.13 knows no place for.
    project.build("imagespec-test-old");
    let environment = Engine::Main.inspect("imagespec-test-old", ".Config.Env");
    let environment: Vec<&str> = environment
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(
        environment.contains(&format!("_F_IMG_ID={name}").as_str()),
        "{environment:?}"
    );
    let project = Project::new("tag_algorithm: flytekit-1.13\ncopy: [x]\nprofile: plain\n");
    let error = project.fail("unused");
    assert!(error.contains("flytekit 1.13 knew fewer fields"), "{error}");
}

#[test]
fn a_locked_and_pinned_spec_has_a_content_tag() {
    let registry = &bed()["IMAGESPEC_BED_REGISTRY"];
    let mut pins = String::from("pins:\n");
    let images = CONTEXTS.map(|(_, variable)| bed()[variable].as_str());
    let [base, uv, micromamba] = images.map(|image| image.replace("imagespec-bed", &format!("{registry}/bed")));
    for (image, pushed) in images.into_iter().zip([&base, &uv, &micromamba]) {
        Engine::Main.ok(&["tag", image, pushed]);
        Engine::Main.ok(&["push", "-q", pushed]);
        let digest = Engine::Main.ok(&[
            "buildx",
            "imagetools",
            "inspect",
            "--format",
            "{{json .Manifest}}",
            pushed,
        ]);
        let digest: Value = serde_json::from_str(&digest).unwrap();
        pins.push_str(&format!("  {pushed}: {}\n", digest["digest"].as_str().unwrap()));
    }
    let spec = format!(
        "name: locked\nprofile: plain\ntag_algorithm: content\nrequirements: requirements.txt\nbase_image: {base}\n\
         builder_config:\n  uv_image: {uv}\n  micromamba_image: {micromamba}\n{pins}"
    );
    let project = project(&spec);
    let wheel = project.directory.path().join("wheels");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "-q", "--no-deps", "humanize==4.12.3", "-d"])
        .arg(&wheel);
    assert!(pip.status().unwrap().success());
    let wheel = std::fs::read_dir(wheel).unwrap().next().unwrap().unwrap().path();
    let sum = Command::new("sha256sum").arg(wheel).output().unwrap().stdout;
    let sum = String::from_utf8(sum).unwrap();
    let hash = sum.split(' ').next().unwrap();
    project.file("requirements.txt", format!("humanize==4.12.3 --hash=sha256:{hash}\n"));
    let name = project.call("name");
    assert_eq!(name.len(), "locked:".len() + 32);
    assert_eq!(project.command_line(&["name"]), (Some(0), name.clone()));
    let shown = project.build_and_run(
        &name,
        "/opt/micromamba/envs/runtime/bin/python -c 'import humanize; print(humanize.__version__)'",
    );
    assert_eq!(shown.trim(), "4.12.3");
    assert_eq!(
        Engine::Main.inspect(&name, ".Config.Labels")["io.imagespec.algorithm"],
        "content"
    );
    // What would be installed besides, without being in the lock, is an error.
    project.file("requirements.txt", format!("rich==13.9.4 --hash=sha256:{hash}\n"));
    let error = project.fail("unused");
    assert!(
        error.contains("no file of rich that suits this image has one of the hashes that the requirements give"),
        "{error}"
    );
    // An image that stands in for a pinned one has to be that one.
    project.file("requirements.txt", format!("humanize==4.12.3 --hash=sha256:{hash}\n"));
    let other = format!("{base}=docker-image://{}", images[1]);
    let project = project.with(&["--build-context", &other]);
    let error = project.fail("unused");
    assert!(
        error.contains("has the digest sha256:") && error.contains("the spec asks for"),
        "{error}"
    );
}

#[test]
fn odd_files_of_the_context_are_errors_and_nothing_hangs() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let project = project("profile: plain\ncopy: [data]\n");
    let data = project.directory.path().join("data");
    assert!(
        Command::new("mkfifo")
            .arg(data.join("pipe"))
            .status()
            .unwrap()
            .success()
    );
    let ask = |project: &Project| {
        let (tag, log) = tag_and_log(project);
        assert_eq!(tag, "");
        log
    };
    let error = ask(&project);
    assert!(
        error.contains("`data/pipe` is a named pipe") && error.contains("imageSpec.yaml:3:7"),
        "{error}"
    );
    // An image can hold it, but flytekit would not have a tag for it.
    let built = project.build("imagespec-test-odd");
    assert!(
        built.log.contains("no-tag: the image does not say its tag"),
        "{}",
        built.log
    );
    std::fs::remove_file(data.join("pipe")).unwrap();
    std::fs::write(data.join(OsStr::from_bytes(b"\xff")), "x").unwrap();
    // Under load, docker's client may end before BuildKit hears what is wrong.
    let mut errors = (0..5).map(|_| ask(&project));
    let error = errors
        .find(|error| !error.contains("context canceled"))
        .unwrap_or_default();
    assert!(
        error.contains("a name that is not UTF-8, which BuildKit cannot send"),
        "{error}"
    );
}

#[test]
fn content_digests_agree_with_the_disk() {
    use std::os::unix::fs::PermissionsExt as _;
    let registry = &bed()["IMAGESPEC_BED_REGISTRY"];
    let digest = format!("sha256:{}", "a".repeat(64));
    let image = format!("{registry}/bed/nothing:1");
    // Names are computed without a look at images.
    let project = project(&format!(
        "profile: plain\ntag_algorithm: content\nbase_image: {image}\npins: {{\"{image}\": \"{digest}\"}}\ncopy: [data]\nsource_root: src\nsource_copy_mode: all\n"
    ));
    project
        .file("data/sub/y", "y")
        .file("src/a.py", "a")
        .file("src/__pycache__/a.pyc", "c");
    let path = |path: &str| project.directory.path().join(path);
    std::fs::create_dir(path("data/empty")).unwrap();
    std::os::unix::fs::symlink("../src/a.py", path("data/link")).unwrap();
    for (name, mode) in [
        ("data/sub", 0o775),
        ("data/x", 0o4755),
        ("data/sub/y", 0o600),
        ("src", 0o700),
    ] {
        std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut seen = Vec::new();
    for ignored in [
        "",
        "data/empty\n",
        "data/sub\n!data/sub/y\n",
        "data/sub\n",
        "data\n!data/x\n",
        "src/a.py\n",
    ] {
        project.file(".dockerignore", ignored);
        let tag = project.call("tag");
        let (status, printed) = project.command_line(&["tag"]);
        // Warnings of links come after it.
        assert_eq!(
            (status, printed.lines().next()),
            (Some(0), Some(tag.as_str())),
            "{ignored}"
        );
        seen.push(tag);
    }
    let all: std::collections::BTreeSet<&String> = seen.iter().collect();
    // A directory that is ignored is there all the same when something in it is not.
    assert_eq!((all.len(), &seen[2]), (5, &seen[0]), "{seen:?}");
    project.file("src/__pycache__/a.pyc", "another");
    project.file(".dockerignore", "");
    assert_eq!(project.call("tag"), seen[0], "compiled files are not copied");
}
