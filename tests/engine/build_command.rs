//! `imagespec build` with real engines. Tests that need the frontend inside of the program run where it is built with
//! `--features carried-frontend`, as `make test` does.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::bed::{CONTEXTS, Engine, FRONTEND, Project, bed, fresh, now};

/// Runs a command of the program in a project, with what stands in for the images of the net.
pub(crate) fn imagespec(project: &Project, words: &[&str]) -> Output {
    let bed = bed();
    let mut flags = format!("--secret id=ca-certificates,src={}", bed["IMAGESPEC_BED_CA_BUNDLE"]);
    for (name, image) in CONTEXTS {
        flags.push_str(&format!(" --build-context {name}=docker-image://{}", bed[image]));
    }
    project.file("settings.toml", "");
    let mut command = Command::new(env!("CARGO_BIN_EXE_imagespec"));
    command
        .args(words)
        .envs(bed)
        .env("IMAGESPEC_BUILD_FLAGS", flags)
        // No settings of whoever runs the tests.
        .env("IMAGESPEC_CONFIG", project.directory.path().join("settings.toml"))
        .current_dir(project.directory.path())
        .stdin(Stdio::null());
    project.engine.choose(&mut command);
    command.output().unwrap()
}

/// What a build says for programs.
pub(crate) fn json(project: &Project, words: &[&str]) -> Value {
    let output = imagespec(project, &[&["build", "--json"], words].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

const SPEC: &str = "profile: plain\napt_packages: [jq]\ncopy: [f]\n";

#[test]
#[cfg_attr(not(feature = "carried-frontend"), ignore = "needs --features carried-frontend")]
fn the_program_brings_the_frontend_to_each_engine() {
    let stores = [Engine::Main, Engine::Classic];
    for (engine, store) in ["buildx", "docker"]
        .into_iter()
        .flat_map(|engine| stores.map(|store| (engine, store)))
    {
        let project = Project::new("").on(store);
        // No line names a frontend. Files in /root would need a step that opens it, which other tests share.
        let spec = fresh(&format!("{SPEC}copy_to: /srv\n"));
        project.file("imageSpec.yaml", spec).file("f", now().to_string());
        let name = format!("engine-carried-{engine}:1");
        let found = json(&project, &["--engine", engine, "-t", &name, "--id", "theirs"]);
        assert_eq!(
            (&found["built"], &found["name"]),
            (&true.into(), &name.as_str().into()),
            "{found}"
        );
        assert!(found["digest"].as_str().unwrap().starts_with("sha256:"), "{found}");
        assert_eq!(found["warnings"], serde_json::json!([]));
        let said = store.shell(&name, "jq --version && cat /srv/f | wc -l && echo $_F_IMG_ID");
        assert!(said.starts_with("jq-"), "{said}");
        let label = store.inspect(&name, ".Config.Labels");
        assert_eq!(label["io.imagespec.name"], name.as_str());
        let total = found["layers"]["total"].as_u64().unwrap();
        let layers = store.inspect(&name, ".RootFS.Layers");
        assert_eq!(total, u64::try_from(layers.as_array().unwrap().len()).unwrap());
        // The engine adds a line of its own where history and layers differ in number.
        let history = store.ok(&[
            "history",
            "--no-trunc",
            "--format",
            "{{.CreatedBy}} {{.Comment}}",
            &name,
        ]);
        assert!(!history.contains("buildkit.exporter"), "{history}");
        // Once more, nothing is made.
        let again = json(&project, &["--engine", engine, "-t", &name, "--id", "theirs"]);
        assert_eq!(again["layers"]["reused"], again["layers"]["total"], "{again}");
        assert_eq!(again["digest"], found["digest"]);
    }
}

#[test]
#[cfg_attr(not(feature = "carried-frontend"), ignore = "needs --features carried-frontend")]
fn what_a_dry_run_prints_builds_the_image() {
    let project = Project::new("");
    project.file("imageSpec.yaml", SPEC).file("f", "1");
    let printed = imagespec(
        &project,
        &[
            "build",
            "--dry-run=kept dir",
            "--engine",
            "buildx",
            "-t",
            "engine-dry:1",
        ],
    );
    let line = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(line.lines().count(), 1, "{line}");
    let directory = project.directory.path();
    assert!(directory.join("kept dir/frontend/index.json").exists(), "{line}");
    let output = Command::new("sh")
        .args(["-c", &line])
        .envs(bed())
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(project.engine.shell("engine-dry:1", "cat /root/f"), "1");
}

#[test]
fn an_image_that_is_in_its_registry_is_not_built_again() {
    let registry = &bed()["IMAGESPEC_BED_REGISTRY"];
    let run = now();
    let project = Project::new(&format!(
        "profile: plain\nname: built\nregistry: {registry}/r{run}\ncopy: [f]\nrequirements: requirements.txt\npython_version: \"3.12\"\n"
    ));
    project.file("f", run.to_string());
    project
        .file("requirements.txt", "-r more.txt\n")
        .file("more.txt", "humanize==4.9.0\n");
    let first = json(&project, &["--push"]);
    assert_eq!(first["built"], true, "{first}");
    let pushed = first["pushed"].as_u64().unwrap();
    assert!(pushed > 0 && pushed <= first["size"].as_u64().unwrap(), "{first}");
    let second = json(&project, &["--push"]);
    assert_eq!(
        (&second["built"], &second["digest"]),
        (&false.into(), &first["digest"]),
        "{second}"
    );
    // Asked for alone, the answer is the same.
    let exists = imagespec(&project, &["exists", first["name"].as_str().unwrap()]);
    let said = String::from_utf8(exists.stdout).unwrap();
    assert_eq!(said, format!("yes {}\n", first["digest"].as_str().unwrap()));
    let refused = imagespec(&project, &["build", "--push", "--if-exists", "fail"]);
    let words = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{words}");
    assert!(words.contains("exists already"), "{words}");
    // A file that flytekit's tag leaves out.
    project.file("more.txt", "humanize==4.10.0\n");
    let third = json(&project, &["--push"]);
    assert_eq!(
        (&third["built"], &third["name"]),
        (&true.into(), &first["name"]),
        "{third}"
    );
    assert!(third["pushed"].as_u64().unwrap() < pushed, "{third}");
    // Several names: one that is missing is enough.
    let more = format!("{registry}/r{run}/more:1");
    let names = ["--push", "-t", third["name"].as_str().unwrap(), "-t", &more];
    assert_eq!(json(&project, &names)["built"], true);
    assert_eq!(json(&project, &names)["built"], false);
    assert_eq!(json(&project, &[&names[..], &["--force"]].concat())["built"], true);
}

#[test]
fn a_failing_step_has_its_line_and_an_exit_code() {
    let project = Project::new("profile: plain\ncommands: [\"exit 7\"]\n");
    let output = imagespec(&project, &["build"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("imageSpec.yaml:3:12: entry 1 of `commands`"), "{said}");
    assert!(output.stdout.is_empty(), "{output:?}");
    // Of the line that names it, and of the option.
    let other = imagespec(&project, &["build", "--frontend", "imagespec-test/none:1"]);
    assert_eq!(other.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&other.stderr).contains("imagespec-test/none:1"),
        "{other:?}"
    );
    assert!(said.contains(FRONTEND), "{said}");
}

#[test]
#[cfg_attr(not(feature = "carried-frontend"), ignore = "needs --features carried-frontend")]
fn the_stage_before_a_failed_step_is_kept() {
    let project = Project::new("");
    let spec = "profile: plain\napt_packages: [jq]\ncopy_to: /srv\ncopy: [f]\ncommands: [\"exit 7\"]\n";
    project.file("imageSpec.yaml", spec).file("f", "kept");
    let output = imagespec(&project, &["build", "--engine", "buildx", "--keep-failed"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("entry 1 of `commands`"), "{said}");
    let help = "imagespec-failed is the image before that step (--target source): docker run --rm -it --entrypoint sh imagespec-failed";
    assert!(said.contains(help), "{said}");
    let line = "jq --version >/dev/null && cat /srv/f";
    assert_eq!(project.engine.shell("imagespec-failed", line), "kept");
}

/// buildctl comes with no package of the bed: where it answers it builds, elsewhere its recorded answers have to do.
#[test]
#[cfg_attr(not(feature = "carried-frontend"), ignore = "needs --features carried-frontend")]
fn buildctl_builds_where_it_is() {
    let mut workers = Command::new("buildctl");
    let answers = workers.args(["debug", "workers"]).envs(bed()).output();
    if !answers.is_ok_and(|output| output.status.success()) {
        // Past the test harness, which shows only what failing tests print.
        let words = "engine: no buildctl answers here; tests/cli/build.rs has its recorded answers\n";
        std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes()).unwrap();
        return;
    }
    let registry = &bed()["IMAGESPEC_BED_REGISTRY"];
    let project = Project::new("");
    project.file("imageSpec.yaml", SPEC).file("f", now().to_string());
    let name = format!("{registry}/buildctl/r{}:1", now());
    let words = [
        "--engine",
        "buildctl",
        "--push",
        "-t",
        &name,
        "--label",
        "a=b c",
        "--iidfile",
        "iid",
    ];
    let found = json(&project, &words);
    assert_eq!(
        (&found["built"], &found["engine"]),
        (&true.into(), &"buildctl".into()),
        "{found}"
    );
    assert_eq!(json(&project, &words)["built"], false);
    let id = std::fs::read_to_string(project.directory.path().join("iid")).unwrap();
    assert!(id.starts_with("sha256:"), "{id}");
    let label = imagespec(&project, &["inspect", &name]);
    assert!(String::from_utf8_lossy(&label.stdout).contains(&name), "{label:?}");
    let tar = [
        "build",
        "--engine",
        "buildctl",
        "-t",
        "x:1",
        "--output",
        "type=oci,dest=image.tar",
    ];
    assert!(imagespec(&project, &tar).status.success());
    assert!(project.directory.path().join("image.tar").metadata().unwrap().len() > 1000);
}
