//! Poetry's words for versions and for where packages come from, in the words of PEP 508 and of uv.
//! <https://python-poetry.org/docs/dependency-specification/>

use toml::{Table, Value};

/// What Poetry says of one package, in other words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dependency {
    /// The requirement as a line of PEP 508.
    pub(super) line: String,
    /// Where uv is to take it from: an entry of `[tool.uv.sources]`.
    pub(super) source: Option<Table>,
    /// Whether only an extra asks for it.
    pub(super) is_optional: bool,
}

/// The packages of a table of dependencies; `Err` has the one that cannot be said otherwise.
pub(super) fn dependencies(table: &Table) -> Result<Vec<(String, Dependency)>, String> {
    let mut all = Vec::new();
    for (name, value) in table.iter().filter(|(name, _)| *name != "python") {
        let entries = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for entry in entries {
            let found = dependency(name, entry).ok_or_else(|| format!("{name} = {entry}"))?;
            all.push((name.clone(), found));
        }
    }
    Ok(all)
}

fn dependency(name: &str, entry: &Value) -> Option<Dependency> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let version = entry.as_str().or_else(|| text("version")).unwrap_or("*");
    let source = source(entry);
    let specifiers = match source {
        Some(_) => String::new(),
        None => specifiers(version)?,
    };
    let extras: Vec<&str> = entry
        .get("extras")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut markers: Vec<String> = text("markers")
        .map(|marker| format!("({marker})"))
        .into_iter()
        .collect();
    if let Some(python) = text("python").filter(|python| *python != "*") {
        markers.push(format!("({})", python_marker(python)?));
    }
    if let Some(platform) = text("platform") {
        markers.push(format!("sys_platform == '{platform}'"));
    }
    let mut line = name.to_owned();
    if !extras.is_empty() {
        line.push_str(&format!("[{}]", extras.join(",")));
    }
    line.push_str(&specifiers);
    if !markers.is_empty() {
        line.push_str(&format!(" ; {}", markers.join(" and ")));
    }
    Some(Dependency {
        line,
        source,
        is_optional: entry.get("optional").and_then(Value::as_bool) == Some(true),
    })
}

/// Where a package comes from, if it is not looked up by its name.
fn source(entry: &Value) -> Option<Table> {
    let entry = entry.as_table()?;
    let mut found = Table::new();
    let mut copy = |from: &str, to: &str| {
        let value = entry.get(from).and_then(Value::as_str)?;
        found.insert(to.to_owned(), Value::String(value.to_owned()));
        Some(())
    };
    let is_elsewhere = copy("path", "path")
        .or_else(|| copy("file", "path"))
        .or_else(|| copy("git", "git"))
        .or_else(|| copy("url", "url"));
    is_elsewhere?;
    for key in ["branch", "tag", "rev", "subdirectory"] {
        copy(key, key);
    }
    // A relative path of git is a repository, and `git@host:path` is how people write ssh.
    if let Some(Value::String(git)) = found.get_mut("git")
        && let Some((host, path)) = git.split_once(':')
        && host.contains('@')
        && !host.contains('/')
    {
        *git = format!("ssh://{host}/{path}");
    }
    Some(found)
}

/// Bounds of versions in Python's words; `None` for what these have no words for.
pub(super) fn specifiers(constraint: &str) -> Option<String> {
    let constraint = constraint.trim();
    if constraint == "*" || constraint.is_empty() {
        return Some(String::new());
    }
    if constraint.contains("||") || constraint.contains(" | ") {
        return None;
    }
    let mut all: Vec<String> = Vec::new();
    for part in clauses(constraint) {
        all.extend(clause(&part)?);
    }
    Some(all.join(","))
}

/// The parts of a constraint, each an operator with its version.
fn clauses(constraint: &str) -> Vec<String> {
    let is_operator = |c: char| "<>=!~^".contains(c);
    let mut parts: Vec<String> = Vec::new();
    for word in constraint.split([',', ' ']).filter(|word| !word.is_empty()) {
        match parts.last_mut().filter(|last| last.chars().all(is_operator)) {
            // `>= 1.0`
            Some(last) => last.push_str(word),
            None => parts.push(word.to_owned()),
        }
    }
    parts
}

