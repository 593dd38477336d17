//! Python packages as layers.

use std::collections::BTreeSet;

use crate::bed::{Engine, Project, bed, free_port, fresh, host, now};
use crate::tree::{differences, tree};

const SITE: &str = "opt/micromamba/envs/runtime/lib/python3.12/site-packages/";

fn extra_index() -> String {
    format!("pip_extra_index_url: [\"{}\"]\n", bed()["IMAGESPEC_BED_EXTRA_INDEX"])
}

fn repository() -> String {
    let index = &bed()["IMAGESPEC_BED_EXTRA_INDEX"];
    index.replace("/extra/simple/", "/git/demo.git")
}

/// The digests of an image's layers.
fn layers(image: &str) -> Vec<String> {
    let layers = Engine::Main.inspect(image, ".RootFS.Layers");
    layers
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer.as_str().unwrap().to_owned())
        .collect()
}

/// Layers that one image has and the other has not.
fn new_layers(before: &[String], after: &[String]) -> usize {
    let before: BTreeSet<&String> = before.iter().collect();
    after.iter().filter(|layer| !before.contains(layer)).count()
}

#[test]
fn one_more_package_changes_its_own_layer() {
    let spec = |packages: &str, more: &str| {
        format!("profile: plain\napt_packages: [jq]\ncopy: [data]\npackages: [{packages}]\n{more}")
    };
    let project = Project::new(&spec("humanize, six, numpy", ""));
    project.file("data/x", "1");
    let build = |packages: &str, more: &str, tag: &str| {
        project.spec(&spec(packages, more));
        project.build(tag);
        layers(tag)
    };
    let base = build("humanize, six, numpy", "", "engine-layers-base");
    // Its own layer, and the lock: whichever package it is, known to be heavy or sharing a layer.
    for (number, package) in ["idna", "iniconfig", "markupsafe", "polars"].iter().enumerate() {
        let after = build(
            &format!("humanize, six, numpy, {package}"),
            "",
            &format!("engine-layers-{number}"),
        );
        let new = new_layers(&base, &after);
        // polars brings its runtime, which is heavy as well.
        let expected = if *package == "polars" { 3 } else { 2 };
        assert_eq!(new, expected, "{package}: {new} new layers");
    }
    let older = build("humanize==4.9.0, six, numpy", "", "engine-layers-older");
    assert_eq!(new_layers(&base, &older), 2, "another version");
    let named = build("humanize, six, numpy", "heavy: [humanize]\n", "engine-layers-heavy");
    assert_eq!(
        new_layers(&base, &named),
        2,
        "a layer of its own, and the one that it shared without it"
    );
    project.spec(&spec("humanize, six, numpy", "").replace("[jq]", "[jq, tree]"));
    project.build("engine-layers-apt");
    assert_eq!(new_layers(&base, &layers("engine-layers-apt")), 1, "an apt package");
}

/// All kinds of packages.
fn mixed() -> String {
    format!(
        "packages: [humanize, numpy, sgmllib3k, \"./libs/mine\", bed-extra-demo, \"bed-git-demo @ git+{}@v1\",\
         \"six @ https://files.pythonhosted.org/packages/b7/ce/149a00dd41f10bc29e5921b496af8b574d8413afcd5e30dfa0ed46c2cc5e/six-1.17.0-py2.py3-none-any.whl\"]\n{}",
        repository(),
        extra_index()
    )
}

fn with_project(spec: &str) -> Project {
    let project = Project::new(spec);
    project.file(
        "libs/mine/pyproject.toml",
        "[project]\nname = \"mine\"\nversion = \"0.1.0\"\ndependencies = [\"idna\"]\n[project.scripts]\nmine = \"mine:main\"\n\
         [build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n",
    );
    project.file(
        "libs/mine/src/mine/__init__.py",
        "def main():\n    print('mine runs')\n",
    );
    project
}

