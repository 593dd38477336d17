//! Projects of the context, and what they take from beside them.

use insta::assert_snapshot;

use super::read;

const BUILD: &str = "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n";

/// A project's manifest.
fn project(name: &str, rest: &str) -> String {
    format!("[project]\nname = \"{name}\"\nversion = \"1\"\n{rest}")
}

#[test]
fn links_out_of_a_project_are_beside_it() {
    let manifest = project("shop", BUILD);
    let files = [
        ("libs/shop/pyproject.toml", manifest.as_str()),
        ("libs/shop/data", "-> ../../shared"),
        ("libs/shop/src/deep/more", "-> ../../../other/more.txt"),
        ("libs/shop/src/deep/own", "-> ../own.txt"),
        ("libs/shop/src/deep/gone", "-> ../../../gone"),
        ("libs/shop/src/deep/outside", "-> ../../../../../etc"),
        ("libs/shop/.cache/link", "-> ../../hidden"),
        ("libs/shop/node_modules/link", "-> ../../hidden"),
        ("libs/shop/__pycache__/link", "-> ../../hidden"),
        ("libs/hidden/x", ""),
        ("libs/other/more.txt", ""),
        ("shared/x", ""),
    ];
    assert_snapshot!("links_out", read("packages: [./libs/shop]\n", &files));
}

#[test]
fn links_are_looked_for_in_so_many_directories() {
    let manifest = project("shop", BUILD);
    let deep = |levels: usize| {
        let path = format!("shop/{}link", "d/".repeat(levels));
        let files = [
            ("shop/pyproject.toml", manifest.as_str()),
            (path.as_str(), "-> /"),
            ("shared/x", ""),
        ];
        let target = format!("-> {}shared", "../".repeat(levels + 1));
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (*path, if *text == "-> /" { target.as_str() } else { text }))
            .collect();
        read("packages: [./shop]\n", &files).contains("reads: \"shared\"")
    };
    assert!(deep(0) && deep(1) && deep(299));
    assert!(!deep(300), "a tree of directories without end is not walked");
}

#[test]
fn what_a_manifest_names_beside_it_is_seen_by_its_build() {
    let manifest = project(
        "shop",
        "readme = \"../../README.md\"\ndependencies = [\"near\"]\n[tool.uv.sources]\nnear = {path = \"../near\"}\nbacked = {path = \"../backed\"}\n[build-system]\nrequires = [\"setuptools\", \"backed\"]\nbuild-backend = \"setuptools.build_meta\"\n",
    );
    let near = project("near", BUILD);
    let backed = project("backed", BUILD);
    let files = [
        ("libs/shop/pyproject.toml", manifest.as_str()),
        ("libs/near/pyproject.toml", near.as_str()),
        ("libs/backed/pyproject.toml", backed.as_str()),
        ("README.md", "# shop"),
    ];
    assert_snapshot!("beside", read("packages: [./libs/shop]\n", &files));
}

#[test]
fn dynamic_needs_are_read_from_files_that_must_be_there() {
    let dynamic = project(
        "shop",
        &format!(
            "dynamic = [\"dependencies\", \"optional-dependencies\"]\n{BUILD}\
            [tool.setuptools.dynamic]\ndependencies = {{file = [\"r.txt\"]}}\n\
            [tool.setuptools.dynamic.optional-dependencies]\nweb = {{file = [\"web.txt\"]}}\n"
        ),
    );
    let all = [
        ("shop/pyproject.toml", dynamic.as_str()),
        ("shop/r.txt", "six\n"),
        ("shop/web.txt", "idna\n"),
    ];
    assert_snapshot!("dynamic", read("packages: [./shop]\n", &all));
    assert_snapshot!("dynamic_without_files", read("packages: [./shop]\n", &all[..1]));
    assert_snapshot!(
        "dynamic_as_requirements",
        read("requirements: shop/pyproject.toml\ninstall_project: true\n", &all[..2])
    );
}

