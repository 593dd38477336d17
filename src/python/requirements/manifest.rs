//! `pyproject.toml`: <https://packaging.python.org/en/latest/specifications/pyproject-toml/>
//! and `[tool.uv]`: <https://docs.astral.sh/uv/reference/settings/>

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::python::requirements::lines::{IndexOption, plain_text};
use crate::python::requirements::poetry;
use crate::python::requirements::requirement::{Requirement, Source, normalised};

/// The manifest of a project.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Manifest {
    table: Table,
}

/// The projects that share a lock, as their root says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Workspace {
    /// Patterns of the members' directories, relative to the root.
    pub members: Vec<String>,
    /// Patterns of directories that are none.
    pub exclude: Vec<String>,
}

/// Where a project of the context is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LocalSource {
    /// A path relative to the manifest.
    Path(String),
    /// The project of that name in the same workspace.
    Member(String),
}

/// A value at a path of keys joined by dots.
pub(crate) fn at<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

/// The texts in a list, or the keys of a table.
pub(crate) fn names(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
        Some(Value::Table(table)) => table.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// When it is not TOML.
    pub(crate) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        Ok(toml::from_str::<Table>(&plain_text(text))?.into())
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    pub(crate) fn at(&self, path: &str) -> Option<&Value> {
        at(&self.table, path)
    }

    fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path).and_then(Value::as_str)
    }

    /// The project's name as PEP 503 compares it, in whichever table it stands.
    pub(crate) fn name(&self) -> Option<String> {
        let name = self
            .text_at("project.name")
            .or_else(|| self.text_at("tool.poetry.name"));
        name.map(normalised)
    }

    /// Whether it describes a project.
    pub(crate) fn has_project(&self) -> bool {
        self.at("project").is_some()
    }

    /// Whether it says how a package is built.
    pub(crate) fn has_build_system(&self) -> bool {
        self.at("build-system").is_some()
    }

    /// Whether a field of the project is left to its build.
    fn is_dynamic(&self, field: &str) -> bool {
        names(self.at("project.dynamic")).iter().any(|name| name == field)
    }

    /// Whether only a build can tell what the project needs.
    pub(crate) fn leaves_needs_to_build(&self) -> bool {
        !self.has_project() || self.is_dynamic("dependencies") || self.is_dynamic("optional-dependencies")
    }

    /// Whether only a build can tell its version, or which interpreters it runs on.
    pub(crate) fn leaves_version_to_build(&self) -> bool {
        !self.has_project()
            || self.text_at("project.name").is_none()
            || self.text_at("project.version").is_none()
            || self.is_dynamic("requires-python")
    }

    /// The project's own dependencies, with those of extras and dependency groups, as written.
    ///
    /// Extras that name the project itself, and groups that include groups (PEP 735), are replaced by their contents.
    pub(crate) fn requirements(&self, extras: &[String], groups: &[String]) -> Vec<String> {
        let mut reader = Reader {
            name: self.name(),
            extras: self.at("project.optional-dependencies").and_then(Value::as_table),
            groups: self.at("dependency-groups").and_then(Value::as_table),
            seen: BTreeSet::new(),
            lines: Vec::new(),
        };
        reader.read(self.at("project.dependencies"));
        for extra in extras {
            reader.part(reader.extras, "extra", extra);
        }
        for group in groups {
            let is_old_dev = normalised(group) == "dev" && !reader.has_group("dev");
            reader.part(reader.groups, "group", group);
            if is_old_dev {
                reader.read(self.at("tool.uv.dev-dependencies"));
            }
        }
        reader.lines
    }

    /// Its extras, as written.
    pub(crate) fn extras(&self) -> Vec<String> {
        names(self.at("project.optional-dependencies"))
    }

    /// Its dependency groups, as written.
    pub(crate) fn groups(&self) -> Vec<String> {
        let mut groups = names(self.at("dependency-groups"));
        let has_old_dev = self.at("tool.uv.dev-dependencies").is_some();
        if has_old_dev && !groups.iter().any(|group| normalised(group) == "dev") {
            groups.push("dev".into());
        }
        groups
    }

    /// What is wrong with how its groups include others, in words: installers read all groups, wanted or not (PEP 735).
    pub(crate) fn wrong_includes(&self) -> Vec<String> {
        let Some(Value::Table(groups)) = self.at("dependency-groups") else {
            return Vec::new();
        };
        let groups: BTreeMap<String, Vec<String>> = groups
            .iter()
            .map(|(name, entries)| (normalised(name), included_groups(entries)))
            .collect();
        let mut problems = Vec::new();
        for (name, included) in &groups {
            let unknown = included.iter().filter(|other| !groups.contains_key(*other));
            problems.extend(unknown.map(|other| format!("the group `{name}` includes `{other}`, which there is not")));
            let (mut reached, mut open) = (BTreeSet::new(), included.clone());
            while let Some(next) = open.pop() {
                if reached.insert(next.clone()) {
                    open.extend(groups.get(&next).cloned().unwrap_or_default());
                }
            }
            if reached.contains(name) {
                problems.push(format!("the group `{name}` includes itself"));
            }
        }
        problems
    }

    /// The interpreters that it runs on, as PEP 440 says it.
    pub(crate) fn requires_python(&self) -> Option<String> {
        let of_poetry = || poetry::specifiers(self.text_at("tool.poetry.dependencies.python")?);
        let found = self
            .text_at("project.requires-python")
            .map(str::to_owned)
            .or_else(of_poetry);
        found.filter(|bounds| !bounds.is_empty())
    }

    /// The workspace that it is the root of.
    pub(crate) fn workspace(&self) -> Option<Workspace> {
        let table = self.at("tool.uv.workspace")?;
        Some(Workspace {
            members: names(table.get("members")),
            exclude: names(table.get("exclude")),
        })
    }

    /// The names that `[tool.uv.sources]` takes from somewhere, as written.
    pub(crate) fn sources(&self) -> Vec<String> {
        names(self.at("tool.uv.sources"))
    }

    /// The projects and files of the context that some of its requirements are taken from, by name where there is one;
    /// all that it names where the requirements are not known.
    pub(crate) fn local_sources(&self, lines: Option<&[String]>) -> Vec<(String, LocalSource)> {
        let mut found = Vec::new();
        let mut needed = BTreeSet::new();
        for line in lines.into_iter().flatten() {
            let Ok(requirement) = Requirement::parse(line) else {
                continue;
            };
            if let Source::Path(path) = requirement.source
                && !path.starts_with('/')
            {
                found.push((requirement.name.clone().unwrap_or_default(), LocalSource::Path(path)));
            }
            needed.extend(requirement.name);
        }
        let sources = self.at("tool.uv.sources").and_then(Value::as_table);
        for (name, source) in sources
            .into_iter()
            .flatten()
            .filter(|(name, _)| lines.is_none() || needed.contains(&normalised(name)))
        {
            // A source, or one for each of several environments.
            let all = source.as_array().map_or(std::slice::from_ref(source), Vec::as_slice);
            for source in all {
                if let Some(path) = source.get("path").and_then(Value::as_str) {
                    found.push((name.clone(), LocalSource::Path(path.to_owned())));
                } else if source.get("workspace").and_then(Value::as_bool) == Some(true) {
                    found.push((name.clone(), LocalSource::Member(normalised(name))));
                }
            }
        }
        found
    }

    /// What its build needs.
    pub(crate) fn build_requires(&self) -> Vec<String> {
        names(self.at("build-system.requires"))
    }

    /// Paths out of its directory that its build may read: every text outside of `[tool.uv]` that climbs.
    pub(crate) fn paths_out(&self) -> Vec<String> {
        fn collect(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::String(text)
                    if (text.starts_with("../") || text == "..") && !text.contains(['\n', '*', '?', '[']) =>
                {
                    found.insert(text.clone());
                }
                Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
                Value::Table(table) => {
                    for (key, value) in table {
                        if key.starts_with("../") {
                            found.insert(key.clone());
                        }
                        collect(value, found);
                    }
                }
                _ => {}
            }
        }
        let mut found = BTreeSet::new();
        for (key, value) in &self.table {
            match (key.as_str(), value) {
                ("tool", Value::Table(tools)) => {
                    let others = tools.iter().filter(|(tool, _)| *tool != "uv");
                    others.for_each(|(_, value)| collect(value, &mut found));
                }
                _ => collect(value, &mut found),
            }
        }
        found.into_iter().collect()
    }

    /// The settings in `[tool.uv]`.
    pub(crate) fn uv_settings(&self) -> Option<UvSettings> {
        let table = self.at("tool.uv")?.as_table()?;
        Some(UvSettings { table: table.clone() })
    }

    /// What a build of another project in the same workspace reads of it.
    pub(crate) fn for_neighbours(&self) -> String {
        let mut kept = Table::new();
        let mut project = Table::new();
        if let Some(name) = self.text_at("project.name") {
            project.insert("name".into(), Value::String(name.to_owned()));
            project.insert("version".into(), Value::String("0".into()));
            kept.insert("project".into(), Value::Table(project));
        }
        let mut uv = Table::new();
        for key in ["workspace", "sources", "index", "package"] {
            if let Some(value) = self.at(&format!("tool.uv.{key}")) {
                uv.insert(key.to_owned(), value.clone());
            }
        }
        if !uv.is_empty() {
            kept.insert(
                "tool".into(),
                Value::Table(Table::from_iter([("uv".to_owned(), Value::Table(uv))])),
            );
        }
        kept.to_string()
    }
}

