//! What `.gitignore` files say, for where git itself cannot be asked.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The rules of `.gitignore` files that apply to a directory and what is below it, by the directory that each stands in,
/// the weakest first.
#[derive(Default)]
pub(super) struct GitIgnore(BTreeMap<PathBuf, Vec<Gitignore>>);

impl GitIgnore {
    /// Adds the rules in a file, which stand in a directory and are weaker than those that are there already.
    pub(super) fn add_file(&mut self, directory: &Path, file: &Path) {
        // Git does not follow links here.
        if !fs::symlink_metadata(file).is_ok_and(|metadata| metadata.is_file()) {
            return;
        }
        let mut builder = GitignoreBuilder::new(directory);
        // A malformed line matches nothing, for git too.
        drop(builder.add(file));
        if let Ok(rules) = builder.build() {
            self.0.entry(directory.to_owned()).or_default().push(rules);
        }
    }

    /// Whether git ignores a file, or a directory above it that is below `top`, if it does not track the file.
    pub(super) fn ignores(&self, top: &Path, file: &Path) -> bool {
        let above = file.ancestors().skip(1).take_while(|path| *path != top);
        above.into_iter().any(|directory| self.rule(top, directory, true)) || self.rule(top, file, false)
    }

    /// The deepest file with a rule for a path decides.
    fn rule(&self, top: &Path, path: &Path, is_directory: bool) -> bool {
        path.ancestors()
            .skip(1)
            .take_while(|directory| directory.starts_with(top))
            .filter_map(|directory| self.0.get(directory))
            .flatten()
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