#[test]
fn setup_py_is_built_to_know_its_needs() {
    let files = [
        ("old/setup.py", "from setuptools import setup\nsetup()\n"),
        (
            "old/setup.cfg",
            "[metadata]\nname = old\n[options]\npython_requires = >=3.9\ninstall_requires = six\n",
        ),
    ];
    assert_snapshot!("setup_py", read("packages: [./old]\n", &files));
}

#[test]
fn sources_of_a_root_hold_for_its_members() {
    let root = "[project]\nname = \"root\"\nversion = \"1\"\ndependencies = [\"core\"]\n[tool.uv.sources]\ncore = {workspace = true}\n\
        near = {path = \"outside/near\"}\nunused = {path = \"outside/unused\"}\ngits = {git = \"ssh://git@host/x\"}\n[tool.uv.workspace]\nmembers = [\"libs/**\", \"[a-c]pps/*\"]\nexclude = [\"libs/old\"]\n";
    let core = project(
        "core",
        &format!(
            "dependencies = [\"near\", \"helper\", \"gits\"]\n{BUILD}[tool.uv.sources]\nhelper = {{workspace = true}}\n"
        ),
    );
    let (helper, near, unused) = (
        project("helper", BUILD),
        project("near", BUILD),
        project("unused", BUILD),
    );
    let old = project("old", "");
    let app = project(
        "app",
        "dependencies = [\"core\"]\n[dependency-groups]\ntools = [\"helper\"]\n[tool.uv.sources]\nhelper = {workspace = true}\n",
    );
    let files = [
        ("pyproject.toml", root),
        ("libs/core/pyproject.toml", core.as_str()),
        ("libs/deep/er/helper/pyproject.toml", helper.as_str()),
        ("libs/deep/notes.txt", ""),
        ("libs/old/pyproject.toml", old.as_str()),
        ("libs/.hidden/pyproject.toml", old.as_str()),
        ("apps/app/pyproject.toml", app.as_str()),
        ("apps/.hidden/pyproject.toml", old.as_str()),
        ("zapps/app/pyproject.toml", old.as_str()),
        ("outside/near/pyproject.toml", near.as_str()),
        ("outside/unused/pyproject.toml", unused.as_str()),
    ];
    assert_snapshot!("workspace_root", read("requirements: pyproject.toml\n", &files));
    assert_snapshot!(
        "workspace_member",
        read("requirements: apps/app/pyproject.toml\n", &files)
    );
    assert_snapshot!(
        "workspace_members",
        read(
            "requirements: pyproject.toml\nmembers: [core, app]\ngroups: [tools]\n",
            &files
        )
    );
    assert_snapshot!("workspace_by_path", read("packages: [./libs/core]\n", &files));
    assert_snapshot!(
        "workspace_unknown_member",
        read("requirements: pyproject.toml\nmembers: [cor]\n", &files)
    );
    assert_snapshot!(
        "workspace_installed",
        read(
            "requirements: pyproject.toml\nmembers: [core]\ninstall_project: true\n",
            &files
        )
    );
}

#[test]
fn sources_that_are_not_in_a_workspace_are_told() {
    let member = project(
        "app",
        "dependencies = [\"core\"]\n[tool.uv.sources]\ncore = {workspace = true}\n",
    );
    assert_snapshot!(
        "no_workspace",
        read("requirements: pyproject.toml\n", &[("pyproject.toml", &member)])
    );
    let root = format!("{member}[tool.uv.workspace]\nmembers = [\"libs/*\"]\n");
    let other = project("other", "");
    let files = [
        ("pyproject.toml", root.as_str()),
        ("libs/other/pyproject.toml", other.as_str()),
    ];
    assert_snapshot!("no_member", read("requirements: pyproject.toml\n", &files));
}

#[test]
fn a_path_out_of_the_context_is_told_with_its_entry() {
    let manifest = project(
        "app",
        "dependencies = [\"near\", \"far\"]\n[tool.uv.sources]\nnear = {path = \"../near\"}\nfar = {path = \"/opt/far\"}\n",
    );
    assert_snapshot!(
        "outside",
        read("requirements: pyproject.toml\n", &[("pyproject.toml", &manifest)])
    );
}