impl From<Table> for Manifest {
    fn from(table: Table) -> Self {
        Self { table }
    }
}

/// uv's settings, of a `uv.toml` or of `[tool.uv]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct UvSettings {
    table: Table,
}

/// What of `[tool.uv]` speaks of a project and says nothing to other commands.
const OF_PROJECTS: [&str; 10] = [
    "workspace",
    "sources",
    "managed",
    "package",
    "default-groups",
    "dependency-groups",
    "dev-dependencies",
    "conflicts",
    "build-backend",
    "required-version",
];

/// What says how packages are built, beside what is needed of the environment for it.
const OF_BUILDS: [&str; 7] = [
    "build-constraint-dependencies",
    "config-settings",
    "config-settings-package",
    "exclude-newer",
    "exclude-newer-package",
    "extra-build-dependencies",
    "extra-build-variables",
];

impl UvSettings {
    /// Reads a `uv.toml`.
    ///
    /// # Errors
    /// When it is not TOML.
    pub(crate) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let table = toml::from_str(&plain_text(text))?;
        Ok(Self { table })
    }

    /// The versions of uv that it asks for.
    pub(crate) fn required_version(&self) -> Option<&str> {
        self.table.get("required-version").and_then(Value::as_str)
    }

    /// The same without what only a project reads, as a `uv.toml`; `None` if nothing is left.
    pub(crate) fn without_project(&self) -> Option<String> {
        let mut kept = self.table.clone();
        for key in OF_PROJECTS {
            kept.remove(key);
        }
        (!kept.is_empty()).then(|| kept.to_string())
    }

    /// What it says of how packages are built, a line for each key.
    pub(crate) fn of_builds(&self) -> String {
        let said = OF_BUILDS
            .iter()
            .filter_map(|key| Some(format!("{key} = {}\n", self.table.get(*key)?)));
        said.collect()
    }

    /// The value at a path of keys.
    pub(crate) fn at(&self, path: &str) -> Option<&Value> {
        at(&self.table, path).or_else(|| self.table.get("pip").and_then(|pip| pip.get(path)))
    }

    /// Where it says that packages are looked for; paths as written.
    pub(crate) fn indexes(&self) -> Vec<IndexOption> {
        let mut found = Vec::new();
        let tables = self.table.get("index").and_then(Value::as_array).into_iter().flatten();
        for index in tables {
            let Some(url) = index.get("url").and_then(Value::as_str).map(str::to_owned) else {
                continue;
            };
            let is = |key: &str| index.get(key).and_then(Value::as_bool) == Some(true);
            found.push(match () {
                () if index.get("format").and_then(Value::as_str) == Some("flat") => IndexOption::FindLinks(url),
                () if is("default") => IndexOption::Main(url),
                () => IndexOption::Extra(url),
            });
        }
        let one = |key: &str| self.at(key).and_then(Value::as_str).map(str::to_owned);
        found.extend(one("index-url").map(IndexOption::Main));
        found.extend(names(self.at("extra-index-url")).into_iter().map(IndexOption::Extra));
        found.extend(names(self.at("find-links")).into_iter().map(IndexOption::FindLinks));
        if self.at("no-index").and_then(Value::as_bool) == Some(true) {
            found.push(IndexOption::NoIndex);
        }
        found
    }

    /// Packages whose requirements it replaces, drops or describes anew.
    pub(crate) fn overridden(&self) -> Vec<String> {
        let mut found = Vec::new();
        for list in ["override-dependencies", "exclude-dependencies"] {
            let lines = names(self.table.get(list));
            found.extend(lines.iter().filter_map(|line| Requirement::parse(line).ok()?.name));
        }
        let described = self.table.get("dependency-metadata").and_then(Value::as_array);
        let described = described.into_iter().flatten();
        found.extend(described.filter_map(|entry| entry.get("name")?.as_str().map(normalised)));
        found
    }

    /// Names of packages that it wants built, or not built: `no-binary` and `no-build`.
    pub(crate) fn named(&self, key: &str) -> Vec<String> {
        let all = self.at(key).and_then(Value::as_bool) == Some(true);
        let mut found: Vec<String> = all.then(|| ":all:".to_owned()).into_iter().collect();
        found.extend(names(self.at(&format!("{key}-package"))));
        found
    }

    /// It as text, which is the same for the same settings.
    pub(crate) fn text(&self) -> String {
        Value::Table(self.table.clone()).to_string()
    }
}

