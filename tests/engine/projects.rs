//! Projects as people lay them out: what images hold is what the tools that made them install.

use std::fs;
use std::path::Path;

use crate::bed::{Engine, Project};

/// Prints what uv installed, a line for each package.
pub(crate) const LIST: &str = "import re\nfrom importlib.metadata import distributions\n\
    uvs = [p for p in distributions() if (p.read_text(\"INSTALLER\") or \"\").strip() == \"uv\"]\n\
    print(*sorted(re.sub(\"[-_.]+\", \"-\", p.name).lower() + \"==\" + p.version for p in uvs), sep=\"\\n\")";

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