#[test]
fn repositories_are_noted_where_they_are_asked_for() {
    let manifest = |sources: &str| {
        project(
            "app",
            &format!("dependencies = [\"features\"]\n[tool.uv.sources]\n{sources}\n"),
        )
    };
    let check = |sources: &str, expect: &str| {
        let said = read(
            "requirements: pyproject.toml\n",
            &[("pyproject.toml", &manifest(sources))],
        );
        let noted: Vec<&str> = said
            .lines()
            .filter(|line| line.starts_with("repositories") || line.starts_with("by ssh"))
            .collect();
        assert_eq!(noted.join(" "), expect, "{sources}");
    };
    check("features = {git = \"https://host/x\"}", "repositories: yes");
    check(
        "features = {git = \"ssh://git@host/x\"}",
        "repositories: yes by ssh: yes",
    );
    check("other = {git = \"https://host/x\"}", "");
    let line = |line: &str| read("requirements: r.txt\n", &[("r.txt", line)]);
    assert!(line("git+https://host/x\n").contains("repositories: yes"));
    assert!(!line("six\n").contains("repositories"));
    let lines = read("packages: [\"x @ git+ssh://git@host/x\"]\n", &[]);
    assert!(lines.contains("by ssh: yes"), "{lines}");
}

#[test]
fn poetry_groups_are_those_that_are_wanted() {
    let manifest = "[tool.poetry]\nname = \"app\"\nversion = \"1\"\n[tool.poetry.dependencies]\npython = \"^3.11\"\nsix = \"^1.16\"\n\
        near = {path = \"../near\", extras = [\"web\"]}\n[tool.poetry.group.dev.dependencies]\niniconfig = \"*\"\n\
        [tool.poetry.group.docs.dependencies]\nnever = \"!=2 || >3\"\n[build-system]\nrequires = [\"poetry-core\"]\nbuild-backend = \"poetry.core.masonry.api\"\n";
    let near = "[tool.poetry]\nname = \"near\"\nversion = \"1\"\n[tool.poetry.dependencies]\npython = \"*\"\nidna = \"3.7\"\n[build-system]\nrequires = [\"poetry-core\"]\nbuild-backend = \"poetry.core.masonry.api\"\n";
    let files = [("app/pyproject.toml", manifest), ("near/pyproject.toml", near)];
    for (name, more) in [
        ("poetry", ""),
        ("poetry_group", "groups: [dev]\n"),
        ("poetry_unwritable_group", "groups: [docs]\n"),
        ("poetry_all_groups", "pip_extra_args: --all-groups\n"),
        ("poetry_only_group", "pip_extra_args: --only-group dev\n"),
        ("poetry_installed", "install_project: true\n"),
    ] {
        assert_snapshot!(name, read(&format!("requirements: app/pyproject.toml\n{more}"), &files));
    }
}

#[test]
fn the_project_itself_must_be_one() {
    let check = |manifest: &str, more: &str, expect: &str| {
        let said = read(
            &format!("requirements: pyproject.toml\ninstall_project: true\n{more}"),
            &[("pyproject.toml", manifest)],
        );
        assert!(said.contains(expect), "{said}");
    };
    check(
        "[build-system]\nrequires = []\n",
        "",
        "install-project: `install_project`: pyproject.toml names no project",
    );
    check(
        &project("x", "[tool.uv]\npackage = false\n"),
        "",
        "says that it is no package",
    );
    check(
        "[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\nsix = \"*\"\n",
        "",
        "says that it is no package",
    );
    check(&project("x", BUILD), "", "installs: x Path { path: \"\"");
}

