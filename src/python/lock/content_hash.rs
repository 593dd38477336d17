//! The hash by which Poetry knows whether its lock fits the project: SHA-256 of what decides packages, as Python's
//! `json.dumps(…, sort_keys=True)` writes it.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

use crate::python::object::{Unicode, Value as PythonValue, repr};

/// What counts of `[project]`.
const OF_PROJECT: [&str; 3] = ["requires-python", "dependencies", "optional-dependencies"];
/// What counts of `[tool.poetry]`, even where it is not there if nothing outside of it counts.
const OF_POETRY: [&str; 4] = ["dependencies", "source", "extras", "dev-dependencies"];

/// The hash of a `pyproject.toml`. Poetry before 2.3 does not count `[dependency-groups]`.
#[must_use]
pub(crate) fn content_hash(project: &Table, counts_groups: bool) -> String {
    let table = |table: Option<&Value>| table.and_then(Value::as_table).cloned().unwrap_or_default();
    let all = table(project.get("project"));
    let counted = |name: &&str| Some(((*name).to_owned(), all.get(*name)?.clone()));
    let own: Table = OF_PROJECT.iter().filter_map(counted).collect();
    let groups = match counts_groups {
        true => table(project.get("dependency-groups")),
        false => Table::new(),
    };
    let poetry = table(project.get("tool").and_then(|tool| tool.get("poetry")));
    let is_alone = own.is_empty() && groups.is_empty();
    let mut tool: Vec<(&str, Option<&Value>)> = OF_POETRY.map(|name| (name, poetry.get(name))).into();
    tool.retain(|(_, value)| is_alone || value.is_some());
    tool.extend(poetry.get("group").map(|group| ("group", Some(group))));
    tool.sort_by_key(|(name, _)| *name);
    let tool = object(tool.iter().map(|(name, value)| {
        let written = value.map_or_else(|| "null".to_owned(), json);
        (*name, written)
    }));
    let whole = match is_alone {
        true => tool,
        false => {
            let mut parts = Vec::new();
            if !groups.is_empty() {
                parts.push(("dependency-groups", json(&Value::Table(groups))));
            }
            if !own.is_empty() {
                parts.push(("project", json(&Value::Table(own))));
            }
            parts.push(("tool", object([("poetry", tool)].into_iter())));
            object(parts.into_iter())
        }
    };
    base16ct::lower::encode_string(&Sha256::digest(whole))
}

/// An object of members that are sorted and written already.
fn object<'a>(members: impl Iterator<Item = (&'a str, String)>) -> String {
    let members: Vec<String> = members
        .map(|(name, value)| format!("{}: {value}", text(name)))
        .collect();
    format!("{{{}}}", members.join(", "))
}

fn json(value: &Value) -> String {
    match value {
        Value::String(words) => text(words),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) if number.is_finite() => repr(&PythonValue::Float(*number), Unicode::default()),
        Value::Float(number) if number.is_nan() => "NaN".into(),
        Value::Float(number) => if *number > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        Value::Boolean(is_true) => is_true.to_string(),
        // Poetry cannot write it, so no lock has the hash of one.
        Value::Datetime(moment) => text(&moment.to_string()),
        Value::Array(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => {
            let mut members: Vec<(&String, &Value)> = table.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            object(members.into_iter().map(|(name, value)| (name.as_str(), json(value))))
        }
    }
}

