//! A grid of layouts, made from a table: what images hold is what uv itself installs from the same files.

use std::collections::BTreeMap;

use crate::oracle::{Case, Oracle};

const UV: Oracle = Oracle {
    name: "uv",
    // The steps that install have it; what runs commands has not.
    packages: "six",
    lock: "uv.lock",
};

/// Where the application and its library are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    /// The application alone.
    Alone,
    /// A library by its path, which takes another by its path.
    Paths,
    /// Members of a workspace whose root is a project.
    Workspace,
    /// Members of a workspace whose root is none.
    Virtual,
}

/// What the spec names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Input {
    Manifest,
    Lock,
    Lines,
}

/// What is left to the build of the application.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Dynamic {
    Nothing,
    Version,
    Dependencies,
}

/// Where uv's settings are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Settings {
    None,
    UvToml,
    Manifest,
}

#[derive(Clone, Copy, Debug)]
struct Layout {
    shape: Shape,
    input: Input,
    dynamic: Dynamic,
    settings: Settings,
    has_extra: bool,
    has_group: bool,
}

/// Every shape, input and kind of metadata; settings, extras and groups take turns.
fn grid() -> Vec<Layout> {
    let mut all = Vec::new();
    for shape in [Shape::Alone, Shape::Paths, Shape::Workspace, Shape::Virtual] {
        for input in [Input::Manifest, Input::Lock, Input::Lines] {
            for dynamic in [Dynamic::Nothing, Dynamic::Version, Dynamic::Dependencies] {
                let turn = all.len();
                all.push(Layout {
                    shape,
                    input,
                    dynamic,
                    settings: [Settings::None, Settings::UvToml, Settings::Manifest][(turn / 2) % 3],
                    has_extra: turn % 2 == 0,
                    has_group: turn % 3 != 1,
                });
            }
        }
    }
    all
}

/// A date that chooses another version of idna than today's.
const DATE: &str = "exclude-newer = \"2024-06-01T00:00:00Z\"\n";
const BUILD: &str = "[build-system]\nrequires = [\"setuptools<77\"]\nbuild-backend = \"setuptools.build_meta\"\n";

impl Layout {
    fn name(&self) -> String {
        format!(
            "{:?}-{:?}-{:?}-{:?}",
            self.shape, self.input, self.dynamic, self.settings
        )
        .to_lowercase()
    }

    fn is_workspace(&self) -> bool {
        matches!(self.shape, Shape::Workspace | Shape::Virtual)
    }

