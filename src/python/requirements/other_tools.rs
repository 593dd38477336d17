//! Where tools other than uv take packages from: their tables of a `pyproject.toml`, which uv does not read.
//!
//! A name that such a table takes from a path, a repository or an index of its own must not be looked up elsewhere:
//! there it may be somebody else's.

use toml::{Table, Value};

use crate::python::requirements::requirement::{Requirement, Source, normalised};

/// The tools whose tables say where packages come from.
const TOOLS: [&str; 8] = [
    "poetry",
    "pdm",
    "hatch",
    "pixi",
    "rye",
    "pip-tools",
    "conda-lock",
    "pipenv",
];
/// The keys of a dependency that say where it comes from.
const PLACES: [&str; 9] = ["path", "git", "url", "file", "hg", "svn", "bzr", "source", "index"];
/// PyPI itself.
const PYPI: [&str; 2] = ["https://pypi.org", "https://pypi.python.org"];

/// A package that another tool takes from a place of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtherSource {
    /// The name as PEP 503 compares it.
    pub name: String,
    /// The place, as written.
    pub place: String,
    /// Whether the place is the name of an index.
    pub is_index: bool,
    /// The table that says so, such as `tool.poetry.dependencies`.
    pub table: String,
}

/// An index that another tool asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtherIndex {
    pub url: String,
    /// The table that says so.
    pub table: String,
    /// Whether only packages that name it come from it.
    pub is_explicit: bool,
    pub name: Option<String>,
}

/// What other tools say of where packages come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OtherTools {
    pub packages: Vec<OtherSource>,
    pub indexes: Vec<OtherIndex>,
}

impl OtherTools {
    /// Reads the tables of a `pyproject.toml`.
    #[must_use]
    pub(crate) fn of(project: &Table) -> Self {
        let mut found = Self::default();
        let tools = project.get("tool").and_then(Value::as_table);
        for (tool, table) in tools.into_iter().flatten() {
            if TOOLS.contains(&tool.as_str()) {
                found.walk(&format!("tool.{tool}"), table);
            }
        }
        found
    }

    fn walk(&mut self, at: &str, value: &Value) {
        for (key, value) in value.as_table().into_iter().flatten() {
            let inner = format!("{at}.{key}");
            let plain = key.to_lowercase().replace('_', "-");
            match value {
                _ if plain.ends_with("dependencies") || plain == "overrides" => self.dependencies(&inner, value),
                Value::Array(items) if plain == "members" && at.ends_with("workspace") => self.members(&inner, items),
                Value::Array(items) if matches!(plain.as_str(), "source" | "sources") => {
                    items.iter().for_each(|item| self.index_table(&inner, item));
                }
                Value::String(_) | Value::Array(_) if plain.contains("index") => self.index_urls(&inner, value),
                Value::Array(items) => items.iter().for_each(|item| self.walk(&inner, item)),
                _ => self.walk(&inner, value),
            }
        }
    }

