//! Every field of a spec, on a real engine.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;

use serde_json::json;

use crate::bed::{Engine, FRONTEND, Project, bed, binary, fresh};
use crate::progress;
use crate::tree::{assert_bytecode_is_fresh, differences, tree};

const CONDA: &str = "/opt/micromamba/envs/runtime";

#[test]
fn the_quickstart_builds_and_runs() {
    let project = Project::new("");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    for entry in ["imageSpec.yaml", "src/hello.py"] {
        project.file(entry, std::fs::read(example.join(entry)).unwrap());
    }
    // The published name stands for the frontend of this tree.
    let project = project.with(&["--build-arg", &format!("BUILDKIT_SYNTAX={FRONTEND}")]);
    project.build("engine-quickstart");
    let printed = project.engine.ok(&["run", "--rm", "engine-quickstart"]);
    assert!(printed.contains("Hello from imagespec"), "{printed}");
}

/// A project whose spec has every field.
pub(crate) fn everything() -> Project {
    let bed = bed();
    let spec = format!(
        r#"
name: Everything
python_version: "3.12"
builder: default
source_root: app
source_copy_mode: all
env:
  GREETING: hello world
  PRICE: 5 $USD
  PATH: /opt/tools:$PATH
registry: localhost:5000/team
packages: [humanize, bed-extra-demo]
conda_packages: [tree]
conda_channels: ["{channel}"]
requirements: deps/requirements.txt
apt_packages: [jq]
base_image: debian:bookworm-slim
platform: linux/amd64
pip_index: https://pypi.org/simple
pip_extra_index_url: ["{extra}"]
pip_extra_args: --index-strategy unsafe-best-match
registry_config: registry.json
entrypoint: [python, -m, main]
commands: ["echo \"$GREETING\" > /greeting", "cd /tmp", "pwd > /where", "uv --version > /uv-version"]
tag_format: "{{spec_hash}}-dev"
copy: [configs/prod.yaml, assets]
runtime_packages: [six]
builder_config: {{uv_image: "ghcr.io/astral-sh/uv:0.13"}}
builder_options: {{labels: {{team: ml}}}}
user: flytekit
workdir: /srv/work
build_env: {{BUILD_ONLY: "1"}}
setup_commands: ["echo \"$BUILD_ONLY\" > /setup"]
expose: [3000, 53/udp]
"#,
        channel = bed["IMAGESPEC_BED_CHANNEL"],
        extra = bed["IMAGESPEC_BED_EXTRA_INDEX"],
    );
    let project = Project::new(&spec);
    project
        .file("deps/requirements.txt", "# a comment\ntomli==2.0.1\n")
        .file(
            "app/main.py",
            "import humanize, tomli, bed_extra_demo\nprint('main runs', humanize.intcomma(12345))\n",
        )
        .file("app/__pycache__/junk.pyc", "junk")
        .file("configs/prod.yaml", "a: 1\n")
        .file("assets/deep/x.txt", "x\n");
    project
}

