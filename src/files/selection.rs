//! What of the files that a spec copies does not go into the image as it is: what is left out, what gives way to other
//! files, and links that lead out of what is copied.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::job::{Choice, Copying, Problem};
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
            choice.kept_out.push(String::new());
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
                choice.leave_out(&path);
                choice.kept_out.push(path);
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
            let mut entries: Vec<(String, fs::FileType)> = Vec::new();
            for entry in fs::read_dir(&directory).map_err(error)? {
                let entry = entry.map_err(error)?;
                // Names that are not text are errors of those who hash them.
                if let Ok(name) = entry.file_name().into_string() {
                    entries.push((name, entry.file_type().map_err(error)?));
                }
            }
            entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
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
            Lead::Nowhere => choice.broken.push(self.context.relative(path)),
            Lead::Out(target, kind) => {
                choice.links.push(inside.to_owned());
                choice.targets.push(self.context.relative(&target));
                if kind.is_dir() {
                    choice.directories.push(inside.to_owned());
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
pub(super) fn give_way(context: &Context, copied: &Path, source: &Path, at: &str, choice: &mut Choice) {
    let Ok(theirs) = fs::symlink_metadata(source) else {
        return;
    };
    let Ok(ours) = fs::symlink_metadata(copied) else {
        return;
    };
    let is_out = !ours.is_dir() && context.leaves_out(copied);
    if is_out || copied == source || choice.leaves_out(at) {
        return;
    }
    if !(ours.is_dir() && theirs.is_dir()) {
        choice.leave_out(at);
        return;
    }
    for entry in fs::read_dir(copied).into_iter().flatten().flatten() {
        if let Ok(name) = entry.file_name().into_string() {
            let (copied, source) = (copied.join(&name), source.join(&name));
            give_way(context, &copied, &source, &join(at, &name), choice);
        }
    }
}

/// The shortest list of paths that leaves out the same files: whole directories where nothing in them is left.
/// `files` are all files in order, and whether each is left out.
pub(super) fn shortest<'f>(files: impl IntoIterator<Item = (&'f str, bool)>) -> Vec<String> {
    let (out, mut kept): (Vec<_>, Vec<_>) = files.into_iter().partition(|(_, is_out)| *is_out);
    kept.sort_unstable();
    let has_kept = |directory: &str| {
        let below = format!("{directory}/");
        let first = kept.partition_point(|(file, _)| *file < below.as_str());
        kept.get(first).is_some_and(|(file, _)| file.starts_with(&below))
    };
    let mut paths: Vec<String> = Vec::new();
    for (file, _) in out {
        let mut above = file.match_indices('/').filter_map(|(at, _)| file.get(..at));
        paths.push(above.find(|above| !has_kept(above)).unwrap_or(file).to_owned());
    }
    paths.sort_unstable();
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
