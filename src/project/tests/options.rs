//! Who has a say: options, settings, and what stands above.

use super::{install, install_sibling, parse, read};
use crate::project::lock_options::check_lock_options;

const FOREIGN: &str = "lock-version = \"1.0\"\ncreated-by = \"pdm\"\npackages = []\n";
const OURS: &str = "lock-version = \"1.0\"\npackages = []\n[tool.imagespec]\nrequirements = []\npython = \"3.12\"\nmachine = \"x86_64\"\n";

#[test]
fn options_of_a_lock_want_one_and_a_foreign_one_takes_no_others() {
    let rules = |spec: &str, sibling| -> Vec<String> {
        let (text, spec) = parse(spec);
        let problems = check_lock_options(&spec, sibling);
        problems
            .iter()
            .map(|problem| super::problem_shown(problem, &text))
            .collect()
    };
    let options = |option: &str| format!("packages: [six]\npip_extra_args: {option}\n");
    for option in ["--locked", "--frozen"] {
        let found = rules(&options(option), None);
        assert!(found.len() == 1 && found[0].starts_with("3: no-lock: "), "{found:?}");
        assert_eq!(rules(&options(option), Some(FOREIGN)), [""; 0]);
        assert_eq!(
            rules(&format!("requirements: uv.lock\npip_extra_args: {option}\n"), None),
            [""; 0]
        );
    }
    let resolving = options("--resolution lowest");
    assert_eq!(rules(&resolving, None), [""; 0]);
    assert_eq!(rules(&resolving, Some(OURS)), [""; 0]);
    let found = rules(&resolving, Some(FOREIGN));
    assert!(
        found.len() == 1 && found[0].starts_with("3: decided-by-lock: `--resolution"),
        "{found:?}"
    );
    // The lock beside the spec is that of the topmost.
    let below =
        "base_image: {name: below, profile: plain, packages: [six], pip_extra_args: --locked}\npackages: [idna]\n";
    let found = rules(below, Some(FOREIGN));
    assert!(found.len() == 1 && found[0].starts_with("2: no-lock: "), "{found:?}");
}

#[test]
fn paths_of_a_lock_of_ours_are_those_of_the_requirements_and_of_another_its_own() {
    let files = [("deps/r.txt", "")];
    let lock = |more: &str| {
        format!("lock-version = \"1.0\"\n[[packages]]\nname = \"near\"\ndirectory = {{ path = \"./near\" }}\n{more}")
    };
    let ours = OURS.split_once("[tool").unwrap().1;
    let found = install_sibling("requirements: deps/r.txt\n", &files, &lock(&format!("[tool{ours}")));
    assert!(found.contains("path: \"deps/near\""), "{found}");
    let found = install_sibling("requirements: deps/r.txt\n", &files, &lock(""));
    assert!(found.contains("path: \"near\""), "{found}");
}

#[test]
fn sources_that_are_to_be_ignored_are_looked_up_nowhere() {
    let manifest = |needs: &str| {
        format!(
            "[project]\nname = \"app\"\nversion = \"1\"\ndependencies = [{needs}]\n[tool.uv.sources]\nnear = {{path = \"near\"}}\n"
        )
    };
    let near = "[project]\nname = \"near\"\nversion = \"1\"\n";
    let spec = "requirements: pyproject.toml\npip_extra_args: --no-sources\n";
    for (needs, is_refused) in [("\"near\"", true), ("\"six\"", false), ("\"near @ file:near\"", false)] {
        let found = read(
            spec,
            &[("pyproject.toml", &manifest(needs)), ("near/pyproject.toml", near)],
        );
        let said = "3: looked-up-elsewhere: `--no-sources` looks `near` up by its name";
        assert_eq!(found.contains(said), is_refused, "{needs}: {found}");
        let spec = "requirements: pyproject.toml\n";
        let found = read(
            spec,
            &[("pyproject.toml", &manifest(needs)), ("near/pyproject.toml", near)],
        );
        assert!(!found.contains("looked-up-elsewhere"), "{needs}: {found}");
    }
}

#[test]
fn flytekit_need_not_be_in_a_lock_upon_an_image_that_has_it() {
    let files = [("pylock.toml", FOREIGN)];
    let install = |below: &str| {
        install(
            &format!("profile: flyte\nrequirements: pylock.toml\n{below}"),
            &files,
            "",
        )
    };
    let nested = |profile: &str| format!("base_image: {{name: below, profile: {profile}, packages: [six]}}\n");
    assert_eq!(install(&nested("flyte")), "");
    for below in [String::new(), nested("plain")] {
        assert!(install(&below).contains("lock-without-flytekit"), "{below}");
    }
}