#[test]
fn every_field_has_its_effect() {
    let project = everything();
    project.build("engine-everything");
    let engine = project.engine;
    assert_eq!(
        engine.ok(&["run", "--rm", "engine-everything"]).trim(),
        "main runs 12,345"
    );
    let shell = |line: &str| engine.shell("engine-everything", line).trim().to_owned();
    assert_eq!(shell("id -un; pwd"), "flytekit\n/srv/work");
    let ports = engine.inspect("engine-everything", ".Config.ExposedPorts");
    assert_eq!(ports, serde_json::json!({"3000/tcp": {}, "53/udp": {}}));
    assert_eq!(shell("cat /greeting /where /setup"), "hello world\n/tmp\n1");
    let uv = bed()["IMAGESPEC_BED_UV_IMAGE"].rsplit(':').next().unwrap();
    assert!(
        shell("cat /uv-version").starts_with(&format!("uv {uv}")),
        "{}",
        shell("cat /uv-version")
    );
    assert_eq!(shell("printf %s \"$PRICE\""), "5 $USD");
    assert!(shell("echo $PATH").starts_with("/opt/tools:/opt/micromamba/envs/runtime/bin:"));
    assert_eq!(shell("echo \"$BUILD_ONLY\""), "");
    assert_eq!(
        shell("echo $_F_RUNTIME_PACKAGES $PYTHONPATH $UV_PYTHON"),
        format!("six /root {CONDA}/bin/python")
    );
    assert_eq!(shell("bash -lc 'echo $PATH' | cut -d: -f1"), "/opt/tools");
    assert_eq!(shell("jq --version && tree --version | cut -c1-4"), "jq-1.6\ntree");
    assert_eq!(shell("python --version | cut -d. -f1,2"), "Python 3.12");
    assert_eq!(shell("cat /root/configs/prod.yaml /root/assets/deep/x.txt"), "a: 1\nx");
    assert_eq!(
        shell("stat -c %U:%G:%Y /root/main.py /root/assets/deep /root/configs/prod.yaml"),
        ["flytekit:flytekit:946684800"; 3].join("\n")
    );
    assert_eq!(
        shell("ls -d /root/__pycache__ 2>/dev/null; ls -d /usr/bin/uv 2>/dev/null; true"),
        ""
    );
    assert_eq!(
        shell("touch /root/x ~/y /opt/micromamba/z && python -m pip --version >/dev/null && echo writable"),
        "writable"
    );
    let config = engine.inspect("engine-everything", ".Config");
    assert_eq!(config["Entrypoint"], json!(["python", "-m", "main"]));
    assert_eq!(config["Cmd"], json!(null));
    assert_eq!(config["Labels"]["team"], "ml");
    let name = project.call("name");
    assert!(
        name.starts_with("localhost:5000/team/everything:") && name.ends_with("-dev"),
        "{name}"
    );
    assert_eq!(config["Labels"]["io.imagespec.name"], name.as_str());
    let environment = config["Env"].as_array().unwrap();
    let image_id = format!("_F_IMG_ID={}", project.call("id"));
    assert!(environment.contains(&json!(image_id)), "{environment:?}");
    assert_bytecode_is_fresh(engine, "engine-everything", &format!("{CONDA}/bin/python"), CONDA);
    // No lists, caches or logs in the image.
    assert_eq!(
        shell(
            "find /var/lib/apt/lists /var/log/apt /var/log/dpkg.log /var/cache/imagespec /opt/micromamba/pkgs -type f 2>/dev/null; ls -d /var/lib/apt"
        ),
        "/var/lib/apt"
    );
}

#[test]
fn a_flyte_image_runs_flytekit() {
    let project = Project::new("name: task\npackages: [humanize]\n");
    let program = "python -c 'import flytekit, ssl; print(flytekit.__version__.split(\".\")[0]); ssl.create_default_context()'; pyflyte --help >/dev/null && echo ok; id -un; pwd; stat -c %U /root; tail -1 ~/.profile";
    let printed = project.build_and_run("engine-flyte", program);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[..5], ["1", "ok", "flytekit", "/root", "flytekit"]);
    assert!(
        lines[5].starts_with("export PATH=/opt/micromamba/envs/runtime/bin:"),
        "{printed}"
    );
}

/// What flytekit's own image has otherwise, by docs/from-flytekit.md.
#[test]
fn a_flyte_image_leaves_alone_what_it_need_not_touch() {
    let spec = "base_image:\n  profile: plain\n  setup_commands:\n    - mkdir -p /etc/ssl/certs\n    \
                - echo own > /etc/ssl/certs/ca-certificates.crt\n    - useradd --create-home other\n\
                apt_packages: [jq]\n";
    let line = "cat /etc/ssl/certs/ca-certificates.crt; \
                stat -c %U /home/other /root /home/flytekit /opt/micromamba/envs/runtime/bin/python; \
                ls -A /var/lib/apt/lists | grep -v partial; test -e /root/.cache && echo cache; \
                find /opt -path '*/tests/*.py' | head -1 | wc -l; find /opt -path '*/tests/*.pyc'; \
                find /opt -name '*.pyc' | head -1 | wc -l; python --version | cut -d. -f1,2";
    let printed = Project::new(spec).build_and_run("engine-flyte-alone", line);
    assert_eq!(printed, "own\nother\nflytekit\nflytekit\nflytekit\n1\n1\nPython 3.12\n");
    let config = Engine::Main.inspect("engine-flyte-alone", ".Config");
    assert!(config.get("Shell").is_none_or(serde_json::Value::is_null), "{config}");
}

