//! The dependencies in a `pyproject.toml`: <https://packaging.python.org/en/latest/specifications/pyproject-toml/>

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::python::requirements::requirement::{Requirement, normalised};

/// A project's own dependencies, with those of the extras and dependency groups that are asked for, as written.
///
/// Extras that name the project itself, and groups that include groups (PEP 735), are replaced by their contents.
#[must_use]
pub(crate) fn project_requirements(project: &Table, extras: &[&str], groups: &[&str]) -> Vec<String> {
    let table = |name: &str| project.get("project").and_then(|table| table.get(name));
    let mut reader = ProjectReader {
        name: table("name").and_then(Value::as_str).map(normalised),
        extras: table("optional-dependencies").and_then(Value::as_table),
        groups: project.get("dependency-groups").and_then(Value::as_table),
        seen: BTreeSet::new(),
        lines: Vec::new(),
    };
    reader.read(table("dependencies"));
    for extra in extras {
        reader.part(reader.extras, "extra", extra);
    }
    for group in groups {
        reader.part(reader.groups, "group", group);
    }
    reader.lines
}

/// Whether only a program can tell what the project needs: the table leaves it out, or there is no table.
#[must_use]
pub(crate) fn has_dynamic_requirements(project: &Table) -> bool {
    let Some(table) = project.get("project") else {
        return true;
    };
    let dynamic = table.get("dynamic").and_then(Value::as_array);
    let mut dynamic = dynamic.into_iter().flatten().filter_map(Value::as_str);
    dynamic.any(|field| matches!(field, "dependencies" | "optional-dependencies"))
}

/// The paths, relative to the project, that `[tool.uv.sources]` takes packages from.
#[must_use]
pub(crate) fn source_paths(project: &Table) -> Vec<String> {
    let uv = project.get("tool").and_then(|tool| tool.get("uv"));
    let sources = uv.and_then(|uv| uv.get("sources")).and_then(Value::as_table);
    let mut paths = Vec::new();
    for source in sources.into_iter().flat_map(Table::values) {
        // A source, or one for each of several environments.
        let all = source.as_array().map_or(std::slice::from_ref(source), Vec::as_slice);
        let places = all.iter().filter_map(|source| source.get("path")?.as_str());
        paths.extend(places.map(str::to_owned));
    }
    paths
}

struct ProjectReader<'a> {
    name: Option<String>,
    extras: Option<&'a Table>,
    groups: Option<&'a Table>,
    seen: BTreeSet<(&'static str, String)>,
    lines: Vec<String>,
}

impl<'a> ProjectReader<'a> {
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
        dependencies = ["idna"]
        optional-dependencies = {all = ["mine[big_data, more]"], big-data = ["pandas"], more = ["mine[all]", "six"]}
        [tool.uv.sources]
        a = {path = "../a"}
        b = [{path = "b", marker = "os_name == 'posix'"}, {index = "other"}]
        c = {git = "https://example.com/c"}
    "#;

    #[test]
    fn extras_and_groups_include_others() {
        let project: Table = toml::from_str(PROJECT).unwrap();
        let check = |extras: &[&str], groups: &[&str], expect: &[&str]| {
            assert_eq!(project_requirements(&project, extras, groups), expect);
        };
        check(&[], &[], &["idna"]);
        check(&["Big.Data"], &[], &["idna", "pandas"]);
        check(&["all"], &[], &["idna", "pandas", "six"]);
        check(&[], &["test"], &["idna", "pytest", "ruff"]);
        check(&["nothing"], &["nothing"], &["idna"]);
        assert_eq!(source_paths(&project), ["../a", "b"]);
        assert!(!has_dynamic_requirements(&project));
        for dynamic in ["", "[project]\nname = \"a\"\ndynamic = [\"dependencies\"]\n"] {
            assert!(has_dynamic_requirements(&toml::from_str(dynamic).unwrap()));
        }
    }
}