#[test]
fn settings_of_a_workspace_are_those_at_its_root() {
    let root = "[project]\nname = \"root\"\nversion = \"1\"\n[tool.uv]\nno-binary-package = [\"of-root\"]\nworkspace = {members = [\"a\"]}\n";
    let member = "[project]\nname = \"a\"\nversion = \"1\"\ndependencies = [\"six\"]\n[tool.uv]\nno-binary-package = [\"of-member\"]\n";
    let setting = |name: &str| format!("no-binary-package = [\"{name}\"]\n");
    let (of_member, of_root, above) = (setting("beside-member"), setting("beside-root"), setting("above"));
    let mut files = vec![
        ("ws/pyproject.toml", root),
        ("ws/a/pyproject.toml", member),
        ("ws/a/uv.toml", of_member.as_str()),
        ("uv.toml", above.as_str()),
    ];
    let decides = |files: &[(&str, &str)]| {
        let found = read("requirements: ws/a/pyproject.toml\n", files);
        let line = found.lines().find_map(|line| line.strip_prefix("no binary: "));
        line.unwrap_or_default().to_owned()
    };
    assert_eq!(decides(&files), "of-root");
    files.push(("ws/uv.toml", &of_root));
    assert_eq!(decides(&files), "beside-root");
    // No member of anything: its own.
    files.retain(|(path, _)| *path != "ws/pyproject.toml");
    assert_eq!(decides(&files), "beside-member");
}

#[test]
fn a_member_is_given_its_root_where_that_has_something_to_say() {
    let member = "[project]\nname = \"core\"\nversion = \"1\"\ndynamic = [\"dependencies\"]\n[build-system]\nrequires = [\"setuptools\"]\n";
    let workspace = "[tool.uv.workspace]\nmembers = [\"libs/*\"]\n";
    for (root, is_given) in [
        ("", false),
        ("[tool.uv]\ncompile-bytecode = true\n", false),
        ("[tool.uv.sources]\nsix = {index = \"x\"}\n", true),
        ("[[tool.uv.index]]\nname = \"x\"\nurl = \"https://i/simple\"\n", true),
    ] {
        let root = format!("{root}{workspace}");
        let files = [("pyproject.toml", root.as_str()), ("libs/core/pyproject.toml", member)];
        let found = read("packages: [./libs/core]\n", &files);
        let texts = found.lines().any(|line| line.trim() == "pyproject.toml");
        assert_eq!(texts, is_given, "{root}: {found}");
    }
}

#[test]
fn parts_of_a_lock_are_those_of_the_members_that_are_wanted() {
    let lock = |root: &str| {
        format!(
            "version = 1\nrequires-python = \">=3.11\"\n[manifest]\nmembers = [\"core\", \"web\"]\n{root}\
             [[package]]\nname = \"core\"\nversion = \"1\"\nsource = {{ editable = \"core\" }}\n[package.metadata]\nprovides-extras = [\"fast\"]\n\
             [[package]]\nname = \"web\"\nversion = \"1\"\nsource = {{ editable = \"web\" }}\n"
        )
    };
    let workspace = "[tool.uv.workspace]\nmembers = [\"core\", \"web\"]\n";
    let project = "[project]\nname = \"root\"\nversion = \"1\"\n[project.optional-dependencies]\nmore = []\n";
    let core = "[project]\nname = \"core\"\nversion = \"1\"\n[project.optional-dependencies]\nfast = []\n";
    let web = "[project]\nname = \"web\"\nversion = \"1\"\n";
    let said = |fields: &str, has_project: bool| {
        let root = if has_project {
            "[[package]]\nname = \"root\"\nversion = \"1\"\nsource = { editable = \".\" }\n"
        } else {
            ""
        };
        let manifest = if has_project {
            format!("{project}{workspace}")
        } else {
            workspace.to_owned()
        };
        let lock = lock(root);
        let files = [
            ("pyproject.toml", manifest.as_str()),
            ("uv.lock", &lock),
            ("core/pyproject.toml", core),
            ("web/pyproject.toml", web),
        ];
        let found = read(&format!("requirements: uv.lock\n{fields}"), &files);
        found.contains("unknown-part")
    };
    // A virtual root stands for all; what is no member's is nobody's.
    assert!(!said("extras: [fast]\n", false) && said("extras: [more]\n", false));
    // A root stands for itself.
    assert!(said("extras: [fast]\n", true) && !said("extras: [more]\n", true));
    for has_project in [false, true] {
        assert!(!said("members: [core]\nextras: [fast]\n", has_project));
        assert!(said("members: [web]\nextras: [fast]\n", has_project));
        assert!(said("members: [core]\nextras: [more]\n", has_project));
        assert!(!said("pip_extra_args: --all-packages\nextras: [fast]\n", has_project));
        assert!(said("members: [cores]\n", has_project));
    }
}
