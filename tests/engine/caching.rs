//! What runs again, and whether it gives the same.

use crate::bed::{Engine, Project, fresh};
use crate::tree::{differences, layers};

const SPEC: &str = "packages: [humanize]\napt_packages: [jq]\ncopy: [data]\nenv: {LEVEL: info}\n";

#[test]
fn nothing_changed_runs_nothing_and_env_only_commands() {
    let spec = fresh(SPEC);
    let project = Project::new(&spec);
    project.file("data/x", "1");
    project.build("engine-cached");
    let again = project.build("engine-cached");
    assert_eq!(again.ran(), [""; 0], "{}", again.log);
    // They are in the graph and were found, rather than being called something else.
    let cached = again.cached();
    for step in [
        "[user] create user flytekit",
        "[apt] apt-get install jq",
        "[python] micromamba install python=3.12",
        "[lock] uv pip compile humanize flytekit",
        "[packages] look for files that several packages have",
        "[lock] keep the lock in /usr/share/imagespec",
        "[source] copy data to /root/data",
        "[tag] compute digests of copy",
    ] {
        assert!(cached.contains(&step.to_owned()), "{step}: {cached:#?}");
    }
    assert!(
        cached.iter().any(|step| step.starts_with("[packages] uv pip install ")),
        "{cached:#?}"
    );

    project.spec(&spec.replace("info", "debug"));
    let built = project.build("engine-env");
    assert_eq!(built.ran(), [""; 0], "{}", built.log);
    assert_eq!(Engine::Main.shell("engine-env", "echo $LEVEL"), "debug\n");

    let with_commands = format!("{spec}commands: [\"echo $LEVEL > /level\"]\n");
    project.spec(&with_commands);
    project.build("engine-env-commands");
    project.spec(&with_commands.replace("info", "debug"));
    let built = project.build("engine-env-commands");
    assert_eq!(built.ran(), ["[image] echo $LEVEL > /level"], "{}", built.log);
    assert_eq!(Engine::Main.shell("engine-env-commands", "cat /level"), "debug\n");
}

#[test]
fn one_edit_runs_its_own_steps() {
    let spec =
        "profile: plain\napt_packages: [jq]\ncopy: [data]\npython_exec: /usr/bin/python3\npackages: [humanize]\n";
    let spec = &fresh(&spec.replace("[jq]", "[python3, jq]"));
    let project = Project::new(spec);
    // Nothing that another test copies, so that nothing is known of it.
    let content = format!("{:?}", std::time::SystemTime::now());
    project.file("data/x", &content);
    project.build("engine-edit");
    project.file("data/x", content + "2");
    let built = project.build("engine-edit");
    let of_source = ["[source] copy data to /root/data", "[tag] compute digests of copy"];
    assert_eq!(built.ran_anew(), of_source, "{}", built.log);
    project.spec(&spec.replace("[humanize]", "[humanize, idna]"));
    let built = project.build("engine-edit");
    let expected = [
        "[lock] uv pip compile humanize idna",
        "[packages] look for files that several packages have",
        "[packages] uv pip install idna (shared layer 3)",
    ];
    assert_eq!(built.ran_anew(), expected, "{}", built.log);
    // The chain: what came before the new entry stays, and so does what depends on the interpreter.
    project.spec(&spec.replace("[python3, jq]", "[python3, jq, tree]"));
    let built = project.build("engine-edit");
    let expected = [
        "[apt] apt-get install tree",
        "[lock] look at the Python packages that apt installs",
    ];
    assert_eq!(built.ran_anew(), expected, "{}", built.log);
}

