//! Manifests of other tools in uv's words: what Poetry, PDM and Hatch say of where packages come from, and which there
//! are. uv does not read their tables, and would look names up that these take from elsewhere.

use toml::{Table, Value};

use crate::python::requirements::manifest::{Manifest, at};
use crate::python::requirements::poetry::{self, Dependency};
use crate::python::requirements::requirement::{Requirement, normalised};

impl Manifest {
    /// The manifest as uv has to read it; `None` if it says all of it in uv's words already. `is_wanted` says which groups
    /// have to be said in them.
    ///
    /// # Errors
    /// The entry of a table for which there are no other words.
    pub(crate) fn translated(&self, is_wanted: &dyn Fn(&str) -> bool) -> Result<Option<Self>, String> {
        let mut table = self.table().clone();
        let is_buildable = self.has_build_system() && !self.is_not_packaged();
        if self.at("tool.poetry").is_some() && !self.has_project() && !is_buildable {
            project_of_poetry(&mut table)?;
        }
        sources_of_poetry(&mut table, is_wanted);
        groups_of_poetry(&mut table, is_wanted)?;
        groups_of_pdm(&mut table, is_wanted)?;
        overrides_of_pdm(&mut table);
        paths_of_requirements(&mut table);
        self.own_name_in_groups(&mut table);
        Ok((table != *self.table()).then(|| table.into()))
    }

    /// Whether its tool only manages what it needs: `package-mode = false` of Poetry, `package = false` of uv.
    pub(crate) fn is_not_packaged(&self) -> bool {
        let is_false = |path: &str| self.at(path).and_then(Value::as_bool) == Some(false);
        is_false("tool.poetry.package-mode") || is_false("tool.uv.package")
    }

    /// A group that asks for the project itself, with extras, asks for what these need: looked up by its name, it may be
    /// somebody else's.
    fn own_name_in_groups(&self, table: &mut Table) {
        let Some(name) = self.name().filter(|_| !self.leaves_needs_to_build()) else {
            return;
        };
        let groups = table.get_mut("dependency-groups").and_then(Value::as_table_mut);
        for list in groups.into_iter().flatten().filter_map(|(_, list)| list.as_array_mut()) {
            let is_own = |entry: &Value| -> Option<Requirement> {
                let requirement = Requirement::parse(entry.as_str()?).ok()?;
                (requirement.name.as_ref() == Some(&name)).then_some(requirement)
            };
            let mut replaced = Vec::with_capacity(list.len());
            for entry in list.drain(..) {
                match is_own(&entry) {
                    Some(own) => {
                        let extras: Vec<String> = own.extras().collect();
                        replaced.extend(self.requirements(&extras, &[]).into_iter().map(Value::String));
                    }
                    None => replaced.push(entry),
                }
            }
            *list = replaced;
        }
    }
}

/// The table at a path of keys, made if need be; what is no table is replaced.
fn table_at<'t>(table: &'t mut Table, path: &[&str]) -> Option<&'t mut Table> {
    path.iter().try_fold(table, |table, key| {
        let value = table.entry(*key).or_insert_with(|| Value::Table(Table::new()));
        if !value.is_table() {
            *value = Value::Table(Table::new());
        }
        value.as_table_mut()
    })
}

fn dependencies_at(table: &Table, path: &str) -> Result<Vec<(String, Dependency)>, String> {
    match at(table, path).and_then(Value::as_table) {
        Some(found) => poetry::dependencies(found).map_err(|entry| format!("[{path}] {entry}")),
        None => Ok(Vec::new()),
    }
}

/// The groups of Poetry: their names, and where their dependencies are.
fn poetry_groups(table: &Table) -> Vec<(String, String)> {
    let groups = at(table, "tool.poetry.group").and_then(Value::as_table);
    let mut found: Vec<(String, String)> = groups
        .into_iter()
        .flat_map(Table::keys)
        .map(|name| (name.clone(), format!("tool.poetry.group.{name}.dependencies")))
        .collect();
    if at(table, "tool.poetry.dev-dependencies").is_some() {
        found.push(("dev".into(), "tool.poetry.dev-dependencies".into()));
    }
    found
}