#[test]
fn a_path_without_programs_stops_no_step() {
    let project = Project::new("env: {PATH: /nothing}\n");
    project.build("engine-path");
    let arguments = [
        "run",
        "--rm",
        "--entrypoint",
        "/usr/bin/tail",
        "engine-path",
        "-1",
        "/home/flytekit/.profile",
    ];
    assert_eq!(
        project.engine.ok(&arguments),
        "export PATH=/nothing:/usr/local/nvidia/bin:/usr/local/cuda/bin\n"
    );
}

#[test]
fn a_plain_image_has_nothing_that_it_does_not_ask_for() {
    let project = Project::new("profile: plain\nentrypoint: []\n");
    project.build("engine-plain");
    let config = project.engine.inspect("engine-plain", ".Config");
    assert!(config["User"].as_str().unwrap_or("").is_empty());
    assert_eq!(config["Env"].as_array().unwrap().len(), 1);
    let base = project
        .engine
        .inspect("imagespec-bed/debian:bookworm-slim", ".RootFS.Layers");
    assert_eq!(project.engine.inspect("engine-plain", ".RootFS.Layers"), base);
}

/// The files of an image that is built from a spec, on an engine and by a strategy.
fn files_of(tag: &str, spec: &str, engine: Engine, strategy: Option<&str>) -> BTreeMap<String, String> {
    let mut project = Project::new(spec).on(engine);
    if let Some(strategy) = strategy {
        project = project.with(&["--build-arg", &format!("IMAGESPEC_STRATEGY={strategy}")]);
    }
    project.file("data/a/b.txt", "b").file("src/main.py", "print(1)");
    let merges = engine == Engine::Main && strategy.is_none();
    assert_eq!(project.build(tag).merges(), merges, "{tag}");
    tree(engine, tag)
}

const EVERYTHING: &str = "packages: [humanize, numpy]\napt_packages: [jq, tree]\nconda_packages: [pip]\n\
                          copy: [data]\nsource_root: src\nsource_copy_mode: all\nworkdir: /workspace/dir\n";

#[test]
fn both_strategies_and_both_stores_give_the_same_files() {
    let spec = format!("profile: plain\npython_version: \"3.12\"\n{EVERYTHING}");
    let merged = files_of("engine-merge", &spec, Engine::Main, None);
    let chained = files_of("engine-chain", &spec, Engine::Main, Some("chain"));
    assert_eq!(differences(&merged, &chained), [""; 0]);
    // With commands the merge is materialised and worked on.
    let spec = format!("{spec}setup_commands: [mkdir /made]\ncommands: [rm -r /made, touch /done]\n");
    let merged = files_of("engine-merge-commands", &spec, Engine::Main, None);
    let classic = files_of("engine-classic-commands", &spec, Engine::Classic, None);
    assert_eq!(differences(&merged, &classic), [""; 0]);
    assert!(merged.contains_key("done") && !merged.contains_key("made"));
}

#[test]
#[ignore = "minutes long: `make test-all` runs it"]
fn both_strategies_and_both_stores_give_the_same_files_of_a_task() {
    let merged = files_of("engine-merge-task", EVERYTHING, Engine::Main, None);
    let chained = files_of("engine-chain-task", EVERYTHING, Engine::Main, Some("chain"));
    assert_eq!(differences(&merged, &chained), [""; 0]);
    let classic = files_of("engine-classic-task", EVERYTHING, Engine::Classic, None);
    assert_eq!(differences(&merged, &classic), [""; 0]);
}