#[test]
fn all_kinds_of_packages_give_the_tree_of_one_plain_install() {
    let spec = format!("profile: plain\napt_packages: [git]\n{}", mixed());
    // Only the first build asks the indexes.
    let namespace = format!("BUILDKIT_CACHE_MOUNT_NS=mixed-{}", std::process::id());
    let project = with_project(&spec).with(&["--build-arg", &namespace]);
    let said = project.build_and_run(
        "engine-mixed",
        "mine && python -c 'import numpy, sgmllib, bed_git_demo, six, idna, bed_extra_demo; print(bed_git_demo.greet())'",
    );
    assert_eq!(said, "mine runs\nhello from bed-git-demo\n");
    let merged = tree(Engine::Main, "engine-mixed");
    project.spec(&format!("{spec}layering: single\n"));
    project.build("engine-mixed-single");
    // They are made in different ways, or it would say nothing that they are alike.
    assert!(layers("engine-mixed-single").len() + 3 < layers("engine-mixed").len());
    assert_eq!(
        differences(&merged, &tree(Engine::Main, "engine-mixed-single")),
        [""; 0]
    );

    // uv itself, on the same lock and interpreter.
    let lock = Engine::Main.shell("engine-mixed", "cat /usr/share/imagespec/pylock.toml");
    // It has the paths of the step that resolved; here they are those of the copies.
    let (before, _) = lock.split_once("/libs/").unwrap();
    let (_, of_step) = before.rsplit_once(['"', '\'']).unwrap();
    let lock = lock.replace(&format!("{of_step}/libs"), "libs");
    let plain = with_project(
        "profile: plain\npython_version: \"3.12\"\napt_packages: [git]\ncopy: [libs, pylock.toml, ca.crt]\ncommands: [\"cd /root && SSL_CERT_FILE=/root/ca.crt uv pip install --python /opt/micromamba/envs/runtime/bin/python -r pylock.toml\"]\n",
    );
    plain.file("pylock.toml", lock);
    plain.file("ca.crt", std::fs::read(&bed()["IMAGESPEC_BED_CA_BUNDLE"]).unwrap());
    plain.build("engine-mixed-plain");
    let of_packages = |image: &str| -> Vec<String> {
        let tree = tree(Engine::Main, image);
        let paths = tree
            .into_keys()
            .filter(|path| path.starts_with(SITE) || path.starts_with("opt/micromamba/envs/runtime/bin/"));
        // Bytecode is ours, and what uv notes of a build changes with its time and its variables.
        let is_note = |path: &String| path.ends_with("/uv_cache.json") || path.ends_with("/uv_build.json");
        let paths = paths.filter(|path| !path.contains("__pycache__") && !is_note(path));
        // That a package was asked for by name is not in a lock.
        paths.filter(|path| !path.ends_with("/REQUESTED")).collect()
    };
    assert_eq!(of_packages("engine-mixed"), of_packages("engine-mixed-plain"));
}

#[test]
#[ignore = "minutes long: `make test-all` runs it"]
fn all_kinds_of_packages_give_the_same_tree_one_after_another() {
    let spec = format!("profile: plain\napt_packages: [git]\n{}", mixed());
    with_project(&spec).build("engine-mixed-merged");
    let chained = with_project(&spec).with(&["--build-arg", "IMAGESPEC_STRATEGY=chain"]);
    assert!(!chained.build("engine-mixed-chain").merges());
    let merged = tree(Engine::Main, "engine-mixed-merged");
    assert_eq!(differences(&merged, &tree(Engine::Main, "engine-mixed-chain")), [""; 0]);
}

#[test]
fn what_is_installed_is_content_and_imports() {
    let spec = "packages: [pandas, requests, rich, google-cloud-storage]\n\
                commands: [\"uv pip check --python /opt/micromamba/envs/runtime/bin/python\"]\n";
    let project = Project::new(spec);
    let line = "python - <<'EOF'\n\
                import importlib.metadata as metadata\nimport importlib, sys\n\
                failed = []\n\
                for distribution in metadata.distributions():\n\
                \x20   files = [str(file) for file in distribution.files or []]\n\
                \x20   names = {file.split('/')[0].removesuffix('.py') for file in files if file.endswith('/__init__.py') or '/' not in file and file.endswith('.py')}\n\
                \x20   for name in names:\n\
                \x20       try:\n\
                \x20           if name.isidentifier(): importlib.import_module(name)\n\
                \x20       except Exception as error: failed.append(f'{distribution.name} {name}: {error}')\n\
                print(len(sys.modules) > 500, [line for line in failed if 'No module named' in line or 'cannot import' in line])\n\
                EOF";
    let said = project.build_and_run("engine-imports", line);
    assert_eq!(said.lines().last().unwrap(), "True []", "{said}");
}

#[test]
fn files_of_two_packages_are_those_of_the_last_by_name() {
    let spec = format!(
        "profile: plain\npackages: [bed-shared-b, bed-shared-a]\n{}",
        extra_index()
    );
    let line = "python -c 'import bed_shared, bed_space.bed_shared_a, bed_space.bed_shared_b; print(bed_shared.OWNER)'; cat /usr/share/imagespec/shared-files.json";
    for (tag, layering, strategy) in [
        ("engine-shared-merge", "auto", "merge"),
        ("engine-shared-chain", "auto", "chain"),
        // Two packages in one layer.
        ("engine-shared-single", "single", "merge"),
    ] {
        let project = Project::new(&format!("{spec}layering: {layering}\n"));
        let project = project.with(&["--build-arg", &format!("IMAGESPEC_STRATEGY={strategy}")]);
        let built = project.build(tag);
        assert_eq!(built.merges(), strategy == "merge", "{}", built.log);
        let said = Engine::Main.shell(tag, line);
        assert!(said.starts_with("bed-shared-b\n"), "{tag}: {said}");
        if layering == "auto" {
            assert!(said.contains("bed_shared.py"), "{said}");
            assert!(
                built.log.contains(
                    "bed_shared.py is in bed-shared-a and bed-shared-b; the image has the one from bed-shared-b"
                ),
                "{}",
                built.log
            );
        }
    }
}

