//! Environments as edits: a plan does not know the environment of its base.

use serde::Serialize;

/// PATH in an image that does not set it.
pub(crate) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An edit of one variable. Edits are applied in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// The variable that changes.
    pub name: String,
    /// How it changes.
    #[serde(flatten)]
    pub change: Change,
}

/// How a variable changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "edit")]
pub enum Change {
    /// Gets a value if it is unset or empty.
    Default {
        /// What it is then.
        value: String,
    },
    /// Gets a value.
    Set {
        /// What it is afterwards, whatever it was.
        value: String,
    },
    /// Gets the current value of another variable.
    Copy {
        /// The other one; if it is unset, nothing changes.
        from: String,
    },
    /// Is removed.
    Unset,
    /// Is put between parts: `/x:$PATH` has the parts `/x:` and an empty one.
    Around {
        /// What the current value joins, two or more.
        parts: Vec<String>,
    },
    /// A search path gets entries before its own, unless it already has them all.
    Prepend {
        /// The entries, with `:` between them.
        value: String,
    },
    /// A search path gets entries after its own, unless it already has them all.
    Append {
        /// The entries, with `:` between them.
        value: String,
    },
}

impl Edit {
    /// The edits of every base: it gets a PATH if it has none.
    pub(crate) fn of_base() -> Vec<Self> {
        vec![Self::default("PATH", DEFAULT_PATH)]
    }

    fn new(name: &str, change: Change) -> Self {
        let name = name.to_owned();
        Self { name, change }
    }

    pub(crate) fn set(name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        Self::new(name, Change::Set { value })
    }

    pub(crate) fn default(name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        Self::new(name, Change::Default { value })
    }

    pub(crate) fn copy(name: &str, from: &str) -> Self {
        let from = from.to_owned();
        Self::new(name, Change::Copy { from })
    }

    pub(crate) fn unset(name: &str) -> Self {
        Self::new(name, Change::Unset)
    }

    pub(crate) fn prepend(name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        Self::new(name, Change::Prepend { value })
    }

    pub(crate) fn append(name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        Self::new(name, Change::Append { value })
    }

    /// A value from the spec: literal, except for the variable's references to itself.
    pub(crate) fn text(name: &str, text: &str) -> Self {
        let mut parts = split_at_itself(name, text);
        match (parts.pop(), parts.is_empty()) {
            (Some(value), true) => Self::set(name, value),
            (last, _) => {
                parts.extend(last);
                Self::new(name, Change::Around { parts })
            }
        }
    }

    /// The same change of another variable.
    pub(crate) fn renamed(self, to: &str) -> Self {
        Self::new(to, self.change)
    }

    /// The variable's value after the edit, given the current ones; `None` if it stays as it is.
    fn applied<'v>(&self, value_of: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
        let known = value_of(&self.name).unwrap_or("");
        let has_all = |entries: &str| {
            let has = |entry: &str| known.split(':').any(|known| known == entry);
            entries.split(':').all(has)
        };
        match &self.change {
            Change::Default { value } => known.is_empty().then(|| value.clone()),
            Change::Set { value } => Some(value.clone()),
            Change::Copy { from } => value_of(from).map(str::to_owned),
            Change::Unset => None,
            Change::Around { parts } => Some(parts.join(known)),
            Change::Prepend { value } | Change::Append { value } if has_all(value) => None,
            Change::Prepend { value } | Change::Append { value } if known.is_empty() => Some(value.clone()),
            Change::Prepend { value } => Some(format!("{value}:{known}")),
            Change::Append { value } => Some(format!("{known}:{value}")),
        }
    }
}

/// An environment changed by edits, in the order in which its names were first set.
#[must_use]
pub fn edited<'e>(
    environment: &[(String, String)],
    edits: impl IntoIterator<Item = &'e Edit>,
) -> Vec<(String, String)> {
    let mut variables = environment.to_vec();
    for edit in edits {
        if edit.change == Change::Unset {
            variables.retain(|(known, _)| *known != edit.name);
        }
        let value_of = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        let Some(value) = edit.applied(value_of) else { continue };
        match variables.iter_mut().find(|(known, _)| *known == edit.name) {
            Some((_, old)) => *old = value,
            None => variables.push((edit.name.clone(), value)),
        }
    }
    variables
}

/// A text split at the references of a variable to itself.
fn split_at_itself(name: &str, text: &str) -> Vec<String> {
    let mut parts = vec![String::with_capacity(text.len())];
    let mut rest = text;
    let push = |parts: &mut Vec<String>, text: &str| {
        if let Some(last) = parts.last_mut() {
            last.push_str(text);
        }
    };
    while let Some(at) = rest.find('$') {
        push(&mut parts, rest.get(..at).unwrap_or(""));
        let after = rest.get(at + 1..).unwrap_or("");
        let braced = after
            .strip_prefix('{')
            .and_then(|r| r.strip_prefix(name))
            .and_then(|r| r.strip_prefix('}'));
        let bare = after
            .strip_prefix(name)
            .filter(|r| !r.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
        match braced.or(bare) {
            Some(tail) => {
                parts.push(String::new());
                rest = tail;
            }
            None => {
                push(&mut parts, "$");
                rest = after;
            }
        }
    }
    push(&mut parts, rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_after(current: &str, edit: &Edit) -> String {
        let environment = [("PATH".to_owned(), current.to_owned())];
        let edited = edited(&environment, [edit]);
        edited.into_iter().find(|(name, _)| name == "PATH").unwrap().1
    }

    #[test]
    fn values_are_literal_except_for_self_references() {
        let check = |text: &str, expect: &str| assert_eq!(path_after("/bin", &Edit::text("PATH", text)), expect);
        check("/x:$PATH", "/x:/bin");
        check("/x:${PATH}:/y", "/x:/bin:/y");
        check("$PATH$PATH", "/bin/bin");
        check("$PATHS", "$PATHS");
        check("$HOME/bin", "$HOME/bin");
        check("a $", "a $");
        assert_eq!(Edit::text("A", "b"), Edit::set("A", "b"));
    }

    #[test]
    fn a_variable_can_follow_another_and_go() {
        let base = [("PATH".to_owned(), "/bin".to_owned())];
        let edits = [
            Edit::copy("LOGIN", "PATH"),
            Edit::text("PATH", "/x:$PATH").renamed("LOGIN"),
            Edit::copy("OTHER", "MISSING"),
        ];
        let login = ("LOGIN".to_owned(), "/x:/bin".to_owned());
        let both = [base.to_vec(), vec![login.clone()]].concat();
        assert_eq!(edited(&base, &edits), both);
        assert_eq!(edited(&both, &[Edit::unset("PATH"), Edit::unset("MISSING")]), [login]);
    }

    #[test]
    fn search_paths_have_an_entry_once() {
        let check = |current: &str, edit: Edit, expect: &str| assert_eq!(path_after(current, &edit), expect);
        check("/bin", Edit::prepend("PATH", "/x"), "/x:/bin");
        check("/bin:/x", Edit::prepend("PATH", "/x"), "/bin:/x");
        check("/bin", Edit::append("PATH", "/x:/y"), "/bin:/x:/y");
        check("/x:/bin:/y", Edit::append("PATH", "/x:/y"), "/x:/bin:/y");
        check("", Edit::append("PATH", "/x"), "/x");
        for edit in Edit::of_base() {
            check("/bin", edit.clone(), "/bin");
            check("", edit, DEFAULT_PATH);
        }
    }
}
