//! What of the files that a spec copies does not go into the image as it is: what is left out, what gives way to other
//! files, and links that lead out of what is copied.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::files::job::{Choice, Copying, Examples, Problem};
use crate::files::tree::{Context, Lead, Notes};

/// A file or directory that is copied.
pub(super) struct Copied<'a> {
    pub(super) context: &'a Context,
    /// Where it is, links resolved.
    pub(super) real: PathBuf,
    /// Its path where files go; empty for all that is there.
    pub(super) target: &'a str,
}

impl Copied<'_> {
    /// Leaves out what would replace the owned paths, and replaces links that lead out of what is copied.
    pub(super) fn choose(&self, copying: &Copying, choice: &mut Choice, notes: &mut Notes) -> Result<(), Problem> {
        for owned in &copying.owned {
            self.keep_out(owned, choice);
        }
        if self.real.is_dir() {
            self.links("", &mut vec![self.real.clone()], choice, notes)?;
        }
        Ok(())
    }

    /// Leaves out what would replace a path that something else owns, or go below it.
    fn keep_out(&self, owned: &str, choice: &mut Choice) {
        if below(self.target, owned).is_some() {
            choice.kept_out.insert(String::new());
            return;
        }
        let Some(inside) = below(owned, self.target) else {
            return;
        };
        let mut path = String::new();
        for part in inside.split('/') {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(part);
            let Ok(metadata) = fs::symlink_metadata(self.real.join(&path)) else {
                return;
            };
            if path == inside || !metadata.is_dir() {
                choice.leave_out(path.clone());
                choice.kept_out.insert(path);
                return;
            }
        }
    }

    /// Finds links that lead out of the last of `tops`, which is at a path in what is copied.
    fn links(&self, at: &str, tops: &mut Vec<PathBuf>, choice: &mut Choice, notes: &mut Notes) -> Result<(), Problem> {
        let mut stack: Vec<(PathBuf, String)> = tops
            .last()
            .map(|top| (top.clone(), at.to_owned()))
            .into_iter()
            .collect();
        while let Some((directory, at)) = stack.pop() {
            let error = |error| self.context.unreadable(&directory, &error);
            let mut entries: BTreeMap<String, fs::FileType> = BTreeMap::new();
            for entry in fs::read_dir(&directory).map_err(error)? {
                let entry = entry.map_err(error)?;
                // Names that are not text are errors of those who hash them.
                if let Ok(name) = entry.file_name().into_string() {
                    entries.insert(name, entry.file_type().map_err(error)?);
                }
            }
            for (name, kind) in entries {
                let (path, inside) = (directory.join(&name), join(&at, &name));
                if choice.leaves_out(&inside) {
                    continue;
                }
                if kind.is_dir() {
                    stack.push((path, inside));
                } else if kind.is_symlink() && !self.context.leaves_out(&path) {
                    self.link(&path, &inside, tops, choice, notes)?;
                }
            }
        }
        Ok(())
    }

    fn link(
        &self,
        path: &Path,
        inside: &str,
        tops: &mut Vec<PathBuf>,
        choice: &mut Choice,
        notes: &mut Notes,
    ) -> Result<(), Problem> {
        match self.context.lead(path, tops, notes)? {
            Lead::Inside => {}
            Lead::Nowhere => choice.broken.add(&self.context.relative(path)),
            Lead::Out(target, kind) => {
                choice.links.insert(inside.to_owned(), self.context.relative(&target));
                if kind.is_dir() {
                    choice.directories.add(&self.context.relative(path));
                    tops.push(target);
                    self.links(inside, tops, choice, notes)?;
                    tops.pop();
                }
            }
        }
        Ok(())
    }
}

/// Leaves out of a source what `copy` brings to the same places: that wins.
pub(super) fn give_way(copied: &Path, source: &Path, at: &str, choice: &mut Choice) {
    let Ok(theirs) = fs::symlink_metadata(source) else {
        return;
    };
    let Ok(ours) = fs::symlink_metadata(copied) else {
        return;
    };
    if copied == source || choice.leaves_out(at) {
        return;
    }
    if !(ours.is_dir() && theirs.is_dir()) {
        choice.leave_out(at.to_owned());
        return;
    }
    for entry in fs::read_dir(copied).into_iter().flatten().flatten() {
        if let Ok(name) = entry.file_name().into_string() {
            give_way(&copied.join(&name), &source.join(&name), &join(at, &name), choice);
        }
    }
}

/// The shortest list of paths that leaves out the same files: whole directories where nothing in them is left.
/// `files` are all files, and whether each is left out.
pub(super) fn shortest<'f>(files: impl IntoIterator<Item = (&'f str, bool)>) -> Vec<String> {
    // For each directory: whether something in it stays.
    let mut stays: BTreeMap<&str, bool> = BTreeMap::new();
    let mut out = Vec::new();
    for (file, is_out) in files {
        for (at, _) in file.match_indices('/') {
            *stays.entry(file.get(..at).unwrap_or("")).or_default() |= !is_out;
        }
        if is_out {
            out.push(file);
        }
    }
    let whole = |file: &str| {
        let mut above = file.match_indices('/').filter_map(|(at, _)| file.get(..at));
        above.find(|above| stays.get(above) == Some(&false)).map(str::to_owned)
    };
    let mut paths: Vec<String> = out
        .into_iter()
        .map(|file| whole(file).unwrap_or_else(|| file.to_owned()))
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// What a path is relative to another one, if it is that or below it; empty paths are above all.
fn below<'p>(path: &'p str, above: &str) -> Option<&'p str> {
    match path.strip_prefix(above)? {
        "" => Some(""),
        _ if above.is_empty() => Some(path),
        rest => rest.strip_prefix('/'),
    }
}

fn join(directory: &str, name: &str) -> String {
    match directory {
        "" => name.to_owned(),
        directory => format!("{directory}/{name}"),
    }
}

impl Examples {
    pub(super) fn add(&mut self, name: &str) {
        self.first.get_or_insert_with(|| name.to_owned());
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_directories_are_left_out_as_one() {
        let files = [
            ("a/b/c", true),
            ("a/b/d/e", true),
            ("a/f", false),
            ("g", true),
            ("h/i", true),
        ];
        assert_eq!(shortest(files), ["a/b", "g", "h"]);
    }

    #[test]
    fn paths_are_below_others() {
        for (path, above, expect) in [
            ("a/b", "a", Some("b")),
            ("a", "a", Some("")),
            ("a", "", Some("a")),
            ("ab", "a", None),
            ("a", "a/b", None),
        ] {
            assert_eq!(below(path, above), expect, "{path} {above}");
        }
    }
}
