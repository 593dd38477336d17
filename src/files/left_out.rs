//! What a source tree leaves out: by git's rules, those of `.dockerignore`, and flytekit's standard list.

use std::collections::BTreeSet;
use std::path::Path;

use crate::files::gitignore::{GitIgnore, is_quoted_by_git};
use crate::files::glob::Patterns;
use crate::files::paths::pathlib;
use crate::files::repository::Repository;

/// Whose rules decide what a source tree leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// flytekit's, which see paths with a relative root in front.
    Current,
    /// flytekit 1.13's, which count `.git`.
    Old,
    /// flytekit's, but for paths relative to the root.
    Plain,
}

impl Rules {
    /// Those for what is copied.
    pub(super) fn of_copies(is_prefixed: bool) -> Self {
        if is_prefixed { Self::Current } else { Self::Plain }
    }

    /// What stands before the paths that they see: a relative root.
    pub(super) fn prefix(self, root: &str) -> String {
        match root {
            _ if Path::new(root).is_absolute() || self != Self::Current => String::new(),
            root if root.ends_with('/') => root.to_owned(),
            root => format!("{root}/"),
        }
    }
}

/// What is known of what git ignores.
pub(super) enum Git {
    /// What git prints.
    Asked(BTreeSet<String>),
    /// A repository's index and the rules of ignore files.
    Read(Repository, GitIgnore),
    /// The rules alone, which mean nothing without a repository.
    Unknown(GitIgnore),
}

/// Whether a file is in a repository below the source, which git does not look into.
fn is_in_other(repositories: &[String], source: &Path, file: &Path) -> bool {
    let tops = repositories.iter().filter_map(|git| git.strip_suffix("/.git"));
    tops.into_iter().any(|top| file.starts_with(source.join(top)))
}

/// What no copy of a source takes, by patterns.
pub(super) fn is_never_copied(path: &str) -> bool {
    path.ends_with(".pyc") || path.split('/').any(|part| part == "__pycache__")
}

/// The last component, as Python's `os.path.basename` has it.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// flytekit's standard list, `*` and `**` alike matching everything.
fn is_standard(path: &str) -> bool {
    path.ends_with(".pyc")
        || path == ".cache"
        || path.starts_with(".cache/")
        || path.starts_with("__pycache__/")
        || path.contains("/__pycache__/")
}

/// The rules for one source tree.
pub(super) struct LeftOut<'a> {
    /// The root of the build context.
    pub(super) context: &'a Path,
    /// The directory of the source.
    pub(super) source: &'a Path,
    /// What stands before paths.
    pub(super) prefix: String,
    pub(super) rules: Rules,
    pub(super) git: Git,
    /// Those of `.dockerignore` in the source.
    pub(super) patterns: Patterns,
    /// Git's own directories in it.
    pub(super) repositories: &'a [String],
}

impl LeftOut<'_> {
    /// Whether a path, relative to the source, is left out.
    pub(super) fn has(&self, name: &str) -> bool {
        let path = format!("{}{name}", self.prefix);
        let printed = pathlib(&path);
        let file = self.source.join(&printed);
        let by_git = match &self.git {
            Git::Asked(listed) => listed.contains(&printed),
            Git::Read(repository, rules) => {
                is_printed(&printed, &file)
                    && !is_in_other(self.repositories, self.source, &file)
                    && repository.ignores(rules, &file)
            }
            Git::Unknown(_) => false,
        };
        // Elsewhere than with flytekit, nothing of git's own goes anywhere.
        let is_gits = self.rules == Rules::Plain && base_name(name) == ".git";
        by_git || is_gits || self.patterns.matches(&path) || is_standard(&path)
    }

    /// Whether git would leave a file out if there were a repository.
    pub(super) fn would_have(&self, name: &str) -> bool {
        let Git::Unknown(rules) = &self.git else { return false };
        let printed = pathlib(&format!("{}{name}", self.prefix));
        let file = self.source.join(&printed);
        is_printed(&printed, &file) && rules.ignores(self.context, &file)
    }
}

/// Whether git would print a path, relative to the source. A link may lead to nothing here.
fn is_printed(path: &str, file: &Path) -> bool {
    !is_quoted_by_git(path) && file.symlink_metadata().is_ok()
}
