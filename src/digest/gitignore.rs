//! What git leaves out, where git itself cannot be asked: the `.gitignore` files alone, without index.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The `.gitignore` files that apply to a directory and what is below it.
#[derive(Default)]
pub struct GitIgnore {
    /// Each with the directory that it stands in; the deepest last.
    files: Vec<(PathBuf, Gitignore)>,
}

impl GitIgnore {
    /// Adds the file of a directory, if there is one.
    pub fn add(&mut self, directory: &Path) {
        let file = directory.join(".gitignore");
        if !file.is_file() || self.files.iter().any(|(known, _)| known == directory) {
            return;
        }
        let mut builder = GitignoreBuilder::new(directory);
        // A line that is no pattern matches nothing, for git too.
        drop(builder.add(file));
        if let Ok(rules) = builder.build() {
            self.files.push((directory.to_owned(), rules));
        }
    }

    /// Whether there is any file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether git leaves a file out: its path or a directory above it, below `top`, is ignored.
    pub fn ignores(&self, top: &Path, file: &Path) -> bool {
        let mut above: Vec<&Path> = file.ancestors().skip(1).take_while(|path| *path != top).collect();
        above.reverse();
        above.iter().any(|directory| self.rule(directory, true)) || self.rule(file, false)
    }

    /// The deepest file that has a word on a path decides.
    fn rule(&self, path: &Path, is_directory: bool) -> bool {
        let applying = self.files.iter().filter(|(directory, _)| path.starts_with(directory));
        let mut decisions: Vec<(usize, bool)> = applying
            .filter_map(|(directory, rules)| {
                let decided = rules.matched(path, is_directory);
                let depth = directory.components().count();
                (!decided.is_none()).then(|| (depth, decided.is_ignore()))
            })
            .collect();
        decisions.sort_unstable();
        decisions.last().is_some_and(|(_, ignored)| *ignored)
    }
}

/// Whether git writes a name with escapes, which flytekit does not recognise.
pub fn is_quoted_by_git(name: &str) -> bool {
    name.bytes()
        .any(|byte| !(b' '..0x7f).contains(&byte) || matches!(byte, b'"' | b'\\'))
}
