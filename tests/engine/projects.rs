//! Projects as people lay them out: what images hold is what the tools that made them install.

use std::fs;
use std::path::Path;

use crate::bed::{Engine, Project, bed, fresh};

/// Prints what uv or Poetry installed, a line for each package.
pub(crate) const LIST: &str = "import re\nfrom importlib.metadata import distributions\n\
    tools = [p for p in distributions() if (p.read_text(\"INSTALLER\") or \"\").lower().startswith((\"uv\", \"poetry\"))]\n\
    print(*sorted(re.sub(\"[-_.]+\", \"-\", p.name).lower() + \"==\" + p.version for p in tools), sep=\"\\n\")";

/// What an image has.
pub(crate) fn held(tag: &str) -> Vec<String> {
    let lines = Engine::Main.shell(tag, &format!("python -c '{LIST}'"));
    lines
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_tree(&entry.path(), &target);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Builds a project of `tests/projects`, and holds what the image has against what its own tool installed.
fn is_built(name: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/projects").join(name);
    let spec = fs::read_to_string(directory.join("imageSpec.yaml")).unwrap();
    let project = Project::new("");
    copy_tree(&directory, project.directory.path());
    project.spec(&spec);
    let tag = format!("engine-project-{name}");
    let built = project.build(&tag);
    let mut found = held(&tag);
    let expected = fs::read_to_string(directory.join("expected.txt")).unwrap();
    let expected: Vec<&str> = expected.lines().collect();
    if spec.contains("install_project: true") {
        let own: Vec<String> = found
            .iter()
            .filter(|line| !expected.contains(&line.as_str()))
            .cloned()
            .collect();
        assert_eq!(own.len(), 1, "{name}: {own:?}");
        found.retain(|line| !own.contains(line));
    }
    assert_eq!(found, expected, "{name}\n{}", built.log);
}

/// Makes a test of each project.
macro_rules! projects {
    ($($(#[$attribute:meta])* $test:ident: $name:literal;)*) => {
        $(
            #[test]
            $(#[$attribute])*
            fn $test() {
                is_built($name);
            }
        )*
    };
}

projects! {
    a_workspace_of_uv: "uv-root-and-members";
    a_workspace_without_a_project_at_its_root: "uv-virtual-root";
    paths_of_uv_that_lead_to_others: "uv-path-sources";
    paths_of_poetry: "poetry-path";
    paths_of_pdm: "pdm-workspaces";
    paths_of_hatch: "hatch-context-paths";
    services_beside_libraries: "services-monorepo";
    files_of_requirements_that_mean_the_root: "requirements-editable";
    #[ignore = "`make test-all` runs it"]
    wheels_that_are_checked_in: "wheel-files";
    #[ignore = "`make test-all` runs it"]
    apps_and_libraries: "uv-apps-and-libs";
    #[ignore = "`make test-all` runs it"]
    parts_that_exclude_each_other: "uv-conflicts";
    #[ignore = "`make test-all` runs it"]
    settings_in_the_manifest: "uv-settings";
    #[ignore = "`make test-all` runs it"]
    a_date_that_moves: "uv-exclude-newer-span";
    #[ignore = "`make test-all` runs it"]
    settings_beside_the_lock: "uv-toml";
    #[ignore = "`make test-all` runs it"]
    a_group_for_production: "uv-prod-group";
    #[ignore = "`make test-all` runs it"]
    groups_without_a_project: "groups-only";
    #[ignore = "`make test-all` runs it"]
    groups_of_poetry: "poetry-groups";
    #[ignore = "`make test-all` runs it"]
    a_project_of_poetry_2: "poetry2-project";
    #[ignore = "`make test-all` runs it"]
    a_poetry_without_a_package: "poetry-no-package";
    #[ignore = "`make test-all` runs it"]
    a_library_of_pdm: "pdm-library";
    #[ignore = "`make test-all` runs it"]
    files_of_hatch_in_other_places: "hatch-files";
    #[ignore = "`make test-all` runs it"]
    requirements_by_a_plug_in_of_hatch: "hatch-requirements-txt";
    #[ignore = "`make test-all` runs it"]
    dependencies_that_setuptools_reads: "setuptools-dynamic";
    #[ignore = "`make test-all` runs it"]
    a_setup_py: "setup-py";
    #[ignore = "`make test-all` runs it"]
    a_setup_cfg: "setup-cfg";
    #[ignore = "`make test-all` runs it"]
    a_manifest_of_two_tools: "project-and-poetry";
    #[ignore = "`make test-all` runs it"]
    layers_of_requirements: "requirements-layers";
    #[ignore = "`make test-all` runs it"]
    an_editable_root: "requirements-editable-root";
    #[ignore = "`make test-all` runs it"]
    constraints_of_an_application: "app-constraints";
    #[ignore = "`make test-all` runs it"]
    requirements_for_a_platform: "requirements-by-platform";
    #[ignore = "`make test-all` runs it"]
    what_pip_compile_writes: "pip-compile-hashes";
    #[ignore = "`make test-all` runs it"]
    vendored_wheels: "vendored-wheels";
    #[ignore = "`make test-all` runs it"]
    pixi_in_the_manifest: "pixi-in-pyproject";
    #[ignore = "`make test-all` runs it"]
    pixi_beside_the_manifest: "pixi-toml";
}

/// A project whose package takes another from beside it.
fn with_libraries(spec: &str) -> Project {
    let project = Project::new(spec);
    project.file(
        "libs/pricing/pyproject.toml",
        "[project]\nname = \"pricing\"\nversion = \"1\"\ndependencies = [\"money\"]\n[tool.uv.sources]\nmoney = {path = \"../money\"}\n",
    );
    project.file("libs/pricing/pricing.py", "VAT = 19\n");
    project.file(
        "libs/money/pyproject.toml",
        "[project]\nname = \"money\"\nversion = \"1\"\ndependencies = [\"six==1.16.0\"]\n",
    );
    project.file("libs/money/money.py", "CENT = 1\n");
    project
}

#[test]
fn an_edit_of_a_library_builds_that_library_and_resolves_nothing() {
    let project = with_libraries(&fresh("profile: plain\npackages: [./libs/pricing]\n"));
    let line = "python -c 'import pricing, money; print(pricing.VAT, money.CENT)'";
    assert_eq!(project.build_and_run("engine-libraries", line), "19 1\n");
    project.file("docs.txt", "of nobody");
    assert_eq!(project.build("engine-libraries").ran(), [""; 0]);
    project.file("libs/money/money.py", "CENT = 2\n");
    let built = project.build("engine-libraries");
    let ran = built.ran();
    assert!(ran.contains(&"[packages] build money".to_owned()), "{ran:?}");
    let others = ["[lock] uv pip compile", "[packages] build pricing"];
    assert!(
        !ran.iter()
            .any(|step| others.iter().any(|other| step.starts_with(other))),
        "{ran:?}"
    );
    assert_eq!(Engine::Main.shell("engine-libraries", line), "19 2\n");
}

#[test]
fn options_among_packages_are_those_of_a_requirements_file() {
    let index = &bed()["IMAGESPEC_BED_EXTRA_INDEX"];
    let spec = format!(
        "profile: plain\npackages:\n  - --extra-index-url {index}\n  - bed-extra-demo\n  - -e ./libs/pricing\n  - -r more.txt\n  - -c bounds.txt\n  - '--no-binary :none:'\n  - --pre\n"
    );
    let project = with_libraries(&spec);
    project.file("more.txt", "idna\n").file("bounds.txt", "idna==3.7\n");
    let line = "python -c 'import bed_extra_demo, pricing, idna; print(pricing.VAT, idna.__version__)'";
    assert_eq!(project.build_and_run("engine-options-packages", line), "19 3.7\n");
}

#[test]
fn a_wheel_that_is_checked_in_is_known_by_its_content() {
    let wheel = |value: u32| {
        let script = format!(
            "import io, sys, zipfile\nb = io.BytesIO()\nz = zipfile.ZipFile(b, 'w')\n\
             z.writestr('shop_tax.py', 'RATE = {value}\\n')\n\
             z.writestr('shop_tax-2.1.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: shop-tax\\nVersion: 2.1\\n')\n\
             z.writestr('shop_tax-2.1.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n\
             z.writestr('shop_tax-2.1.dist-info/RECORD', '')\nz.close()\nsys.stdout.buffer.write(b.getvalue())"
        );
        std::process::Command::new("python3")
            .args(["-c", &script])
            .output()
            .unwrap()
            .stdout
    };
    let line = "python -c 'import shop_tax; print(shop_tax.RATE)'";
    for (name, spec, requirements) in [
        (
            "lines",
            "requirements: requirements.txt\n",
            "--find-links vendor\nshop-tax\n",
        ),
        (
            "arguments",
            "packages: [shop-tax]\npip_extra_args: --find-links ./vendor\n",
            "",
        ),
    ] {
        let project = Project::new(&format!("profile: plain\n{spec}"));
        project.file("requirements.txt", requirements);
        for value in [19, 20] {
            project.file("vendor/shop_tax-2.1-py3-none-any.whl", wheel(value));
            let tag = format!("engine-vendor-{name}");
            assert_eq!(project.build_and_run(&tag, line), format!("{value}\n"), "{name}");
        }
    }
}

#[test]
fn a_repository_needs_git() {
    let project = Project::new("profile: plain\nrequirements: r.txt\n");
    project.file(
        "r.txt",
        "six\n-e git+https://localhost:1/acme/features@v3#egg=features\n",
    );
    let log = project.fail("engine-git");
    assert!(
        log.contains("imageSpec.yaml:3:15: a package, or its version, comes from a repository")
            && log.contains("apt_packages: [git]"),
        "{log}"
    );
}

#[test]
fn builds_see_what_settings_say_of_them() {
    let project = Project::new("profile: plain\nrequirements: pyproject.toml\ninstall_project: true\n");
    project.file(
        "pyproject.toml",
        "[project]\nname = \"made\"\nversion = \"1\"\n[build-system]\nrequires = [\"setuptools<77\"]\nbuild-backend = \"setuptools.build_meta\"\n\
         [tool.uv.extra-build-dependencies]\nmade = [\"six==1.16.0\"]\n[tool.uv.extra-build-variables]\nmade = {COLOUR = \"blue\"}\n",
    );
    project.file(
        "setup.py",
        "import os, six, setuptools\nopen('made.py', 'w').write(f'SAID = \"{six.__version__} {os.environ[\"COLOUR\"]}\"\\n')\nsetuptools.setup(py_modules=['made'])\n",
    );
    let line = "python -c 'import made; print(made.SAID)'";
    assert_eq!(project.build_and_run("engine-build-settings", line), "1.16.0 blue\n");
}

#[test]
fn links_that_lead_out_of_a_project_are_in_what_is_built() {
    let project = Project::new("profile: plain\npackages: [./svc]\n");
    project.file(
        "svc/pyproject.toml",
        "[project]\nname = \"svc\"\nversion = \"1\"\n[build-system]\nrequires = [\"setuptools<77\"]\nbuild-backend = \"setuptools.build_meta\"\n\
         [tool.setuptools.packages.find]\nwhere = [\"src\"]\n",
    );
    project
        .file("svc/src/svc/__init__.py", "")
        .file("schemas/__init__.py", "RATE = 19\n");
    std::os::unix::fs::symlink("../../../schemas", project.directory.path().join("svc/src/svc/schemas")).unwrap();
    let line = "python -c 'from svc import schemas; print(schemas.RATE)'";
    assert_eq!(project.build_and_run("engine-links-of-projects", line), "19\n");
}

/// What the builds of members describe is what other members get of them.
#[test]
fn members_that_their_builds_describe_bring_what_they_need() {
    let project = Project::new("profile: plain\nrequirements: app/pyproject.toml\ninstall_project: true\n");
    let build = "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n";
    project.file(
        "pyproject.toml",
        "[tool.uv.workspace]\nmembers = [\"app\", \"api\", \"lib\"]\n",
    );
    project.file(
        "app/pyproject.toml",
        format!(
            "[project]\nname = \"app\"\nversion = \"1\"\ndependencies = [\"api\", \"lib\"]\n{build}\
             [tool.uv.sources]\napi = {{workspace = true}}\nlib = {{workspace = true}}\n"
        ),
    );
    project.file("app/app.py", "import api, lib\n");
    project.file(
        "api/pyproject.toml",
        format!(
            "[project]\nname = \"api\"\ndynamic = [\"version\"]\ndependencies = [\"six\"]\n{build}\
             [tool.setuptools.dynamic]\nversion = {{attr = \"api.VERSION\"}}\n"
        ),
    );
    project.file("api/api.py", "VERSION = '2.5'\n");
    project.file(
        "lib/pyproject.toml",
        format!(
            "[project]\nname = \"lib\"\nversion = \"3\"\ndynamic = [\"dependencies\"]\n{build}\
             [tool.setuptools.dynamic]\ndependencies = {{file = [\"needs.txt\"]}}\n"
        ),
    );
    project.file("lib/needs.txt", "idna<3.8\n");
    project.file("lib/lib.py", "");
    let line =
        "import app, six, idna, importlib.metadata as m; print(m.version('api'), m.version('lib'), idna.__version__)";
    let said = project.build_and_run("engine-members-built", &format!("python -c \"{line}\""));
    assert_eq!(said, "2.5 3 3.7\n");
}

#[test]
fn a_project_of_the_spec_below_stays_whatever_an_index_has_under_its_name() {
    let spec = "profile: plain\nbase_image: {profile: plain, python_version: \"3.12\", packages: [./core]}\npackages: [./plug]\n";
    let build = "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n[tool.setuptools]\npy-modules = []\n";
    let project = Project::new(spec);
    project
        .file(
            "core/pyproject.toml",
            format!("[project]\nname = \"six\"\nversion = \"1.0\"\n{build}"),
        )
        .file(
            "plug/pyproject.toml",
            format!("[project]\nname = \"plug\"\nversion = \"1\"\ndependencies = [\"six\", \"idna\"]\n{build}"),
        );
    let version = "python -c 'import importlib.metadata as m; print(m.version(\"six\"), m.version(\"plug\"))'";
    assert_eq!(project.build_and_run("engine-own-name", version), "1.0 1\n");
    // Who names it means that of the index.
    project.spec(&spec.replace("[./plug]", "[./plug, six==1.16.0]"));
    assert_eq!(project.build_and_run("engine-own-name", version), "1.16.0 1\n");
}
