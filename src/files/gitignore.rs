//! What git ignores, for where git itself cannot be asked: by the `.gitignore` files alone, without an index.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The `.gitignore` files that apply to a directory and what is below it, by the directory that each stands in.
#[derive(Default)]
pub(super) struct GitIgnore(BTreeMap<PathBuf, Gitignore>);

impl GitIgnore {
    /// Adds the `.gitignore` of a directory, if it has one.
    pub(super) fn add(&mut self, directory: &Path) {
        let file = directory.join(".gitignore");
        if !file.is_file() || self.0.contains_key(directory) {
            return;
        }
        let mut builder = GitignoreBuilder::new(directory);
        // A malformed line matches nothing, for git too.
        drop(builder.add(file));
        if let Ok(rules) = builder.build() {
            self.0.insert(directory.to_owned(), rules);
        }
    }

    /// Whether no `.gitignore` was found.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether git ignores a file, or a directory above it that is below `top`.
    pub(super) fn ignores(&self, top: &Path, file: &Path) -> bool {
        let above = file.ancestors().skip(1).take_while(|path| *path != top);
        above.into_iter().any(|directory| self.rule(directory, true)) || self.rule(file, false)
    }

    /// The deepest `.gitignore` with a rule for a path decides.
    fn rule(&self, path: &Path, is_directory: bool) -> bool {
        path.ancestors()
            .skip(1)
            .filter_map(|directory| self.0.get(directory))
            .map(|rules| rules.matched(path, is_directory))
            .find(|matched| !matched.is_none())
            .is_some_and(|matched| matched.is_ignore())
    }
}

/// Whether git prints a name with escapes, which flytekit does not undo.
pub(super) fn is_quoted_by_git(name: &str) -> bool {
    name.bytes()
        .any(|byte| !(b' '..0x7f).contains(&byte) || matches!(byte, b'"' | b'\\'))
}