#[test]
fn a_nested_base_is_built_in_the_same_graph() {
    let project = Project::new(
        "base_image:\n  name: base\n  apt_packages: [jq]\n  packages: [humanize]\n  env: {LAYER: base, KEPT: \"1\"}\n  entrypoint: [cat]\n\
         name: top\npackages: [tomli]\nenv: {LAYER: top}\n",
    );
    let line = "jq --version; python -c 'import humanize, tomli, flytekit'; echo $LAYER $KEPT; id -un";
    assert_eq!(
        project.build_and_run("engine-nested", line),
        "jq-1.6\ntop 1\nflytekit\n"
    );
    assert_eq!(
        project.engine.inspect("engine-nested", ".Config.Entrypoint"),
        json!(["cat"])
    );
    let line = "grep -c '^export PATH' ~/.profile; grep -c flytekit /etc/passwd";
    assert_eq!(project.engine.shell("engine-nested", line), "1\n1\n");
    assert_bytecode_is_fresh(Engine::Main, "engine-nested", &format!("{CONDA}/bin/python"), CONDA);
}

#[test]
fn a_nested_base_keeps_its_python() {
    let project = Project::new("base_image:\n  python_version: \"3.11\"\n  packages: [tomli]\npackages: [humanize]\n");
    let line = "python -c 'import sys, tomli, humanize, flytekit; print(sys.version_info[:2])'";
    assert_eq!(project.build_and_run("engine-nested-python", line), "(3, 11)\n");
}

#[test]
fn names_with_special_characters_are_copied() {
    let project = Project::new("profile: plain\ncopy: [\"pages/[id].tsx\", \"!x\", \"a*b\"]\ncopy_to: /app\n");
    project
        .file("pages/[id].tsx", "1")
        .file("!x", "2")
        .file("a*b", "3")
        .file("axb", "4");
    let line = "cd /app && find . -type f | sort | xargs -d '\\n'";
    assert_eq!(
        project.build_and_run("engine-special", line),
        "./!x ./a*b ./pages/[id].tsx\n"
    );
}

#[test]
fn an_interpreter_of_the_base_is_used_though_it_is_externally_managed() {
    let base = Project::new("profile: plain\napt_packages: [python3, python3-six]\n");
    base.build("engine-python-base");
    let engine = base.engine;
    assert_eq!(
        engine.shell(
            "engine-python-base",
            "ls /usr/lib/python3.11/EXTERNALLY-MANAGED | wc -l"
        ),
        "1\n"
    );
    assert_bytecode_is_fresh(engine, "engine-python-base", "/usr/bin/python3", "/usr/lib");
    let project = Project::new(
        "base_image: company/python:3\nprofile: plain\npython_exec: /usr/bin/python3\npackages: [humanize]\n",
    )
    .with(&["--build-context", "company/python:3=docker-image://engine-python-base"]);
    let line = "python -c 'import humanize, six, sys; print(sys.prefix)'; command -v python";
    assert_eq!(
        project.build_and_run("engine-python-exec", line),
        "/root/.venv\n/root/.venv/bin/python\n"
    );
    // In the Flyte profile too, and there it belongs to the task's user.
    let project = Project::new("python_exec: /usr/bin/python3\napt_packages: [python3]\npackages: [humanize]\n");
    let line = "python -c 'import humanize, flytekit'; stat -c %U /root/.venv/bin /root/.venv/lib; id -un";
    assert_eq!(
        project.build_and_run("engine-python-exec-flyte", line),
        "flytekit\nflytekit\nflytekit\n"
    );
    assert_bytecode_is_fresh(
        engine,
        "engine-python-exec-flyte",
        "/root/.venv/bin/python",
        "/root/.venv",
    );
}