#[test]
fn projects_without_a_project_are_told_what_to_write() {
    let check = |manifest: &str, expect: &str| {
        let said = read("requirements: pyproject.toml\n", &[("pyproject.toml", manifest)]);
        assert!(said.contains(expect), "{said}");
    };
    check(
        "[tool.black]\nline-length = 9\n",
        "it has no `[project]`, no groups and no build",
    );
    check(
        "[dependency-groups]\na = [\"six\"]\nb = []\n",
        "say which with `groups`: it has a, b",
    );
    check(
        "[tool.uv.workspace]\nmembers = []\n",
        "pyproject.toml says nothing of packages",
    );
    let said = read(
        "requirements: pyproject.toml\ngroups: [a]\n",
        &[("pyproject.toml", "[dependency-groups]\na = [\"six\"]\nb = []\n")],
    );
    assert_eq!(said.lines().next(), Some("lines: six"), "{said}");
    let member = project("one", "");
    let files = [
        ("pyproject.toml", "[tool.uv.workspace]\nmembers = [\"one\"]\n"),
        ("one/pyproject.toml", member.as_str()),
    ];
    let said = read("requirements: pyproject.toml\n", &files);
    assert_snapshot!("virtual_root", said);
}

/// The whole project is in the mount: a stand-in for it would be written over its manifest.
#[test]
fn a_member_that_its_build_describes_is_seen_as_it_is() {
    let root = "[tool.uv.workspace]\nmembers = [\"app\", \"lib\"]\n";
    let app = project(
        "app",
        &format!("dependencies = [\"lib\"]\n{BUILD}[tool.uv.sources]\nlib = {{workspace = true}}\n"),
    );
    for lib in [
        format!("[project]\nname = \"lib\"\ndynamic = [\"version\"]\ndependencies = [\"idna\"]\n{BUILD}"),
        project(
            "lib",
            &format!(
                "dynamic = [\"dependencies\"]\n{BUILD}[tool.setuptools.dynamic]\ndependencies = {{file = [\"r.txt\"]}}\n"
            ),
        ),
    ] {
        let files = [
            ("pyproject.toml", root),
            ("app/pyproject.toml", app.as_str()),
            ("lib/pyproject.toml", lib.as_str()),
            ("lib/r.txt", "idna\n"),
        ];
        for spec in [
            "requirements: app/pyproject.toml\n",
            "requirements: app/pyproject.toml\ninstall_project: true\n",
            "requirements: pyproject.toml\nmembers: [app]\n",
            "requirements: pyproject.toml\nmembers: [app, lib]\n",
            "packages: [./app]\n",
            "packages: [./app, ./lib]\n",
        ] {
            let said = read(spec, &files);
            let texts = said.split("\nmounts: ").next().unwrap();
            assert!(said.contains("mounts: ") && said.contains("\"lib\""), "{spec}{said}");
            assert!(!texts.contains("name = \"lib\"\n    version = \"0\""), "{spec}{said}");
        }
    }
}

#[test]
fn a_virtual_root_with_a_lock_stands_for_its_members() {
    let root = "[tool.uv.workspace]\nmembers = [\"app\"]\n";
    let lock = "version = 1\n[manifest]\nmembers = [\"app\"]\n[[package]]\nname = \"app\"\nversion = \"1\"\nsource = { editable = \"app\" }\n";
    let app = project("app", "");
    let files = [
        ("pyproject.toml", root),
        ("uv.lock", lock),
        ("app/pyproject.toml", app.as_str()),
    ];
    let said = read("requirements: uv.lock\ninstall_project: true\n", &files);
    assert!(
        said.contains("projects: \"app\"") && !said.contains("install-project"),
        "{said}"
    );
}

#[test]
fn what_pdm_installs_in_place_has_to_say_its_name() {
    let manifest = |line: &str| format!("{}[tool.pdm.dev-dependencies]\ndev = [\"{line}\"]\n", project("x", ""));
    let near = project("near", "");
    let said = |line: &str| {
        let manifest = manifest(line);
        let files = [
            ("pyproject.toml", manifest.as_str()),
            ("near/pyproject.toml", near.as_str()),
        ];
        read("requirements: pyproject.toml\ngroups: [dev]\n", &files)
    };
    let named = said("-e file:///${PROJECT_ROOT}/near#egg=near");
    assert!(named.contains("projects: \"near\""), "{named}");
    for line in ["-e ./near", "-e file:///${PROJECT_ROOT}/near"] {
        let said = said(line);
        assert!(
            said.contains("uv has no words for") && said.contains("#egg=NAME"),
            "{said}"
        );
    }
}