#[test]
fn a_package_can_be_built_alone() {
    let project = Project::new("profile: plain\npackages: [humanize, numpy]\n").with(&["--target", "wheel-NumPy"]);
    let said = project.build_and_run(
        "engine-wheel",
        "python -c 'import numpy' && ! python -c 'import humanize' 2>/dev/null && echo alone",
    );
    assert_eq!(said, "alone\n");
    let project = Project::new("profile: plain\npackages: [humanize]\n").with(&["--target", "wheel-numpy"]);
    let log = project.fail("engine-no-wheel");
    assert!(
        log.contains("this image does not install numpy; it installs humanize"),
        "{log}"
    );
}

#[test]
fn arguments_reach_the_steps_that_they_are_for() {
    // Run for certain: a step that is found in a cache does not show its arguments.
    let project = Project::new(&fresh(
        "profile: plain\npackages: [humanize]\npip_extra_args: --resolution lowest-direct -c bounds.txt --no-binary humanize\n",
    ));
    project.file("bounds.txt", format!("humanize>=4.9,<4.11 # at {}\n", now()));
    let built = project.build("engine-arguments");
    let expected = [
        "[lock] uv pip compile humanize",
        "[packages] build humanize",
        "[packages] uv pip install humanize (shared layer 6)",
        "[python] micromamba install python=3.12",
        // The bounds count in the label with the digest of all inputs.
        "[tag] compute digests of requirements",
    ];
    assert_eq!(built.ran_anew(), expected, "{}", built.log);
    let ran = built.ran();
    assert!(ran.contains(&"[packages] build humanize==4.9.0".to_owned()), "{ran:?}");
}

#[test]
fn what_cannot_be_resolved_is_explained() {
    let fails = |spec: &str| Project::new(&format!("profile: plain\n{spec}")).fail("engine-unresolved");
    let log = fails("packages:\n  - humanize>4\n  - humanize<4\n");
    assert!(log.contains("your requirements are unsatisfiable"), "{log}");
    assert!(log.contains(">>>   - humanize>4"), "{log}");
    // An index where nobody answers: on an address of our own, since a network may answer for any other.
    let (address, port) = (host(), free_port());
    let log = fails(&format!(
        "packages: [humanize]\npip_index: http://{address}:{port}/simple\nbuild_env: {{UV_HTTP_RETRIES: \"0\"}}\n"
    ));
    assert!(
        log.contains(&format!("Failed to fetch: http://{address}:{port}/simple/humanize/"))
            && log.contains(">>> pip_index"),
        "{log}"
    );
    // An index that says another hash than its file has.
    let log = fails(&format!("packages: [bed-lying]\n{}", extra_index()));
    assert!(log.contains("Hash mismatch for `bed-lying==1.0.0`"), "{log}");
    let yanked = Project::new(&fresh(&format!(
        "profile: plain\npackages: [bed-yanked==1.0.0]\n{}",
        extra_index()
    )));
    let built = yanked.build("engine-yanked");
    assert!(
        built
            .log
            .contains("warning: `bed-yanked==1.0.0` is yanked (reason: \"broken\")"),
        "{}",
        built.log
    );
    let log = fails(&format!("packages: [bed-yanked]\n{}", extra_index()));
    assert!(log.contains("bed-yanked==1.0.0 was yanked (reason: broken)"), "{log}");
}

#[test]
fn extras_that_only_a_build_knows_are_told() {
    let project =
        Project::new("profile: plain\npython_version: \"3.12\"\npackages: [\"six[faster]\", \"./old[web]\"]\n");
    project.file("old/setup.py", "from setuptools import setup\nsetup()\n");
    project.file(
        "old/setup.cfg",
        "[metadata]\nname = old\nversion = 2\n[options]\npy_modules = old\n[options.extras_require]\nweb = idna\n",
    );
    project.file("old/old.py", "");
    let built = project.build("engine-extras");
    assert!(built.log.contains("six 1.17.0 has no extra `faster`"), "{}", built.log);
    project.spec("profile: plain\npython_version: \"3.12\"\npackages: [six, \"./old[wbe]\"]\n");
    let log = project.fail("engine-extras");
    assert!(
        log.contains("imageSpec.yaml:4:17: old 2 has no extra `wbe`") && log.contains("it has web"),
        "{log}"
    );
}
