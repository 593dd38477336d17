//! A grid of Poetry's layouts: what images hold is what `poetry install` installs from the same files.

use std::collections::BTreeMap;

use crate::oracle::{Case, Oracle};

const POETRY: Oracle = Oracle {
    name: "poetry",
    // The plug-in asks PyPI by pip's protocol alone, which every proxy of it speaks.
    packages: "poetry==2.2.1, poetry-plugin-pypi-mirror==0.6.5",
    lock: "poetry.lock",
};

/// In which tables the needs are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tables {
    /// `[tool.poetry]` alone, as Poetry 1 has it.
    Poetry,
    /// `[project]`, with sources in `[tool.poetry]`.
    Project,
}

#[derive(Clone, Copy, Debug)]
struct Layout {
    tables: Tables,
    /// Whether the application takes a library by its path, which takes another.
    has_paths: bool,
    /// Whether the application is no package.
    is_no_package: bool,
    /// Whether the spec names the lock, rather than the manifest.
    is_locked: bool,
    has_extra: bool,
    has_group: bool,
}

/// Every combination of tables, paths, packages and inputs; extras and groups take turns.
fn grid() -> Vec<Layout> {
    let both = [false, true];
    let mut all = Vec::new();
    for tables in [Tables::Poetry, Tables::Project] {
        for has_paths in both {
            for is_no_package in both {
                for is_locked in both {
                    let turn = all.len();
                    all.push(Layout {
                        tables,
                        has_paths,
                        is_no_package,
                        is_locked,
                        // Poetry has no extras of what is no package.
                        has_extra: !is_no_package && turn % 3 != 1,
                        has_group: turn % 3 != 0,
                    });
                }
            }
        }
    }
    all
}

const BUILD: &str = "[build-system]\nrequires = [\"poetry-core>=2,<3\"]\nbuild-backend = \"poetry.core.masonry.api\"\n";

impl Layout {
    fn manifest(&self) -> String {
        let path = "money = {path = \"libs/money\", develop = true}\n";
        let group = "[tool.poetry.group.train]\noptional = true\n[tool.poetry.group.train.dependencies]\nsix = \"1.16.0\"\niniconfig = \"~2.0\"\n\
             [tool.poetry.group.dev.dependencies]\npluggy = \"1.5.0\"\n";
        let mode = if self.is_no_package {
            "package-mode = false\n"
        } else {
            ""
        };
        match self.tables {
            Tables::Poetry => {
                let own = "[tool.poetry]\nname = \"app\"\nversion = \"1\"\ndescription = \"\"\nauthors = []\n";
                let needs = "[tool.poetry.dependencies]\npython = \">=3.11,<4.0\"\nidna = \"^3.4\"\nclick = {version = \">=8,<8.2\", markers = \"python_version < '4'\"}\ncolorama = {version = \"0.4.6\", optional = true}\n";
                let path = if self.has_paths { path } else { "" };
                let extras = "[tool.poetry.extras]\ncolor = [\"colorama\"]\n";
                format!("{own}{mode}{needs}{path}{extras}{group}{BUILD}")
            }
            Tables::Project => {
                let money = if self.has_paths { ", \"money\"" } else { "" };
                let own = format!(
                    "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.11,<4.0\"\n\
                     dependencies = [\"idna>=3.4,<4\", \"click (>=8,<8.2) ; python_version < '4'\"{money}]\n\
                     [project.optional-dependencies]\ncolor = [\"colorama==0.4.6\"]\n"
                );
                let mode = format!("[tool.poetry]\n{mode}");
                let path = match self.has_paths {
                    true => format!("[tool.poetry.dependencies]\n{path}"),
                    false => String::new(),
                };
                format!("{own}{mode}{path}{group}{BUILD}")
            }
        }
    }

    fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::from([
            ("pyproject.toml".to_owned(), self.manifest()),
            ("app/__init__.py".to_owned(), String::new()),
        ]);
        if self.has_paths {
            let library = |name: &str, needs: &str| {
                format!(
                    "[tool.poetry]\nname = \"{name}\"\nversion = \"3\"\ndescription = \"\"\nauthors = []\n[tool.poetry.dependencies]\npython = \">=3.11\"\n{needs}{BUILD}"
                )
            };
            let money = library("money", "packaging = \"24.0\"\nwire = {path = \"../wire\"}\n");
            files.extend([
                ("libs/money/pyproject.toml".to_owned(), money),
                ("libs/money/money/__init__.py".to_owned(), String::new()),
                (
                    "libs/wire/pyproject.toml".to_owned(),
                    library("wire", "attrs = \"23.2.0\"\n"),
                ),
                ("libs/wire/wire/__init__.py".to_owned(), String::new()),
            ]);
        }
        files
    }

    fn case(&self) -> Case {
        let input = if self.is_locked {
            "poetry.lock"
        } else {
            "pyproject.toml"
        };
        let mut spec = format!("profile: plain\npython_version: \"3.12\"\nrequirements: {input}\n");
        let mut parts = String::from("--only main");
        if self.has_group {
            spec.push_str("groups: [train]\n");
            parts.push_str(",train");
        }
        if self.has_extra {
            spec.push_str("extras: [color]\n");
            parts.push_str(" --extras color");
        }
        // Its environments have no place of one's own but this; where one is active, as in our images, it installs there.
        let set = "unset CONDA_PREFIX VIRTUAL_ENV; export POETRY_VIRTUALENVS_IN_PROJECT=true POETRY_CACHE_DIR=/oracle/cache POETRY_PYPI_MIRROR_URL=https://pypi.org/simple/";
        let keep = if self.is_locked { "" } else { " && rm poetry.lock" };
        Case {
            name: self.name(),
            files: self.files(),
            spec,
            install: format!("{set} && poetry lock && poetry install --no-root {parts} && cp -r .venv $V{keep}"),
        }
    }

    fn name(&self) -> String {
        let paths = if self.has_paths { "paths" } else { "alone" };
        let kind = if self.is_no_package { "none" } else { "package" };
        let input = if self.is_locked { "lock" } else { "manifest" };
        format!("poetry-{:?}-{paths}-{kind}-{input}", self.tables).to_lowercase()
    }
}

#[test]
fn images_hold_what_poetry_installs() {
    // Both tables with paths, by the lock and by the manifest.
    let some = grid()
        .into_iter()
        .filter(|layout| layout.has_paths && !layout.is_no_package);
    POETRY.agrees(some.map(|layout| layout.case()).collect());
}

#[test]
#[ignore = "minutes long: `make test-all` runs it"]
fn images_of_the_whole_grid_hold_what_poetry_installs() {
    POETRY.agrees(grid().iter().map(Layout::case).collect());
}