    /// The directory of the application.
    fn app(&self) -> &'static str {
        if self.is_workspace() { "services/app/" } else { "" }
    }

    /// Files by their paths.
    fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let mut add = |path: String, text: String| files.insert(path, text);
        let app = self.app();
        let mut needs = vec!["idna"];
        if self.shape != Shape::Alone {
            needs.push("money");
        }
        let mut manifest = String::from("[project]\nname = \"app\"\nrequires-python = \">=3.11\"\n");
        let listed: Vec<String> = needs.iter().map(|need| format!("\"{need}\"")).collect();
        let plain = format!("dependencies = [{}]\n", listed.join(", "));
        manifest.push_str(&match self.dynamic {
            Dynamic::Nothing => format!("version = \"1\"\n{plain}"),
            Dynamic::Version => format!("dynamic = [\"version\"]\n{plain}"),
            Dynamic::Dependencies => "version = \"1\"\ndynamic = [\"dependencies\"]\n".to_owned(),
        });
        manifest.push_str("[project.optional-dependencies]\ncolor = [\"colorama==0.4.6\"]\n");
        manifest.push_str("[dependency-groups]\ntrain = [\"six==1.16.0\", {include-group = \"more\"}]\nmore = [\"iniconfig==2.0.0\"]\n");
        manifest.push_str(BUILD);
        match self.dynamic {
            Dynamic::Nothing => {}
            Dynamic::Version => manifest.push_str("[tool.setuptools.dynamic]\nversion = {attr = \"app.VERSION\"}\n"),
            Dynamic::Dependencies => {
                manifest.push_str("[tool.setuptools.dynamic]\ndependencies = {file = \"needs.in\"}\n");
                add(format!("{app}needs.in"), format!("{}\n", needs.join("\n")));
            }
        }
        manifest.push_str("[tool.setuptools]\npy-modules = [\"app\"]\n");
        add(format!("{app}app.py"), "VERSION = \"2.5\"\n".to_owned());
        match self.shape {
            Shape::Alone => {}
            Shape::Paths => manifest.push_str("[tool.uv.sources]\nmoney = {path = \"libs/money\"}\n"),
            Shape::Workspace | Shape::Virtual => manifest.push_str("[tool.uv.sources]\nmoney = {workspace = true}\n"),
        }
        if self.shape != Shape::Alone {
            let library = |name: &str, needs: &str, more: &str| {
                format!(
                    "[project]\nname = \"{name}\"\nversion = \"3\"\nrequires-python = \">=3.11\"\ndependencies = [{needs}]\n{BUILD}[tool.setuptools]\npy-modules = [\"{name}\"]\n{more}"
                )
            };
            let source = if self.is_workspace() {
                "{workspace = true}"
            } else {
                "{path = \"../wire\"}"
            };
            let more = format!("[tool.uv.sources]\nwire = {source}\n");
            add(
                "libs/money/pyproject.toml".into(),
                library("money", "\"packaging==24.0\", \"wire\"", &more),
            );
            add("libs/money/money.py".into(), String::new());
            add(
                "libs/wire/pyproject.toml".into(),
                library("wire", "\"attrs==23.2.0\"", ""),
            );
            add("libs/wire/wire.py".into(), String::new());
        }
        let settings = match self.settings {
            Settings::None => String::new(),
            Settings::UvToml => {
                add("uv.toml".into(), DATE.to_owned());
                String::new()
            }
            Settings::Manifest => format!("[tool.uv]\n{DATE}"),
        };
        let members = "[tool.uv.workspace]\nmembers = [\"services/*\", \"libs/*\"]\n";
        match self.shape {
            Shape::Alone | Shape::Paths => manifest.push_str(&settings),
            Shape::Workspace => {
                let root = "[project]\nname = \"root\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [\"click==8.1.7\"]\n";
                add("pyproject.toml".into(), format!("{root}{settings}{members}"));
            }
            Shape::Virtual => {
                add("pyproject.toml".into(), format!("{settings}{members}"));
            }
        }
        add(format!("{app}pyproject.toml"), manifest);
        if self.input == Input::Lines {
            let extra = if self.has_extra { "[color]" } else { "" };
            let app = if app.is_empty() { "." } else { "./services/app" };
            add(
                "requirements.txt".into(),
                format!("# ours\n-e {app}{extra}\nhumanize==4.9.0\n"),
            );
        }
        files
    }

    fn spec(&self) -> String {
        let mut spec = String::from("profile: plain\npython_version: \"3.12\"\n");
        spec.push_str(&match self.input {
            Input::Manifest => format!("requirements: {}pyproject.toml\n", self.app()),
            Input::Lock if self.is_workspace() => "requirements: uv.lock\nmembers: [app]\n".to_owned(),
            Input::Lock => "requirements: uv.lock\n".to_owned(),
            Input::Lines => return format!("{spec}requirements: requirements.txt\n"),
        });
        if self.has_extra {
            spec.push_str("extras: [color]\n");
        }
        if self.has_group {
            spec.push_str("groups: [train]\n");
        }
        spec
    }

    fn case(&self) -> Case {
        Case {
            name: self.name(),
            files: self.files(),
            spec: self.spec(),
            install: self.install(),
        }
    }

    /// What uv is told to install the same into the environment `$V`.
    fn install(&self) -> String {
        let mut parts = String::new();
        if self.has_extra {
            parts.push_str(" --extra color");
        }
        if self.has_group {
            parts.push_str(" --group train");
        }
        match self.input {
            Input::Lines => "uv venv -q $V && uv pip install -q --python $V/bin/python -r requirements.txt".to_owned(),
            Input::Manifest => {
                let app = if self.app().is_empty() { "." } else { self.app() };
                format!(
                    "cd {app} && uv venv -q $V && uv pip install -q --python $V/bin/python -r pyproject.toml{parts}"
                )
            }
            Input::Lock => {
                let member = if self.is_workspace() { " --package app" } else { "" };
                format!(
                    "uv lock -q && UV_PROJECT_ENVIRONMENT=$V uv sync -q --locked --no-dev --no-install-project{member}{parts}"
                )
            }
        }
    }
}

#[test]
fn images_hold_what_uv_installs() {
    // One of each input and shape.
    UV.agrees(grid().iter().step_by(4).map(Layout::case).collect());
}

#[test]
#[ignore = "minutes long: `make test-all` runs it"]
fn images_of_the_whole_grid_hold_what_uv_installs() {
    UV.agrees(grid().iter().map(Layout::case).collect());
}
