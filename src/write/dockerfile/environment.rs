//! Edits of an environment that is not known: as words of `ENV`, and as lines of a shell.

use crate::plan::{Change, Edit, quote};
use crate::write::dockerfile::instruction::quoted;

/// The variables of an image after edits of its base's, in words of `ENV`, and the names that its base must not have: a
/// Dockerfile cannot take a variable out.
pub(super) fn image_environment(edits: &[Edit]) -> (Vec<(String, String)>, Vec<String>) {
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut gone: Vec<String> = Vec::new();
    // The entries that search paths have for certain.
    let mut entries: Vec<(&str, Vec<&str>)> = Vec::new();
    for edit in edits {
        let name = &edit.name;
        let has = |value: &str| {
            let known = entries
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, all)| all.as_slice());
            value.split(':').all(|entry| known.unwrap_or_default().contains(&entry))
        };
        match &edit.change {
            Change::Prepend { value } | Change::Append { value } if has(value) => continue,
            Change::Prepend { value } | Change::Append { value } | Change::Set { value } => {
                if matches!(edit.change, Change::Set { .. }) {
                    entries.retain(|(known, _)| known != name);
                }
                match entries.iter_mut().find(|(known, _)| known == name) {
                    Some((_, all)) => all.extend(value.split(':')),
                    None => entries.push((name, value.split(':').collect())),
                }
            }
            Change::Copy { .. } | Change::Unset => entries.retain(|(known, _)| known != name),
            // What joins an entry without a colon makes another of it.
            Change::Around { parts } if !are_apart(parts) => entries.retain(|(known, _)| known != name),
            Change::Default { .. } | Change::Around { .. } => {}
        }
        let known = variables
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone());
        let value = match (&edit.change, known) {
            (Change::Unset, _) => {
                variables.retain(|(known, _)| known != name);
                if !gone.contains(name) {
                    gone.push(name.clone());
                }
                continue;
            }
            (Change::Set { value }, _) => quoted(value),
            (Change::Default { .. }, Some(known)) => known,
            (Change::Default { value }, None) => format!("${{{name}:-{}}}", quoted(value)),
            (Change::Copy { from }, _) => match variables.iter().find(|(known, _)| known == from) {
                Some((_, value)) => value.clone(),
                None => format!("${{{from}}}"),
            },
            (Change::Around { parts }, known) => {
                let known = known.unwrap_or_else(|| format!("${{{name}}}"));
                parts.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(&known)
            }
            (Change::Prepend { value }, Some(known)) => format!("{}:{known}", quoted(value)),
            (Change::Prepend { value }, None) => format!("{}${{{name}:+:${name}}}", quoted(value)),
            (Change::Append { value }, Some(known)) => format!("{known}:{}", quoted(value)),
            (Change::Append { value }, None) => format!("${{{name}:+${name}:}}{}", quoted(value)),
        };
        gone.retain(|gone| gone != name);
        match variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => variables.push((name.clone(), value)),
        }
    }
    (variables, gone)
}

/// Whether all entries that parts are put around stay entries.
fn are_apart(parts: &[String]) -> bool {
    let last = parts.len().saturating_sub(1);
    parts.iter().enumerate().all(|(number, part)| {
        let (begins, ends) = (
            number == 0 || part.starts_with(':'),
            number == last || part.ends_with(':'),
        );
        part.is_empty() || (begins && ends)
    })
}

/// The same edits as lines of a shell.
pub(super) fn shell_environment(edits: &[Edit]) -> String {
    edits.iter().map(line).collect()
}

fn line(edit: &Edit) -> String {
    let name = &edit.name;
    match &edit.change {
        Change::Default { value } => format!("[ -n \"${{{name}:-}}\" ] || export {name}={}\n", quote(value)),
        Change::Set { value } => format!("export {name}={}\n", quote(value)),
        Change::Copy { from } => format!("[ -z \"${{{from}+x}}\" ] || export {name}=\"${from}\"\n"),
        Change::Unset => format!("unset {name}\n"),
        Change::Around { parts } => {
            let parts: Vec<String> = parts.iter().map(|part| quote(part)).collect();
            format!("export {name}={}\n", parts.join(&format!("\"${{{name}-}}\"")))
        }
        Change::Prepend { value } => unless_there(name, value, &format!("{}\"${{{name}:+:${name}}}\"", quote(value))),
        Change::Append { value } => unless_there(name, value, &format!("\"${{{name}:+${name}:}}\"{}", quote(value))),
    }
}

