//! The content of a lock as lines to hash: equal for locks that install the same, however they are written.

use crate::python::lock::pylock::Pylock;
use crate::python::requirements::{RequirementsFile, logical_lines, normalised, plain_text};

/// The content of a lock, one entry a line, whatever its format.
///
/// # Errors
/// Names what leaves room for choice.
pub(crate) fn locked(path: &str, text: &str, must_have: Option<&str>) -> Result<Vec<String>, String> {
    match RequirementsFile::of(path) {
        RequirementsFile::Lines => locked_requirements(text, must_have),
        RequirementsFile::Pylock => locked_packages(text, must_have),
        RequirementsFile::UvLock | RequirementsFile::PoetryLock => locked_project(text, must_have),
        RequirementsFile::Project => Err("a project leaves versions open".into()),
    }
}

/// The packages of a `pylock.toml`.
///
/// # Errors
/// Names what leaves room for choice.
pub(crate) fn locked_packages(text: &str, must_have: Option<&str>) -> Result<Vec<String>, String> {
    let lock = Pylock::parse(text).map_err(|error| error.to_string())?;
    if let Some(path) = lock.paths().next() {
        return Err(format!("what is in `{path}` is not locked"));
    }
    match must_have.filter(|name| lock.versions_of(name).next().is_none()) {
        Some(name) => Err(without(name)),
        None => Ok(lock.content()),
    }
}

/// The lines of a lock of uv's or Poetry's, as the tool wrote them.
fn locked_project(text: &str, must_have: Option<&str>) -> Result<Vec<String>, String> {
    let text = plain_text(text);
    let lock: toml::Table = toml::from_str(&text).map_err(|error| error.message().to_owned())?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let mut names = Vec::new();
    for package in packages.into_iter().flatten() {
        let source = package.get("source");
        let said = |key: &str| source?.get(key)?.as_str();
        let of_poetry = said("url").filter(|_| said("type") == Some("directory"));
        let place = ["editable", "directory", "path"]
            .into_iter()
            .find_map(said)
            .or(of_poetry);
        if let Some(path) = place.filter(|path| *path != ".") {
            return Err(format!("what is in `{path}` is not locked"));
        }
        names.extend(package.get("name").and_then(toml::Value::as_str).map(normalised));
    }
    match must_have.filter(|wanted| !names.iter().any(|name| name == wanted)) {
        Some(name) => Err(without(name)),
        None => Ok(text.lines().map(str::to_owned).collect()),
    }
}

fn without(name: &str) -> String {
    format!("it does not have {name}, which the flyte profile installs")
}

/// The requirements, one a line and sorted, without options that do not change what is installed.
///
/// # Errors
/// Names what leaves room for choice.
pub(super) fn locked_requirements(text: &str, must_have: Option<&str>) -> Result<Vec<String>, String> {
    let lines = logical_lines(text);
    let mut requirements = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(first) = words.first() else {
            continue;
        };
        if first.starts_with('-') {
            let is_index = [
                "-i",
                "-f",
                "--index-url",
                "--extra-index-url",
                "--find-links",
                "--trusted-host",
            ]
            .iter()
            .any(|option| first == option || first.starts_with(&format!("{option}=")));
            if is_index || *first == "--require-hashes" {
                continue;
            }
            return Err(format!(
                "`{first}` on line {} does not fix what is installed",
                number + 1
            ));
        }
        if !words.iter().any(|word| word.starts_with("--hash=")) {
            return Err(format!("`{first}` on line {} has no --hash", number + 1));
        }
        requirements.push(words.join(" "));
    }
    if let Some(name) = must_have
        && !requirements.iter().any(|line| normalised(name_of(line)) == name)
    {
        return Err(without(name));
    }
    requirements.sort();
    Ok(requirements)
}

/// The name that a requirement begins with.
fn name_of(requirement: &str) -> &str {
    let end = requirement.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
    requirement
        .get(..end.unwrap_or(requirement.len()))
        .unwrap_or(requirement)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_what_it_says_not_how() {
        let one = "# made by uv\nb==2 \\\n    --hash=sha256:bb\na==1 --hash=sha256:aa  # via b\n";
        let other = "\u{feff}--index-url https://i/simple\r\na==1 --hash=sha256:aa\r\nb==2 --hash=sha256:bb";
        let lines = locked_requirements(one, None);
        assert_eq!(lines, locked_requirements(other, None));
        assert_eq!(
            lines,
            Ok(vec!["a==1 --hash=sha256:aa".into(), "b==2 --hash=sha256:bb".into()])
        );
        for (open, says) in [
            ("a==1", "`a==1` on line 1 has no --hash"),
            ("\n-r other.txt", "`-r` on line 2 does not fix what is installed"),
        ] {
            assert_eq!(locked_requirements(open, None), Err(says.into()));
        }
        // Comments hide nothing.
        for hidden in ["# note \\\nevil==6", "# x\revil==6"] {
            assert!(locked_requirements(hidden, None).is_err(), "{hidden:?}");
        }
        assert_eq!(
            locked_requirements("a==1 --hash=sha256:aa\t# x", None).unwrap(),
            ["a==1 --hash=sha256:aa"]
        );
        assert_eq!(
            locked_requirements("a==1 \\\n  --hash=x\nb", None),
            Err("`b` on line 3 has no --hash".into())
        );
        assert!(locked_requirements("Fly_Tekit==1 --hash=x", Some("fly-tekit")).is_ok());
        assert!(locked_requirements(one, Some("flytekit")).is_err());
        assert!(locked_requirements(one, Some("a")).is_ok());
    }

    #[test]
    fn a_directory_is_not_locked_by_the_lock_that_names_it() {
        let poetry = |kind: &str| {
            format!(
                "[[package]]\nname = \"near\"\nversion = \"1\"\n[package.source]\ntype = \"{kind}\"\nurl = \"libs/near\"\n"
            )
        };
        let expect = Err("what is in `libs/near` is not locked".to_owned());
        assert_eq!(locked("poetry.lock", &poetry("directory"), None), expect);
        assert!(
            locked("poetry.lock", &poetry("file"), None).is_ok(),
            "it has the file's hash"
        );
    }
}
