//! A grid of layouts, made from a table: what images hold is what uv itself installs from the same files.
//!
//! uv runs once for all of them, in an image with the same interpreter: it locks what is to be locked, and lists what it
//! installs. Then each layout is built by the frontend.

use std::collections::BTreeMap;

use crate::bed::{Engine, Project};
use crate::projects::{LIST, held};

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

    /// What uv is told to install the same into the environment `$V`.
    fn oracle(&self) -> String {
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

/// What uv says of each layout: the list of what it installs, and its lock.
fn asked(layouts: &[Layout]) -> BTreeMap<String, (Vec<String>, String)> {
    let project = Project::new("");
    let mut script = String::from("set -eu\nlist() { $V/bin/python -c \"$LIST\"; }\n");
    for layout in layouts {
        let name = layout.name();
        for (path, text) in layout.files() {
            project.file(&format!("layouts/{name}/{path}"), text);
        }
        script.push_str(&format!(
            "V=/oracle/{name}; mkdir -p /oracle; cp -r /root/layouts/{name} /tmp/{name}; (cd /tmp/{name}; {}) || echo 'FAILED {name}'\n\
             echo '@@@ {name}' >> /oracle/said; list >> /oracle/said || true\n\
             if [ -e /tmp/{name}/uv.lock ]; then echo '-- lock' >> /oracle/said; cat /tmp/{name}/uv.lock >> /oracle/said; fi\nrm -rf /tmp/{name} $V\n",
            layout.oracle()
        ));
    }
    project.file("layouts/oracle.sh", script);
    let list = LIST.replace('\n', "\n      ");
    project.spec(&format!(
        "profile: plain\npython_version: \"3.12\"\npackages: [six]\ncopy: [layouts]\ncommands:\n  - |\n      export LIST='{list}'\n      sh /root/layouts/oracle.sh\n"
    ));
    let built = project.build("engine-layouts-oracle");
    let said = Engine::Main.shell("engine-layouts-oracle", "cat /oracle/said");
    let mut all = BTreeMap::new();
    for part in said.split("@@@ ").skip(1) {
        let (name, rest) = part.split_once('\n').unwrap();
        let (list, lock) = rest.split_once("-- lock\n").unwrap_or((rest, ""));
        let list: Vec<String> = list
            .lines()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        assert!(!list.is_empty(), "uv installs nothing for {name}:\n{}", built.log);
        all.insert(name.to_owned(), (list, lock.to_owned()));
    }
    assert_eq!(all.len(), layouts.len(), "{}", built.log);
    all
}

/// What differs between uv's list and the image of each layout.
fn differences(layouts: &[Layout]) -> Vec<String> {
    let expected = asked(layouts);
    let differs = |layout: &Layout| {
        let name = layout.name();
        let (list, lock) = &expected[&name];
        let project = Project::new("");
        for (path, text) in layout.files() {
            project.file(&path, text);
        }
        if !lock.is_empty() {
            project.file("uv.lock", lock);
        }
        project.spec(&layout.spec());
        let tag = format!("engine-layout-{name}");
        let built = project.try_build(&tag);
        if !built.ok {
            return Some(format!("{layout:?} does not build:\n{}", built.log));
        }
        let found = held(&tag);
        (found != *list).then(|| format!("{layout:?}: the image has {found:?}, uv installs {list:?}"))
    };
    let mut all = Vec::new();
    // Some at a time: an engine is waited for, most of the time.
    for some in layouts.chunks(4) {
        std::thread::scope(|scope| {
            let running: Vec<_> = some.iter().map(|layout| scope.spawn(move || differs(layout))).collect();
            all.extend(running.into_iter().filter_map(|one| one.join().unwrap()));
        });
    }
    all
}

#[test]
fn images_hold_what_uv_installs() {
    // One of each input and shape.
    let some: Vec<Layout> = grid().into_iter().step_by(4).collect();
    let found = differences(&some);
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

#[test]
#[ignore = "minutes long: `make test-all` runs it"]
fn images_of_the_whole_grid_hold_what_uv_installs() {
    let found = differences(&grid());
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}