/// The groups that a group includes, by normalised name.
fn included_groups(entries: &Value) -> Vec<String> {
    let entries = entries.as_array().into_iter().flatten();
    let names = entries.filter_map(|entry| entry.get("include-group")?.as_str());
    names.map(normalised).collect()
}

struct Reader<'a> {
    name: Option<String>,
    extras: Option<&'a Table>,
    groups: Option<&'a Table>,
    seen: BTreeSet<(&'static str, String)>,
    lines: Vec<String>,
}

impl<'a> Reader<'a> {
    fn has_group(&self, name: &str) -> bool {
        self.groups
            .is_some_and(|groups| groups.keys().any(|group| normalised(group) == name))
    }

    fn part(&mut self, parts: Option<&'a Table>, kind: &'static str, name: &str) {
        let name = normalised(name);
        let found = parts.and_then(|parts| parts.iter().find(|(known, _)| normalised(known) == name));
        if self.seen.insert((kind, name)) {
            self.read(found.map(|(_, list)| list));
        }
    }

    fn read(&mut self, list: Option<&'a Value>) {
        for entry in list.and_then(Value::as_array).into_iter().flatten() {
            if let Some(group) = entry.get("include-group").and_then(Value::as_str) {
                self.part(self.groups, "group", group);
            }
            let Some(line) = entry.as_str() else { continue };
            match Requirement::parse(line) {
                Ok(own) if own.name.is_some() && own.name == self.name => {
                    for extra in own.extras() {
                        self.part(self.extras, "extra", &extra);
                    }
                }
                _ => self.lines.push(line.to_owned()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = r#"
        dependency-groups = {test = ["pytest", {include-group = "Lint"}], lint = ["ruff", {include-group = "test"}]}
        [project]
        name = "Mine"
        version = "1"
        readme = "../README.md"
        dependencies = ["idna", "near @ file:../near"]
        optional-dependencies = {all = ["mine[big_data, more]"], big-data = ["pandas"], more = ["mine[all]", "six"]}
        [tool.uv.sources]
        a = {path = "../a"}
        b = [{path = "b", marker = "os_name == 'posix'"}, {index = "other"}]
        c = {git = "https://example.com/c"}
        d = {workspace = true}
        [tool.hatch.build.targets.wheel.force-include]
        "../../shared" = "mine/shared"
    "#;

    #[test]
    fn groups_include_what_there_is_and_not_themselves() {
        let check = |groups: &str, expect: &[&str]| {
            let manifest = Manifest::parse(&format!("[dependency-groups]\n{groups}")).unwrap();
            assert_eq!(manifest.wrong_includes(), expect);
        };
        check("a = ['six', {include-group = 'B.c'}]\nb-c = []", &[]);
        check(
            "a = [{include-group = 'b'}]\nb = [{include-group = 'c'}]\nc = []\nd = [{include-group = 'b'}]",
            &[],
        );
        check(
            "a = [{include-group = 'nope'}]",
            &["the group `a` includes `nope`, which there is not"],
        );
        check("a = [{include-group = 'A'}]", &["the group `a` includes itself"]);
        check(
            "a = [{include-group = 'b'}]\nb = [{include-group = 'a'}]\nc = [{include-group = 'a'}]",
            &["the group `a` includes itself", "the group `b` includes itself"],
        );
        check("", &[]);
    }

    #[test]
    fn extras_and_groups_include_others() {
        let project = Manifest::parse(PROJECT).unwrap();
        let check = |extras: &[&str], groups: &[&str], expect: &[&str]| {
            let owned = |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
            assert_eq!(project.requirements(&owned(extras), &owned(groups)), expect);
        };
        let near = "near @ file:../near";
        check(&[], &[], &["idna", near]);
        check(&["Big.Data"], &[], &["idna", near, "pandas"]);
        check(&["all"], &[], &["idna", near, "pandas", "six"]);
        check(&[], &["test"], &["idna", near, "pytest", "ruff"]);
        check(&["nothing"], &["nothing"], &["idna", near]);
        assert!(!project.leaves_needs_to_build() && !project.leaves_version_to_build());
        for dynamic in ["", "[project]\nname = \"a\"\ndynamic = [\"dependencies\"]\n"] {
            assert!(Manifest::parse(dynamic).unwrap().leaves_needs_to_build());
        }
        let old = Manifest::parse("[tool.uv]\ndev-dependencies = [\"pytest\"]\n").unwrap();
        assert_eq!(old.groups(), ["dev"]);
        assert_eq!(old.requirements(&[], &["dev".into()]), ["pytest"]);
    }

    #[test]
    fn what_lies_near_a_project_is_found() {
        let project = Manifest::parse(PROJECT).unwrap();
        let path = |name: &str, path: &str| (name.to_owned(), LocalSource::Path(path.to_owned()));
        let lines = ["a", "b>1", "C", "d", "near @ file:../near"].map(str::to_owned);
        let expected = [
            path("near", "../near"),
            path("a", "../a"),
            path("b", "b"),
            ("d".to_owned(), LocalSource::Member("d".into())),
        ];
        assert_eq!(project.local_sources(Some(&lines)), expected);
        assert_eq!(project.local_sources(Some(&[])), []);
        assert_eq!(project.paths_out(), ["../../shared", "../README.md"]);
        let kept = Manifest::parse(&project.for_neighbours()).unwrap();
        assert_eq!(kept.name().as_deref(), Some("mine"));
        assert_eq!(kept.sources(), project.sources());
        assert!(kept.requirements(&[], &[]).is_empty());
    }

    #[test]
    fn settings_say_where_packages_are_looked_for() {
        let settings = UvSettings::parse(
            "no-index = true\nfind-links = [\"vendor\"]\nrequired-version = \">=0.5\"\nno-binary = true\n\
             override-dependencies = [\"six==1\"]\n[pip]\nextra-index-url = [\"https://e\"]\n[[index]]\nurl = \"./flat\"\nformat = \"flat\"\n\
             [[index]]\nurl = \"https://d\"\ndefault = true\n",
        )
        .unwrap();
        let expected = [
            IndexOption::FindLinks("./flat".into()),
            IndexOption::Main("https://d".into()),
            IndexOption::Extra("https://e".into()),
            IndexOption::FindLinks("vendor".into()),
            IndexOption::NoIndex,
        ];
        assert_eq!(settings.indexes(), expected);
        assert_eq!(settings.required_version(), Some(">=0.5"));
        assert_eq!(settings.overridden(), ["six"]);
        assert_eq!(settings.named("no-binary"), [":all:"]);
        assert_eq!(settings.of_builds(), "");
        let of_builds = UvSettings::parse("offline = true\n[extra-build-dependencies]\nx = [\"six\"]\n").unwrap();
        assert_eq!(of_builds.of_builds(), "extra-build-dependencies = { x = [\"six\"] }\n");
        assert!(!settings.without_project().unwrap().contains("required-version"));
    }
}