/// Makes a `[project]` of the dependencies of Poetry.
fn project_of_poetry(table: &mut Table) -> Result<(), String> {
    let found = dependencies_at(table, "tool.poetry.dependencies")?;
    let text = |lines: Vec<&Dependency>| -> Value {
        Value::Array(
            lines
                .into_iter()
                .map(|found| Value::String(found.line.clone()))
                .collect(),
        )
    };
    let mut project = Table::new();
    let name = at(table, "tool.poetry.name")
        .and_then(Value::as_str)
        .unwrap_or("project");
    project.insert("name".into(), Value::String(name.to_owned()));
    project.insert("version".into(), Value::String("0".into()));
    let python = at(table, "tool.poetry.dependencies.python").and_then(Value::as_str);
    if let Some(python) = python.and_then(poetry::specifiers).filter(|python| !python.is_empty()) {
        project.insert("requires-python".into(), Value::String(python));
    }
    let needed = found.iter().map(|(_, found)| found).filter(|found| !found.is_optional);
    project.insert("dependencies".into(), text(needed.collect()));
    let mut optional = Table::new();
    let extras = at(table, "tool.poetry.extras").and_then(Value::as_table);
    for (extra, members) in extras.into_iter().flatten() {
        let is_member = |name: &str| {
            let mut members = members.as_array().into_iter().flatten().filter_map(Value::as_str);
            members.any(|member| normalised(member) == normalised(name))
        };
        let lines = found.iter().filter(|(name, _)| is_member(name)).map(|(_, found)| found);
        optional.insert(extra.clone(), text(lines.collect()));
    }
    if !optional.is_empty() {
        project.insert("optional-dependencies".into(), Value::Table(optional));
    }
    table.insert("project".into(), Value::Table(project));
    Ok(())
}

/// Names that Poetry takes from a path, a repository or a URL come from there for uv, too.
fn sources_of_poetry(table: &mut Table, is_wanted: &dyn Fn(&str) -> bool) {
    let mut paths = vec!["tool.poetry.dependencies".to_owned()];
    let groups = poetry_groups(table).into_iter().filter(|(name, _)| is_wanted(name));
    paths.extend(groups.map(|(_, path)| path));
    let mut found = Vec::new();
    for path in paths {
        // What has no other words matters only where it has to be said in them.
        let dependencies = at(table, &path).and_then(Value::as_table).cloned().unwrap_or_default();
        for (name, value) in dependencies {
            let one = Table::from_iter([(name.clone(), value)]);
            let read = poetry::dependencies(&one).unwrap_or_default();
            // What is taken from several places, depending on the environment, has no place to be told.
            if let [
                (
                    name,
                    Dependency {
                        source: Some(source), ..
                    },
                ),
            ] = read.as_slice()
            {
                found.push((name.clone(), source.clone()));
            }
        }
    }
    for (name, source) in found {
        add_source(table, &name, Value::Table(source));
    }
}

fn add_source(table: &mut Table, name: &str, source: Value) {
    let Some(sources) = table_at(table, &["tool", "uv", "sources"]) else {
        return;
    };
    let is_there = sources.keys().any(|known| normalised(known) == normalised(name));
    if !is_there {
        sources.insert(name.to_owned(), source);
    }
}

fn add_group(table: &mut Table, name: &str, lines: Vec<String>) {
    let Some(groups) = table_at(table, &["dependency-groups"]) else {
        return;
    };
    if !groups.keys().any(|known| normalised(known) == normalised(name)) {
        groups.insert(
            name.to_owned(),
            Value::Array(lines.into_iter().map(Value::String).collect()),
        );
    }
}

fn groups_of_poetry(table: &mut Table, is_wanted: &dyn Fn(&str) -> bool) -> Result<(), String> {
    for (name, path) in poetry_groups(table) {
        let found = match dependencies_at(table, &path) {
            Err(error) if is_wanted(&name) => return Err(error),
            found => found.unwrap_or_default(),
        };
        add_group(table, &name, found.into_iter().map(|(_, found)| found.line).collect());
    }
    Ok(())
}

fn groups_of_pdm(table: &mut Table, is_wanted: &dyn Fn(&str) -> bool) -> Result<(), String> {
    let groups = at(table, "tool.pdm.dev-dependencies")
        .and_then(Value::as_table)
        .cloned();
    for (name, lines) in groups.into_iter().flatten() {
        let lines = lines.as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut found = Vec::new();
        for line in lines {
            found.push(match line.strip_prefix("-e ") {
                Some(place) => match place.split_once("#egg=") {
                    Some((place, name)) => format!("{name} @ {place}"),
                    None if !is_wanted(&name) => continue,
                    None => return Err(format!("[tool.pdm.dev-dependencies] {name} = \"{line}\"")),
                },
                None => line.to_owned(),
            });
        }
        add_group(table, &name, found);
    }
    Ok(())
}