/// A string in ASCII.
fn text(words: &str) -> String {
    let mut written = String::from("\"");
    for c in words.chars() {
        match c {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            '\u{8}' => written.push_str("\\b"),
            '\u{c}' => written.push_str("\\f"),
            ' '..='~' => written.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(written, "\\u{unit:04x}");
                }
            }
        }
    }
    written.push('"');
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Projects, with the hashes that Poetry 2.2.1 and 2.3.2 compute of them.
    const POETRYS: [(&str, &str, &str); 7] = [
        (
            r#"
[project]
name = "a"
version = "1"
requires-python = ">=3.11"
dependencies = ["idna==3.7", "humanize>=4"]
[project.optional-dependencies]
color = ["colorama"]
"#,
            "e5339e9805d37d71b0780ec7f2d8b2c7ca959fbd88f2c2a73f791ed65767cf7e",
            "e5339e9805d37d71b0780ec7f2d8b2c7ca959fbd88f2c2a73f791ed65767cf7e",
        ),
        (
            r#"
[project]
name = "a"
requires-python = ">=3.11"
dependencies = []
[dependency-groups]
test = ["pytest", {include-group = "lint"}]
lint = ["ruff"]
[tool.poetry]
package-mode = false
"#,
            "f5666f5625d676c506924a57dc0520a1f3ed2b2c774baed3dc85353594f8473d",
            "ef781d92f1e07493d96030bf8851d231c2bdd6f9b5b1625c150ce56ea4bce277",
        ),
        (
            r#"
[dependency-groups]
dev = ["six"]
[tool.poetry]
name = "a"
[tool.poetry.dependencies]
python = "^3.11"
"#,
            "81b2fa642d7f2d1219cf80112ace12d689d053d81be7f7addb98144d56fc0fb2",
            "85fb1a76ef08b72d7d032a8e05dc3069e0c85c888f8e4c3c9605acfebcbffce8",
        ),
        (
            r#"
[tool.poetry]
name = "a"
[tool.poetry.dependencies]
python = "^3.11"
idna = {version = "3.7", optional = true, extras = ["x"]}
[tool.poetry.group.train.dependencies]
six = "*"
[tool.poetry.group.docs]
optional = true
[tool.poetry.extras]
all = ["idna"]
[[tool.poetry.source]]
name = "p"
url = "https://p.example.com/simple"
priority = "explicit"
"#,
            "f4a468ae2b7206c830b7f2a6d0d3a1ae7e2c2f54434179cb38499fa8aba22146",
            "f4a468ae2b7206c830b7f2a6d0d3a1ae7e2c2f54434179cb38499fa8aba22146",
        ),
        (
            r#"
[project]
name = "a"
dependencies = ["money"]
[tool.poetry.dependencies]
money = {path = "libs/money", develop = true}
[tool.poetry.dev-dependencies]
black = "24.1"
"#,
            "76a58cb68b61c1e70989d9cc0bba82666d52b02e25f5c5a56630094df0e2c82c",
            "76a58cb68b61c1e70989d9cc0bba82666d52b02e25f5c5a56630094df0e2c82c",
        ),
        (
            r#"
[build-system]
requires = ["poetry-core"]
"#,
            "115cf985d932e9bf5f540555bbdd75decbb62cac81e399375fc19f6277f8c1d8",
            "115cf985d932e9bf5f540555bbdd75decbb62cac81e399375fc19f6277f8c1d8",
        ),
        (
            r#"
[project]
requires-python = ">=3.11"
dependencies = ["caf\u00e9", "\U0001F600 \\ \"q\" \u007f \b\f\t\n\r\u001f"]
[tool.poetry.dependencies]
Z = "1"
a = "2"
"\u00e4" = [{version = "1", python = "<3.12"}, {version = "2.0"}]
n = {x = 1, y = 1.0, z = 1e16, t = true, u = -0.5, v = 1e-7, w = 123456789012345678}
"#,
            "2f22cbc7871e0922163198ada452a0ef1e3f66d0029aab6b0bc0a51d187b3a8a",
            "2f22cbc7871e0922163198ada452a0ef1e3f66d0029aab6b0bc0a51d187b3a8a",
        ),
    ];

    #[test]
    fn values_are_written_as_python_does() {
        let check = |value: &str, expect: &str| {
            let table: Table = toml::from_str(&format!("a = {value}")).unwrap();
            assert_eq!(json(&Value::Table(table)), format!("{{\"a\": {expect}}}"));
        };
        check("1.5", "1.5");
        check("inf", "Infinity");
        check("-inf", "-Infinity");
        check("nan", "NaN");
        check("[1, true, 'x']", "[1, true, \"x\"]");
        check("{c = 1, b = 2}", "{\"b\": 2, \"c\": 1}");
    }

    #[test]
    fn hashes_are_those_that_poetry_computes() {
        for (text, without_groups, with_groups) in POETRYS {
            let project: Table = toml::from_str(text).unwrap();
            assert_eq!(content_hash(&project, false), without_groups, "{text}");
            assert_eq!(content_hash(&project, true), with_groups, "{text}");
        }
    }
}