#[test]
fn ignored_files_stay_out() {
    let project = Project::new("profile: plain\ncopy: [data]\nsource_root: .\nsource_copy_mode: all\ncopy_to: /app\n");
    project
        .file("data/keep.txt", "1")
        .file("data/drop.log", "2")
        .file("secret.env", "3")
        .file("sub/deep/drop.log", "4")
        .file("sub/keep.py", "5")
        .file(".dockerignore", "# comment\n**/*.log\n/secret.env\nimageSpec.yaml\n");
    let line = "cd /app && find . -type f | sort | xargs";
    assert_eq!(
        project.build_and_run("engine-ignore", line).trim(),
        "./.dockerignore ./data/keep.txt ./sub/keep.py"
    );
    // The file beside the spec decides alone.
    project.file("imageSpec.yaml.dockerignore", "**\n!data\n");
    assert_eq!(
        project.build_and_run("engine-ignore", line).trim(),
        "./data/drop.log ./data/keep.txt"
    );
}

#[test]
fn links_stay_links_even_those_that_lead_nowhere() {
    let project = Project::new("profile: plain\nsource_root: .\nsource_copy_mode: all\ncopy_to: /app\n");
    project.file("real", "1");
    for (to, name) in [("nowhere", "dangling"), ("/etc/passwd", "absolute"), ("real", "link")] {
        std::os::unix::fs::symlink(to, project.directory.path().join(name)).unwrap();
    }
    let line = "cd /app && readlink dangling absolute link && cat link";
    assert_eq!(
        project.build_and_run("engine-links", line),
        "nowhere\n/etc/passwd\nreal\n1"
    );
}

#[test]
fn strange_names_are_only_names() {
    let project = Project::new(
        "profile: plain\ncopy: [\"a; touch pwned\", \"$(touch pwned)\"]\ncopy_to: \"/app dir/'x\"\n\
         env: {A: \"; touch /pwned\", B: \"$(touch /pwned)\", C: \"`touch /pwned`\"}\nlabels: {l: \"$(touch /pwned)\"}\n\
         apt_packages: [jq]\npython_exec: /usr/bin/python3\npackages: [\"humanize ; python_version > '3' and platform_machine != '$(touch /pwned)'\"]\n\
         commands: [\"test \\\"$A\\\" = '; touch /pwned'\"]\n",
    );
    project.spec(
        &std::fs::read_to_string(project.directory.path().join("imageSpec.yaml"))
            .unwrap()
            .replace("[jq]", "[jq, python3]"),
    );
    project.file("a; touch pwned", "1").file("$(touch pwned)", "2");
    let line = "ls -1 \"/app dir/'x\"; ls /pwned pwned 2>/dev/null; echo \"$B $C\"";
    let printed = project.build_and_run("engine-strange", line);
    assert_eq!(
        printed,
        "$(touch pwned)\na; touch pwned\n$(touch /pwned) `touch /pwned`\n"
    );
}

#[test]
fn eight_specs_build_at_once() {
    let handles: Vec<_> = (0..8)
        .map(|number| {
            thread::spawn(move || {
                let packages = ["humanize", "tomli", "six", "idna", "certifi", "attrs", "packaging", "click"];
                let apt = ["jq", "tree", "file", "less", "bc", "patch", "time", "rsync"];
                let project = Project::new(&format!(
                    "name: parallel-{number}\nprofile: plain\npackages: [{}]\napt_packages: [{}]\nenv: {{N: \"{number}\"}}\n",
                    packages[number], apt[number]
                ));
                let module = if packages[number] == "attrs" { "attr" } else { packages[number] };
                let line = format!("python -c 'import {module}'; command -v {}; echo $N", apt[number]);
                let printed = project.build_and_run(&format!("engine-parallel-{number}"), &line);
                assert_eq!(printed, format!("/usr/bin/{}\n{number}\n", apt[number]));
            })
        })
        .collect();
    for handle in handles {
        handle.join().unwrap();
    }
}