/// What PDM replaces or leaves out, as uv's overrides and excludes.
fn overrides_of_pdm(table: &mut Table) {
    let overrides = at(table, "tool.pdm.resolution.overrides")
        .and_then(Value::as_table)
        .cloned();
    let line = |(name, value): (String, Value)| {
        let version = value.as_str()?.trim();
        match version.chars().next()? {
            // A place: nothing that uv is told replaces it, and it is not looked up.
            _ if version.contains("://") => None,
            first if first.is_ascii_digit() => Some(format!("{name}=={version}")),
            _ => Some(format!("{name}{version}")),
        }
    };
    let overrides: Vec<Value> = overrides
        .into_iter()
        .flatten()
        .filter_map(line)
        .map(Value::String)
        .collect();
    let excludes = at(table, "tool.pdm.resolution.excludes")
        .and_then(Value::as_array)
        .cloned();
    for (key, list) in [
        ("override-dependencies", overrides),
        ("exclude-dependencies", excludes.unwrap_or_default()),
    ] {
        if list.is_empty() {
            continue;
        }
        if let Some(uv) = table_at(table, &["tool", "uv"]) {
            uv.entry(key).or_insert(Value::Array(list));
        }
    }
}

/// The path that a URL of PDM or Hatch stands for, relative to the project.
fn path_of_tool(place: &str) -> Option<String> {
    let place = place.trim();
    let path = place
        .strip_prefix("file:///${PROJECT_ROOT}")
        .or_else(|| place.strip_prefix("file://${PROJECT_ROOT}"))
        .or_else(|| place.strip_prefix("{root:uri}"))
        .map(str::to_owned)
        .or_else(|| Some(format!("..{}", place.strip_prefix("{root:parent:uri}")?)))
        .or_else(|| {
            place
                .strip_prefix("file:")
                .filter(|path| path.starts_with('.'))
                .map(str::to_owned)
        })?;
    Some(match path.trim_start_matches('/') {
        "" => ".".to_owned(),
        path => path.to_owned(),
    })
}

