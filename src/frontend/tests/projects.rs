//! Projects: what of their files reaches which step.

use std::sync::Arc;

use super::locks::{PROJECT, UV_LOCK, error_of};
use super::{Memory, build, result};
use crate::llb::render;

fn build_with(spec: &str, files: &[(&str, &str)]) -> Arc<Memory> {
    let mut memory = Memory::with_spec(&format!("profile: plain\n{spec}"));
    for (path, content) in files {
        memory.file("context", path, content);
    }
    build(memory, &[("target", "lock")])
}

/// The step that makes the lock.
fn lock_step(spec: &str, files: &[(&str, &str)]) -> String {
    let memory = build_with(spec, files);
    result(&memory);
    step_of(&memory)
}

/// The graph of the step that makes the lock.
fn step_of(memory: &Memory) -> String {
    let graphs = memory.solved.lock().unwrap();
    let graphs = graphs
        .iter()
        .map(|request| render(request.definition.as_ref().unwrap()));
    graphs.rev().find(|graph| graph.contains("name [lock] uv")).unwrap()
}

#[test]
fn settings_of_uv_reach_the_steps_that_they_are_for() {
    let settings = (
        "deps/uv.toml",
        "exclude-newer = \"2025-03-01\" # ours\n[[index]]\nurl = \"https://i/simple\"\n",
    );
    for (spec, files) in [
        (
            "requirements: deps/app/pyproject.toml\n",
            ("deps/app/pyproject.toml", PROJECT),
        ),
        ("requirements: deps/r.txt\n", ("deps/r.txt", "six\n")),
    ] {
        let step = lock_step(spec, &[files, settings]);
        assert!(
            step.contains("deps/uv.toml") && step.contains("exclude-newer = \"2025-03-01\"\n"),
            "{step}"
        );
        assert!(step.contains("deps/uv.toml sha256:"), "{step}");
    }
    // Another directory's, and those of somebody who has decided already.
    assert!(!lock_step("requirements: r.txt\n", &[("r.txt", "six\n"), settings]).contains("exclude-newer"));
    let of_manifest =
        "[project]\nname = \"x\"\n[tool.uv]\nindex-url = \"https://i/simple\"\n[tool.uv.sources]\na = {path = \"a\"}\n";
    let step = lock_step(
        "requirements: r.txt\n",
        &[("r.txt", "six\n"), ("pyproject.toml", of_manifest)],
    );
    assert!(
        step.contains("index-url = \"https://i/simple\"") && !step.contains("[tool.uv.sources]"),
        "{step}"
    );
    for (bounds, help) in [
        (">=0.11.28, <0.12", "uv_image: ghcr.io/astral-sh/uv:0.11"),
        ("==0.9.*", "it cannot be met"),
    ] {
        let wants = format!("required-version = \"{bounds}\"\n");
        let files = [
            ("pyproject.toml", PROJECT),
            ("uv.lock", UV_LOCK),
            ("uv.toml", wants.as_str()),
        ];
        let said = error_of("requirements: uv.lock\n", &files);
        assert!(
            said.contains("imageSpec.yaml:2:15: uv.toml asks for uv") && said.contains(help),
            "{said}"
        );
    }
}

#[test]
fn members_that_only_groups_ask_for_are_known_to_uv() {
    let root = "[project]\nname = \"app\"\nversion = \"1\"\ndependencies = [\"six\"]\n[dependency-groups]\ntools = [\"tool\"]\n\
        [tool.uv.sources]\ntool = {workspace = true}\n[tool.uv.workspace]\nmembers = [\"tools/*\"]\n";
    let tool = "[project]\nname = \"tool\"\nversion = \"1\"\ndependencies = [\"idna\"]\n";
    let memory = build_with(
        "requirements: pyproject.toml\n",
        &[("pyproject.toml", root), ("tools/tool/pyproject.toml", tool)],
    );
    let graphs = memory.solved.lock().unwrap();
    let mut graphs = graphs
        .iter()
        .filter_map(|request| request.definition.as_ref().map(render));
    let step = graphs.find(|graph| graph.contains("name [lock] uv")).unwrap();
    assert!(step.contains("tools/tool/pyproject.toml"), "{step}");
    // By its name alone: what it needs nobody asks.
    assert!(!step.contains("idna"), "{step}");
}

#[test]
fn what_a_root_says_of_sources_holds_for_a_member_that_is_named_by_its_path() {
    let root = "[tool.uv.sources]\nsix = {url = \"https://h/six-1.16.0-py2.py3-none-any.whl\"}\n[tool.uv.workspace]\nmembers = [\"libs/*\"]\n";
    let core = "[project]\nname = \"core\"\nversion = \"1\"\ndependencies = [\"six\"]\n";
    let files = [("pyproject.toml", root), ("libs/core/pyproject.toml", core)];
    let step = lock_step("packages: [./libs/core]\n", &files);
    assert!(step.contains("https://h/six-1.16.0"), "{step}");
}