#[test]
fn an_oci_layout_stands_in_for_an_image() {
    let directory = tempfile::tempdir().unwrap();
    let archive = directory.path().join("base.tar");
    Engine::Main.ok(&[
        "save",
        "-o",
        archive.to_str().unwrap(),
        "imagespec-bed/debian:bookworm-slim",
    ]);
    let layout = directory.path().join("layout");
    std::fs::create_dir(&layout).unwrap();
    tar::Archive::new(std::fs::File::open(archive).unwrap())
        .unpack(&layout)
        .unwrap();
    let context = format!("base=oci-layout://{}", layout.display());
    let project = Project::new("base_image: example.com/nowhere:1\nprofile: plain\ncopy: [x]\n")
        .with(&["--build-context", &context]);
    project.file("x", "from the layout\n");
    assert_eq!(
        project.build_and_run("engine-layout", "cat /root/x"),
        "from the layout\n"
    );
}

/// BuildKit encodes every op anew and reports progress under the digest of that: our bytes are canonical when
/// all digests that we compute are among those.
#[test]
fn the_engine_computes_the_same_digests() {
    let project = Project::new(&fresh(
        "profile: plain\npython_version: \"3.12\"\nuser: \"1001\"\npackages: [humanize]\nconda_packages: [tree]\napt_packages: [jq]\nrequirements: reqs.txt\ncopy: [data]\nsource_root: src\n\
         source_copy_mode: all\nworkdir: /srv/x\nenv: {PATH: \"/x:$PATH\"}\npip_secret_mounts: [[a, /run/a]]\n",
    ));
    project
        .file("reqs.txt", "six\n")
        // Contents of its own: steps with equal inputs in other builds at this moment become one.
        .file("data/x", "for digests alone")
        .file("src/y", "for digests as well")
        .file("secret", "s");
    let metadata = project.directory.path().join("metadata.json");
    let secret = format!("id=secret_0,src={}", project.directory.path().join("secret").display());
    for (strategy, merges) in [("merge", true), ("chain", false)] {
        let mut command = project.command("engine-digests");
        command
            .args([
                "--progress=rawjson",
                "--build-arg",
                "IMAGESPEC_TIMINGS=1",
                "--secret",
                &secret,
                "--metadata-file",
            ])
            .arg(&metadata)
            .args(["--build-arg", &format!("IMAGESPEC_STRATEGY={strategy}")]);
        let output = progress::output(&mut command);
        let progress = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{progress}");
        let metadata: serde_json::Value = serde_json::from_slice(&std::fs::read(&metadata).unwrap()).unwrap();
        let report = metadata["frontend.imagespec.timings"].as_str().unwrap();
        let report: serde_json::Value = serde_json::from_str(report).unwrap();
        let vertices = report["vertices"].as_object().unwrap();
        assert!(vertices.len() > 10);
        assert_eq!(progress.contains("] merge "), merges);
        for (digest, name) in vertices {
            assert!(
                progress.contains(digest.as_str()),
                "the engine knows no {digest} {name}"
            );
        }
    }
}

#[test]
fn targets_stop_at_their_stage() {
    let project =
        Project::new("profile: plain\napt_packages: [jq]\ncommands: [touch /done]\n").with(&["--target", "apt"]);
    assert_eq!(
        project.build_and_run("engine-target", "jq --version; ls /done 2>/dev/null; true"),
        "jq-1.6\n"
    );
    // Only what is there so far: not the user that comes later.
    let project = Project::new("apt_packages: [jq]\n").with(&["--target", "base"]);
    assert_eq!(project.build_and_run("engine-target", "id -un"), "root\n");
    let log = Project::new("profile: plain\n")
        .with(&["--target", "packages"])
        .fail("engine-target");
    assert!(log.contains("no stage `packages`; it has base, image"), "{log}");
}

#[test]
fn the_frontend_is_small() {
    let program = std::fs::read(binary()).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, &program).unwrap();
    let size = encoder.finish().unwrap().len();
    // The image is one layer with this file, and labels.
    assert!(size < 4_000_000, "{size} bytes compressed");
    let layers = Engine::Main.inspect(FRONTEND, ".RootFS.Layers");
    assert_eq!(layers.as_array().unwrap().len(), 1);
}