#[test]
fn requirements_of_a_project_that_nobody_can_read_are_told() {
    let manifest = project("x", "dependencies = [\"six\", \"no version here\"]\n");
    let said = read("requirements: pyproject.toml\n", &[("pyproject.toml", &manifest)]);
    assert!(
        said.contains("2: requirement: pyproject.toml: `no version here`: "),
        "{said}"
    );
    let manifest = project("x", "dependencies = [\"features @ git+ssh://git@host/features\"]\n");
    let said = read("requirements: pyproject.toml\n", &[("pyproject.toml", &manifest)]);
    assert!(said.contains("by ssh: yes"), "{said}");
}

#[test]
fn extras_of_members_are_those_of_all_that_are_chosen() {
    let root = "[tool.uv.workspace]\nmembers = [\"a\", \"b\"]\n";
    let a = project("a", "[project.optional-dependencies]\nweb = [\"six\"]\n");
    let dynamic = project("b", &format!("dynamic = [\"optional-dependencies\"]\n{BUILD}"));
    let plain = project("b", "");
    let said = |b: &str| {
        let files = [
            ("pyproject.toml", root),
            ("a/pyproject.toml", a.as_str()),
            ("b/pyproject.toml", b),
        ];
        read("requirements: pyproject.toml\nmembers: [a, b]\nextras: [wbe]\n", &files)
    };
    assert!(
        said(&plain).contains("pyproject.toml has no extra `wbe`"),
        "{}",
        said(&plain)
    );
    assert!(
        !said(&dynamic).contains("no extra"),
        "its build may have it: {}",
        said(&dynamic)
    );
}

#[test]
fn a_lock_that_nobody_names_is_told() {
    let shop = project("shop", BUILD);
    let root = project("root", "[tool.uv.workspace]\nmembers = [\"libs/*\"]\n");
    for (spec, manifests, lock, expected) in [
        (
            "pyproject.toml",
            ["pyproject.toml"].as_slice(),
            "uv.lock",
            Some("uv.lock"),
        ),
        (
            "pyproject.toml",
            &["pyproject.toml"],
            "poetry.lock",
            Some("poetry.lock"),
        ),
        (
            "libs/shop/pyproject.toml",
            &["pyproject.toml", "libs/shop/pyproject.toml"],
            "uv.lock",
            Some("uv.lock"),
        ),
        (
            "libs/shop/pyproject.toml",
            &["libs/shop/pyproject.toml"],
            "libs/shop/uv.lock",
            Some("libs/shop/uv.lock"),
        ),
        // Locks of others.
        (
            "libs/shop/pyproject.toml",
            &["libs/shop/pyproject.toml"],
            "uv.lock",
            None,
        ),
        (
            "libs/shop/pyproject.toml",
            &["pyproject.toml", "libs/shop/pyproject.toml"],
            "poetry.lock",
            None,
        ),
    ] {
        let text = |path: &str| {
            if path == "pyproject.toml" && manifests.len() > 1 {
                root.as_str()
            } else {
                shop.as_str()
            }
        };
        let mut files: Vec<(&str, &str)> = manifests.iter().map(|path| (*path, text(path))).collect();
        files.push((lock, "version = 1\n"));
        let found = read(&format!("requirements: {spec}\n"), &files);
        let said = expected.map(|lock| format!("{lock} has no say"));
        assert_eq!(found.contains("has no say"), said.is_some(), "{spec} {lock}: {found}");
        assert!(said.is_none_or(|said| found.contains(&said)), "{spec} {lock}: {found}");
    }
}