/// Requirements with paths in the words of PDM and Hatch become names whose source says the path.
fn paths_of_requirements(table: &mut Table) {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut rewrite = |value: &mut Value| {
        let Some((head, place)) = value.as_str().and_then(|line| line.split_once('@')) else {
            return;
        };
        let (place, marker) = place
            .split_once(" ;")
            .map_or((place, None), |(place, marker)| (place, Some(marker)));
        let Some(path) = path_of_tool(place) else { return };
        let name = head.split('[').next().unwrap_or(head).trim().to_owned();
        let marker = marker.map_or(String::new(), |marker| format!(" ;{marker}"));
        let line = format!("{}{marker}", head.trim());
        if Requirement::parse(&line).is_ok() {
            found.push((name, path));
            *value = Value::String(line);
        }
    };
    let mut lists: Vec<&mut Value> = Vec::new();
    for (key, value) in table.iter_mut() {
        match (key.as_str(), value) {
            ("project", Value::Table(project)) => {
                for (key, value) in project.iter_mut() {
                    match (key.as_str(), value) {
                        ("dependencies", value) => lists.push(value),
                        ("optional-dependencies", Value::Table(extras)) => {
                            lists.extend(extras.iter_mut().map(|(_, v)| v))
                        }
                        _ => {}
                    }
                }
            }
            ("dependency-groups", Value::Table(groups)) => lists.extend(groups.iter_mut().map(|(_, list)| list)),
            _ => {}
        }
    }
    lists
        .into_iter()
        .filter_map(Value::as_array_mut)
        .flatten()
        .for_each(&mut rewrite);
    for (name, path) in found {
        let source = Table::from_iter([("path".to_owned(), Value::String(path))]);
        add_source(table, &name, Value::Table(source));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::requirements::manifest::LocalSource;

    fn translated(text: &str) -> Manifest {
        Manifest::parse(text).unwrap().translated(&|_| true).unwrap().unwrap()
    }

    #[test]
    fn a_poetry_without_packages_becomes_a_project() {
        let project = translated(
            "[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\npython = \"^3.11\"\nidna = \"^3.7\"\n\
             money = {path = \"libs/money\"}\ncolorama = {version = \"0.4.6\", optional = true}\n\
             [tool.poetry.extras]\ncolor = [\"colorama\"]\n[tool.poetry.group.train.dependencies]\nsix = \"1.16.0\"\n",
        );
        let owned = |name: &str| vec![name.to_owned()];
        assert_eq!(
            project.requirements(&owned("color"), &owned("train")),
            ["idna>=3.7,<4", "money", "colorama==0.4.6", "six==1.16.0"]
        );
        assert_eq!(project.requires_python().as_deref(), Some(">=3.11,<4"));
        assert_eq!(
            project.local_sources(Some(&["money".to_owned()])),
            [("money".into(), LocalSource::Path("libs/money".into()))]
        );
        let refused =
            Manifest::parse("[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\na = \"^1 || ^2\"\n");
        let refused = refused.unwrap().translated(&|_| true).unwrap_err();
        assert!(
            refused.contains("tool.poetry.dependencies") && refused.contains("^1 || ^2"),
            "{refused}"
        );
    }

    #[test]
    fn places_of_other_tools_are_uvs() {
        let check = |text: &str, lines: &[&str], sources: &[(&str, &str)]| {
            let project = translated(text);
            assert_eq!(project.requirements(&[], &project.groups()), lines, "{text}");
            let expected: Vec<_> = sources
                .iter()
                .map(|(name, path)| ((*name).to_owned(), LocalSource::Path((*path).to_owned())))
                .collect();
            let lines = project.requirements(&[], &project.groups());
            assert_eq!(project.local_sources(Some(&lines)), expected, "{text}");
        };
        let project = |lines: &str| format!("[project]\nname = \"shop\"\nversion = \"1\"\ndependencies = [{lines}]\n");
        check(
            &format!(
                "{}[tool.poetry.dependencies]\nmoney = {{path = \"../money\"}}\n",
                project("\"idna\", \"money\"")
            ),
            &["idna", "money"],
            &[("money", "../money")],
        );
        check(
            &project("\"money[fast] @ file:///${PROJECT_ROOT}/libs/money ; os_name == 'posix'\""),
            &["money[fast] ; os_name == 'posix'"],
            &[("money", "libs/money")],
        );
        check(
            &project("\"money @ {root:uri}/../money\""),
            &["money"],
            &[("money", "../money")],
        );
        check(
            &project("\"money @ {root:parent:uri}/money\""),
            &["money"],
            &[("money", "../money")],
        );
        check(
            &format!(
                "{}[tool.pdm.dev-dependencies]\ndev = [\"-e file:///${{PROJECT_ROOT}}/libs/money#egg=money\", \"six\"]\n",
                project("")
            ),
            &["money", "six"],
            &[("money", "libs/money")],
        );
        // A group of the project itself asks for what that needs.
        let own = translated(&format!(
            "{}[project.optional-dependencies]\nweb = [\"tabulate\"]\n[dependency-groups]\ndev = [\"Shop[web]\", \"iniconfig\"]\n",
            project("\"six\"")
        ));
        assert_eq!(
            own.at("dependency-groups.dev").unwrap().to_string(),
            "[\"six\", \"tabulate\", \"iniconfig\"]"
        );
        let pdm = translated(&format!(
            "{}[tool.pdm.resolution]\nexcludes = [\"tzdata\"]\n[tool.pdm.resolution.overrides]\nsix = \"1.15.0\"\nidna = \"<4\"\n",
            project("\"six\"")
        ));
        assert_eq!(
            pdm.at("tool.uv.override-dependencies").unwrap().to_string(),
            "[\"idna<4\", \"six==1.15.0\"]"
        );
        assert_eq!(
            pdm.at("tool.uv.exclude-dependencies").unwrap().to_string(),
            "[\"tzdata\"]"
        );
        // uv's own words win, and what says nothing of places stays as it is.
        let plain = Manifest::parse(&project("\"idna\", \"x @ git+https://h/x\"")).unwrap();
        assert_eq!(plain.translated(&|_| true), Ok(None));
    }
}