#[test]
fn an_edit_of_apt_does_not_touch_the_interpreter() {
    let spec = "profile: plain\napt_packages: [python3]\npython_exec: python3\npackages: [pyyaml, humanize]\n";
    let spec = &fresh(spec);
    let project = Project::new(spec);
    project.build("engine-edit-apt");
    let version = "python -c 'import yaml, humanize; print(yaml.__version__)'";
    let newest = Engine::Main.shell("engine-edit-apt", version);
    // One that has nothing to do with Python: it runs, and is looked at.
    let with_jq = spec.replace("[python3]", "[python3, jq]");
    project.spec(&with_jq);
    let built = project.build("engine-edit-apt");
    let expected = [
        "[apt] apt-get install jq",
        "[lock] look at the Python packages that apt installs",
    ];
    assert_eq!(built.ran_anew(), expected, "{}", built.log);
    assert_eq!(Engine::Main.shell("engine-edit-apt", version), newest);
    assert_eq!(
        Engine::Main.shell("engine-edit-apt", "jq --version >/dev/null && echo there"),
        "there\n"
    );
    // One that brings a package into the interpreter's own place is resolved with, and its version taken.
    project.spec(&with_jq.replace("jq]", "jq, python3-yaml]"));
    let built = project.build("engine-edit-apt");
    assert!(
        built
            .ran_anew()
            .iter()
            .any(|step| step.starts_with("[lock] uv pip compile")),
        "{}",
        built.log
    );
    let lock = Engine::Main.shell("engine-edit-apt", "cat /usr/share/imagespec/pylock.toml");
    let of_debian = "python3 -c 'import importlib.metadata as m; print(m.version(\"pyyaml\"))'";
    let of_debian = Engine::Main.shell("engine-edit-apt", &format!("PATH=/usr/bin:/bin {of_debian}"));
    let line = format!("name = \"pyyaml\"\nversion = \"{}\"", of_debian.trim());
    assert!(lock.contains(&line), "{of_debian}: {lock}");
}

#[test]
fn no_cache_filter_runs_its_stage_again() {
    let project = Project::new(&fresh("profile: plain\napt_packages: [jq]\ncopy: [data]\n"));
    project.file("data/x", "1");
    project.build("engine-no-cache");
    let project = project.with(&["--no-cache-filter", "source"]);
    let built = project.build("engine-no-cache");
    assert_eq!(built.ran(), ["[source] copy data to /root/data"], "{}", built.log);
    assert!(
        built.cached().contains(&"[apt] apt-get install jq".to_owned()),
        "{}",
        built.log
    );
}

/// Builds twice with nothing shared: neither install steps, nor the directories that installers keep. Gives the logs.
fn assert_same_layers(spec: &str, name: &str) -> [String; 2] {
    let build = |number: u32, spec: &str, options: &[&str]| {
        let namespace = format!("BUILDKIT_CACHE_MOUNT_NS={name}-{number}-{}", std::process::id());
        let project = Project::new(spec).with(&["--build-arg", &namespace]).with(options);
        project.file("data/x", "1");
        let tag = format!("{name}-{number}");
        let built = project.build(&tag);
        let digests = project.engine.inspect(&tag, ".RootFS.Layers");
        (layers(project.engine, &tag), digests, built.log)
    };
    let (one, one_digests, one_log) = build(1, &fresh(spec), &[]);
    let (two, two_digests, two_log) = build(2, spec, &["--no-cache"]);
    assert_eq!(differences(&one, &two), [""; 0]);
    assert_eq!(one_digests, two_digests);
    [one_log, two_log]
}

#[test]
fn the_same_steps_give_the_same_layers_on_an_empty_cache() {
    assert_same_layers(
        "profile: plain\npython_version: \"3.12\"\npackages: [humanize, numpy, pyyaml]\napt_packages: [jq, adduser]\nconda_packages: [tree]\n",
        "engine-twice",
    );
}

#[test]
#[ignore = "minutes long: `make test-all` runs it"]
fn the_same_steps_of_large_images_give_the_same_layers() {
    let [cached, uncached] = assert_same_layers(
        "packages: [humanize, numpy, pyyaml]\napt_packages: [jq, adduser, git]\nconda_packages: [tree]\n",
        "engine-twice-flyte",
    );
    assert!(cached.contains("[packages] fetch those of "), "{cached}");
    // BuildKit empties the directory before each solve: they would be fetched twice.
    assert!(!uncached.contains("[packages] fetch those of "), "{uncached}");
    assert_same_layers(
        "profile: plain\npython_exec: python3\napt_packages: [python3]\npackages: [humanize, pandas]\n",
        "engine-twice-venv",
    );
}