    /// Names with what is said of them, or lists of requirements.
    fn dependencies(&mut self, at: &str, value: &Value) {
        match value {
            Value::Array(lines) => lines
                .iter()
                .filter_map(Value::as_str)
                .for_each(|line| self.line(at, line)),
            Value::Table(table) => {
                for (name, value) in table {
                    match value {
                        Value::String(text) if is_place(text) => self.add(at, name, text, false),
                        Value::Table(_) => self.entry(at, name, value),
                        // One for each of several environments, or a group with its requirements.
                        Value::Array(items) => items.iter().for_each(|item| match item {
                            Value::String(line) => self.line(at, line),
                            item => self.entry(at, name, item),
                        }),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn entry(&mut self, at: &str, name: &str, entry: &Value) {
        let place = PLACES.iter().find_map(|key| Some((*key, entry.get(key)?.as_str()?)));
        match place {
            Some((key, place)) => self.add(at, name, place, matches!(key, "source" | "index")),
            // A group of dependencies.
            None if entry.is_table() => self.dependencies(at, entry),
            None => {}
        }
    }

    /// `name @ place`, or `-e place#egg=name`.
    fn line(&mut self, at: &str, line: &str) {
        let line = line.trim_start_matches("-e ").trim();
        if let Some((place, name)) = line.split_once("#egg=") {
            return self.add(at, name, place, false);
        }
        // A place may be written in a way that only the tool knows: `{root:uri}/libs/money`.
        if let Some((name, place)) = line.split_once(" @ ") {
            return self.add(at, name.split('[').next().unwrap_or(name), place, false);
        }
        if let Ok(Requirement {
            name: Some(name),
            source: Source::Repository(place) | Source::Archive(place) | Source::Path(place),
            ..
        }) = Requirement::parse(line)
        {
            self.add(at, &name, &place, false);
        }
    }

    /// Members of a workspace, whose directories mostly have their names.
    fn members(&mut self, at: &str, items: &[Value]) {
        for item in items {
            let path = item.as_str().or_else(|| item.get("path")?.as_str());
            if let Some(path) = path {
                let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
                self.add(at, name, path, false);
            }
        }
    }

    fn add(&mut self, table: &str, name: &str, place: &str, is_index: bool) {
        self.packages.push(OtherSource {
            name: normalised(name.trim()),
            place: place.trim().to_owned(),
            is_index,
            table: table.to_owned(),
        });
    }

    /// An entry of `[[tool.poetry.source]]` and the like.
    fn index_table(&mut self, table: &str, entry: &Value) {
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        let is_asked_last = text("priority") == Some("supplemental");
        if let Some(url) = text("url").filter(|url| !is_pypi(url) && !is_asked_last) {
            self.indexes.push(OtherIndex {
                url: url.to_owned(),
                table: table.to_owned(),
                is_explicit: text("priority") == Some("explicit"),
                name: text("name").map(str::to_owned),
            });
        }
    }

    fn index_urls(&mut self, table: &str, value: &Value) {
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let urls = items.iter().filter_map(Value::as_str).flat_map(str::split_whitespace);
        for url in urls.filter(|url| url.contains("://") && !is_pypi(url)) {
            self.indexes.push(OtherIndex {
                url: url.to_owned(),
                table: table.to_owned(),
                is_explicit: false,
                name: None,
            });
        }
    }
}

fn is_place(text: &str) -> bool {
    text.contains("://") || text.starts_with("./") || text.starts_with("../") || text.starts_with("file:")
}

fn is_pypi(url: &str) -> bool {
    PYPI.iter().any(|own| url.starts_with(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> OtherTools {
        OtherTools::of(&toml::from_str(text).unwrap())
    }

    /// The names, each with its table.
    fn named(text: &str) -> Vec<String> {
        let found = of(text).packages.into_iter();
        found
            .map(|source| format!("{} {} {}", source.table, source.name, source.place))
            .collect()
    }

    #[test]
    fn every_tool_has_its_own_words_for_a_place() {
        let poetry = r#"
            [tool.poetry.dependencies]
            python = "^3.11"
            idna = "3.7"
            Money = {path = "libs/money", develop = true}
            pay_ments = [{git = "https://h/p", python = "<3.12"}, {version = "2"}]
            own = {version = "1", source = "corp"}
            [tool.poetry.group.train.dependencies]
            wheel-x = {url = "https://h/x.whl"}
            [tool.poetry.dev-dependencies]
            dist = {file = "x.tar.gz"}
            [tool.poetry.requires-plugins]
            some = {path = "x"}
        "#;
        let mut found = named(poetry);
        found.sort();
        assert_eq!(
            found,
            [
                "tool.poetry.dependencies money libs/money",
                "tool.poetry.dependencies own corp",
                "tool.poetry.dependencies pay-ments https://h/p",
                "tool.poetry.dev-dependencies dist x.tar.gz",
                "tool.poetry.group.train.dependencies wheel-x https://h/x.whl",
            ]
        );
        let pdm = r#"
            [tool.pdm.dev-dependencies]
            dev = ["-e file:///${PROJECT_ROOT}/libs/money#egg=money", "pytest"]
            [tool.pdm.resolution.overrides]
            pay = "git+https://h/pay"
            idna = ">=3"
        "#;
        assert_eq!(
            named(pdm),
            [
                "tool.pdm.dev-dependencies money file:///${PROJECT_ROOT}/libs/money",
                "tool.pdm.resolution.overrides pay git+https://h/pay",
            ]
        );
        let hatch = r#"
            [tool.hatch.envs.default]
            dependencies = ["money @ {root:uri}/libs/money", "six"]
            extra-dependencies = ["pay[fast] @ git+https://h/pay"]
            workspace.members = ["libs/shop_api", {path = "libs/other"}]
            [tool.hatch.version]
            path = "a.py"
        "#;
        let mut found = named(hatch);
        found.sort();
        assert_eq!(
            found,
            [
                "tool.hatch.envs.default.dependencies money {root:uri}/libs/money",
                "tool.hatch.envs.default.extra-dependencies pay git+https://h/pay",
                "tool.hatch.envs.default.workspace.members other libs/other",
                "tool.hatch.envs.default.workspace.members shop-api libs/shop_api",
            ]
        );
        let pixi = "[tool.pixi.feature.x.pypi-dependencies]\nmoney = {path = \"libs/money\"}\nown = {version = \"1\", index = \"https://i\"}\n";
        assert_eq!(named(pixi).len(), 2);
        // uv's own table, and those of tools that install nothing.
        assert!(
            named("[tool.uv.sources]\na = {path = \"a\"}\n[tool.mypy.dependencies]\nb = {path = \"b\"}\n").is_empty()
        );
    }

    #[test]
    fn indexes_are_those_that_are_not_pypi() {
        let text = r#"
            [[tool.poetry.source]]
            name = "PyPI"
            [[tool.poetry.source]]
            name = "corp"
            url = "https://corp/simple"
            [[tool.poetry.source]]
            name = "torch"
            url = "https://torch/whl"
            priority = "explicit"
            [[tool.poetry.source]]
            name = "more"
            url = "https://more/simple"
            priority = "supplemental"
            [[tool.pdm.source]]
            name = "pypi"
            url = "https://pypi.org/simple"
            [[tool.rye.sources]]
            url = "https://rye/simple"
            [tool.hatch.envs.default.env-vars]
            PIP_EXTRA_INDEX_URL = "https://h1/simple https://h2/simple"
            [tool.pixi.pypi-options]
            extra-index-urls = ["https://pixi/simple"]
            [tool.cibuildwheel.environment]
            PIP_INDEX_URL = "https://ci/simple"
        "#;
        let mut urls: Vec<(String, bool)> = of(text).indexes.into_iter().map(|i| (i.url, i.is_explicit)).collect();
        urls.sort();
        let expected = [
            ("https://corp/simple", false),
            ("https://h1/simple", false),
            ("https://h2/simple", false),
            ("https://pixi/simple", false),
            ("https://rye/simple", false),
            ("https://torch/whl", true),
        ];
        assert_eq!(urls, expected.map(|(url, is_explicit)| (url.to_owned(), is_explicit)));
    }
}