#[test]
fn members_decide_the_interpreter_and_share_extras() {
    let root = "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.10\"\n[tool.uv.workspace]\nmembers = [\"a\", \"b\"]\n";
    let a = "[project]\nname = \"a\"\nversion = \"1\"\nrequires-python = \"==3.11.*\"\n[project.optional-dependencies]\nweb = [\"six\"]\n";
    let b = "[project]\nname = \"b\"\nversion = \"1\"\nrequires-python = \">=3.10\"\n";
    let files = [
        ("pyproject.toml", root),
        ("a/pyproject.toml", a),
        ("b/pyproject.toml", b),
    ];
    let spec = "requirements: pyproject.toml\nmembers: [a, b]\nextras: [web]\n";
    let memory = build_with(spec, &files);
    assert_eq!(memory.execs("[python] micromamba install python=3.11").len(), 1);
    let graphs = memory.solved.lock().unwrap();
    let mut graphs = graphs
        .iter()
        .filter_map(|request| request.definition.as_ref().map(render));
    assert!(graphs.any(|graph| graph.contains("--extra web a/pyproject.toml b/pyproject.toml")));
    let said = error_of(&spec.replace("web", "wbe"), &files);
    assert!(
        said.contains("pyproject.toml has no extra `wbe`") && said.contains("it has web"),
        "{said}"
    );
}

#[test]
fn requirements_that_ask_for_nothing_install_nothing() {
    for text in ["", "# nothing yet\n", "--index-url https://i/simple\n"] {
        assert_eq!(error_of("requirements: r.txt\n", &[("r.txt", text)]), "", "{text:?}");
    }
    let memory = build_with("requirements: r.txt\n", &[("r.txt", "# nothing yet\n")]);
    assert!(memory.execs("[lock] uv").is_empty());
}

#[test]
fn what_installers_would_refuse_or_leave_out_is_told_before_any_step() {
    let check = |spec: &str, files: &[(&str, &str)], expect: &[&str]| {
        let said = error_of(spec, files);
        assert!(
            !said.is_empty() && expect.iter().all(|part| said.contains(part)),
            "{spec}: {said}"
        );
    };
    let project = "[project]\nname = \"x\"\nversion = \"1\"\n";
    let groups = format!("{project}[dependency-groups]\na = [{{include-group = \"nope\"}}]\n");
    check(
        "requirements: pyproject.toml\n",
        &[("pyproject.toml", &groups)],
        &["pyproject.toml: the group `a` includes `nope`, which there is not"],
    );
    let extras = format!("{project}[project.optional-dependencies]\nblue = [\"six\"]\n");
    check(
        "packages: [\"./x[bleu]\"]\n",
        &[("x/pyproject.toml", &extras)],
        &["imageSpec.yaml:2:", "`./x` has no extra `bleu`", "it has blue"],
    );
    check(
        "requirements: r.txt\n",
        &[("x/pyproject.toml", project), ("r.txt", "six\n-e ./x[bleu]\n")],
        &["r.txt:2: `./x` has no extra `bleu`", "it has no extra at all"],
    );
    assert_eq!(
        error_of("packages: [\"./x[Blue]\"]\n", &[("x/pyproject.toml", &extras)]),
        ""
    );
    // The build alone knows them.
    let dynamic = format!("{project}dynamic = [\"optional-dependencies\"]\n");
    assert_eq!(
        error_of("packages: [\"./x[bleu]\"]\n", &[("x/pyproject.toml", &dynamic)]),
        ""
    );
    let root = "[project]\nname = \"r\"\nversion = \"1\"\n[tool.uv.workspace]\nmembers = [\"a\", \"b\"]\n";
    check(
        "requirements: pyproject.toml\n",
        &[
            ("pyproject.toml", root),
            ("a/pyproject.toml", project),
            ("b/pyproject.toml", project),
        ],
        &["two members of the workspace of pyproject.toml are called `x`: `a` and `b`"],
    );
    check(
        "requirements: 3rdparty/python.lock\n",
        &[(
            "3rdparty/python.lock",
            "// This lockfile was autogenerated by Pants. To regenerate, run:\n//\n{}\n",
        )],
        &["is a lock of Pants"],
    );
}

#[test]
fn what_is_no_toml_is_shown_at_its_line() {
    let check = |spec: &str, files: &[(&str, &str)], expect: &str| {
        let said = error_of(spec, files);
        assert!(said.contains(expect), "{spec}: {said}");
    };
    let broken = "[project]\nname = \"x\"\nversion = \n";
    check(
        "requirements: pyproject.toml\n",
        &[("pyproject.toml", broken)],
        "pyproject.toml:3: this is not TOML: ",
    );
    check(
        "requirements: r.txt\n",
        &[("r.txt", "six\n"), ("uv.toml", "\nindex-url = \n")],
        "uv.toml:2: this is not TOML: ",
    );
    let project = ("pyproject.toml", "[project]\nname = \"x\"\nversion = \"1\"\n");
    check(
        "requirements: uv.lock\n",
        &[project, ("uv.lock", "version = 1\n[[package]]\nname = \n")],
        "uv.lock:3: this is not TOML: ",
    );
    check(
        "requirements: poetry.lock\n",
        &[project, ("poetry.lock", "[[package]]\nname = \n")],
        "poetry.lock cannot be installed: line 2: ",
    );
    // The end of a text has a place as well.
    check(
        "requirements: pyproject.toml\n",
        &[("pyproject.toml", "[project]\ndependencies = [\n")],
        "pyproject.toml:2: this is not TOML: ",
    );
}