fn clause(part: &str) -> Option<Vec<String>> {
    let at = part.find(|c: char| !"<>=!~^".contains(c))?;
    let (operator, version) = part.split_at(at);
    let version = version.trim_start_matches('v');
    if !version.starts_with(|c: char| c.is_ascii_digit()) {
        return (version == "*").then(Vec::new);
    }
    let release = || -> Option<Vec<u64>> {
        let end = version
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(version.len());
        let numbers = version.get(..end)?.trim_end_matches('.').split('.');
        numbers.map(|number| number.parse().ok()).collect()
    };
    // The release with one more at a place, and nothing after it.
    let above = |place: usize| -> Option<String> {
        let mut numbers = release()?;
        numbers.truncate(place + 1);
        *numbers.last_mut()? += 1;
        Some(numbers.iter().map(u64::to_string).collect::<Vec<_>>().join("."))
    };
    Some(match operator {
        "^" => {
            let numbers = release()?;
            let place = numbers
                .iter()
                .position(|number| *number > 0)
                .unwrap_or(numbers.len() - 1);
            vec![format!(">={version}"), format!("<{}", above(place)?)]
        }
        "~" => {
            let place = if release()?.len() > 1 { 1 } else { 0 };
            vec![format!(">={version}"), format!("<{}", above(place)?)]
        }
        "" | "=" | "==" => vec![format!("=={version}")],
        ">" | ">=" | "<" | "<=" | "!=" | "~=" | "===" => vec![format!("{operator}{version}")],
        _ => return None,
    })
}

/// Bounds of the interpreter as a marker.
fn python_marker(constraint: &str) -> Option<String> {
    let mut any = Vec::new();
    for part in constraint.split("||").flat_map(|part| part.split(" | ")) {
        let bounds = specifiers(part)?;
        let all: Vec<String> = bounds
            .split(',')
            .filter(|bound| !bound.is_empty())
            .filter_map(|bound| {
                let at = bound.find(|c: char| c.is_ascii_digit())?;
                let (operator, version) = bound.split_at(at);
                Some(format!("python_full_version {operator} '{version}'"))
            })
            .collect();
        any.push(all.join(" and "));
    }
    Some(any.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_versions_are_pythons() {
        let check = |constraint: &str, expect: Option<&str>| {
            assert_eq!(specifiers(constraint).as_deref(), expect, "{constraint}");
        };
        check("^1.2.3", Some(">=1.2.3,<2"));
        check("^1.2", Some(">=1.2,<2"));
        check("^0.2.3", Some(">=0.2.3,<0.3"));
        check("^0.0.3", Some(">=0.0.3,<0.0.4"));
        check("^0.0", Some(">=0.0,<0.1"));
        check("^0", Some(">=0,<1"));
        check("^2.0.0b1", Some(">=2.0.0b1,<3"));
        check("~1.2.3", Some(">=1.2.3,<1.3"));
        check("~1.2", Some(">=1.2,<1.3"));
        check("~1", Some(">=1,<2"));
        check("1.2.3", Some("==1.2.3"));
        check("1.2.*", Some("==1.2.*"));
        check("*", Some(""));
        check(">= 1.0, < 2", Some(">=1.0,<2"));
        check(">=1.0 <2", Some(">=1.0,<2"));
        check("~=1.4", Some("~=1.4"));
        check("!=1.5", Some("!=1.5"));
        check("^1.0 || ^2.0", None);
        check("latest", None);
    }

    #[test]
    fn what_is_said_of_a_package_becomes_a_line_and_a_source() {
        let table: Table = toml::from_str(
            r#"
            python = "^3.11"
            idna = "^3.7"
            six = {version = "1.16.0", extras = ["a", "b"], markers = "os_name == 'posix'", python = ">=3.9,<4.0"}
            money = {path = "../money", develop = true}
            pay = {git = "git@h:acme/pay.git", tag = "v1", optional = true}
            colorama = [{version = "*", platform = "linux"}, {version = "^0.4", python = "~2.7 || ^3.2"}]
        "#,
        )
        .unwrap();
        let shown: Vec<String> = dependencies(&table)
            .unwrap()
            .into_iter()
            .map(|(_, found)| {
                let source = found.source.map_or(String::new(), |source| {
                    format!(" <- {}", source.to_string().trim_end().replace('\n', " "))
                });
                format!("{}{source}{}", found.line, if found.is_optional { " ?" } else { "" })
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        colorama ; sys_platform == 'linux'
        colorama>=0.4,<0.5 ; (python_full_version >= '2.7' and python_full_version < '2.8' or python_full_version >= '3.2' and python_full_version < '4')
        idna>=3.7,<4
        money <- path = "../money"
        pay <- git = "ssh://git@h/acme/pay.git" tag = "v1" ?
        six[a,b]==1.16.0 ; (os_name == 'posix') and (python_full_version >= '3.9' and python_full_version < '4.0')
        "#);
        assert!(dependencies(&toml::from_str("a = \"^1 || ^2\"").unwrap()).is_err());
    }
}