/// Sets a search path that does not have all of some entries.
fn unless_there(name: &str, entries: &str, value: &str) -> String {
    let has = |entry: &str| {
        format!(
            "case \":${{{name}-}}:\" in *:{}:*) true ;; *) false ;; esac",
            quote(entry)
        )
    };
    let has_all: Vec<String> = entries.split(':').map(has).collect();
    format!("{{ {}; }} || export {name}={value}\n", has_all.join(" && "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::edited;
    use proptest::prelude::*;
    use std::process::Command;

    fn edits() -> impl Strategy<Value = Vec<Edit>> {
        let name = prop::sample::select(vec!["A_", "B_"]);
        let value = "[a-z$'\"\\\\ ]{0,4}(:[a-z]{1,3})?";
        let change = prop_oneof![
            value.prop_map(|value| Change::Set { value }),
            "[a-z]{1,3}".prop_map(|value| Change::Default { value }),
            prop::sample::select(vec!["A_", "B_"]).prop_map(|from| Change::Copy { from: from.to_owned() }),
            Just(Change::Unset),
            prop::collection::vec("[a-z:$]{0,3}", 2..4).prop_map(|parts| Change::Around { parts }),
            "[a-z/]{1,3}(:[a-z]{1,3})?".prop_map(|value| Change::Prepend { value }),
            "[a-z/]{1,3}(:[a-z]{1,3})?".prop_map(|value| Change::Append { value }),
        ];
        let edit = (name, change).prop_map(|(name, change)| Edit {
            name: name.to_owned(),
            change,
        });
        prop::collection::vec(edit, 0..6)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_shell_makes_the_same_of_edits(edits in edits(), base in prop::option::of("[a-z:]{0,6}")) {
            let base: Vec<(String, String)> = base.into_iter().map(|value| ("A_".to_owned(), value)).collect();
            let lines = format!("set -eu\n{}exec env -0", shell_environment(&edits));
            let output = Command::new("/bin/sh").arg("-c").arg(lines).env_clear().env("PATH", "/usr/bin:/bin").envs(base.clone()).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let mut found: Vec<(String, String)> = said
                .split('\0')
                .filter_map(|pair| pair.split_once('='))
                .filter(|(name, _)| name.ends_with('_') && *name != "_")
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            found.sort();
            let mut expected = edited(&base, &edits);
            expected.sort();
            prop_assert_eq!(found, expected, "{}", String::from_utf8_lossy(&output.stderr));
        }
    }

    #[test]
    fn the_words_of_an_image_build_on_its_base() {
        let check = |edits: &[Edit], expect: &[(&str, &str)], gone: &[&str]| {
            let (found, names) = image_environment(edits);
            let expect: Vec<(String, String)> = expect
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            assert_eq!(
                (found, names),
                (expect, gone.iter().map(|name| (*name).to_owned()).collect())
            );
        };
        check(
            &Edit::of_base(),
            &[(
                "PATH",
                "${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}",
            )],
            &[],
        );
        check(&[Edit::set("A", "a\"b$c\\")], &[("A", "a\\\"b\\$c\\\\")], &[]);
        check(
            &[
                Edit::prepend("PATH", "/x"),
                Edit::text("PATH", "/y:$PATH"),
                Edit::append("PATH", "/z"),
            ],
            &[("PATH", "/y:/x${PATH:+:$PATH}:/z")],
            &[],
        );
        check(
            &[
                Edit::prepend("PATH", "/x"),
                Edit::prepend("PATH", "/y"),
                Edit::prepend("PATH", "/x"),
                Edit::append("PATH", "/y:/x"),
            ],
            &[("PATH", "/y:/x${PATH:+:$PATH}")],
            &[],
        );
        check(
            &[
                Edit::prepend("PATH", "/x"),
                Edit::text("PATH", "/y$PATH"),
                Edit::prepend("PATH", "/x"),
            ],
            &[("PATH", "/x:/y/x${PATH:+:$PATH}")],
            &[],
        );
        check(&[Edit::set("A", "1"), Edit::unset("A")], &[], &["A"]);
        check(&[Edit::unset("A"), Edit::set("A", "1")], &[("A", "1")], &[]);
    }
}
