//! What of the files that a spec copies does not go into the image as it is: what is left out, what gives way to other
//! files, and links that lead out of what is copied.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::glob::Patterns;
use crate::files::job::{Choice, CopiedPath, Copying, Fault, Problem};
use crate::files::tree::{Context, Lead, Notes, TreeEntry};
use crate::text::{below, relative_to};

/// A file or directory that is copied.
pub(super) struct Copied<'a> {
    context: &'a Context,
    /// Where it is, links resolved.
    real: PathBuf,
    /// Where it goes, relative to the root.
    target: String,
    /// What is not copied of it.
    exclude: Patterns,
}

impl<'a> Copied<'a> {
    pub(super) fn of_source(context: &'a Context, real: PathBuf, copying: &Copying) -> Self {
        Self {
            context,
            real,
            target: copying.target.clone(),
            exclude: Patterns::default(),
        }
    }

    pub(super) fn of_entry(context: &'a Context, real: PathBuf, entry: &CopiedPath) -> Result<Self, Problem> {
        let exclude = Patterns::docker(entry.exclude.iter().map(String::as_str));
        let own_name = || real.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let target = match entry.is_into && !real.is_dir() {
            true => below(&entry.target, entry.path.rsplit('/').next().unwrap_or_else(own_name)),
            false => entry.target.clone(),
        };
        Ok(Self {
            context,
            target,
            exclude: exclude.map_err(|error| Fault::Unreadable(error.to_string()).at(&entry.path))?,
            real,
        })
    }

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
        if relative_to(&self.target, owned).is_some() {
            choice.kept_out.push(String::new());
            return;
        }
        let Some(inside) = relative_to(owned, &self.target) else {
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
                if choice.leaves_out(&path) || self.exclude.matches(&path) || self.is_ignored(&path) {
                    return;
                }
                choice.leave_out(&path);
                choice.kept_out.push(path);
                return;
            }
        }
    }

    /// Whether the ignore file lets nothing through at a path in what is copied.
    fn is_ignored(&self, path: &str) -> bool {
        let path = self.real.join(path);
        let finds_nothing = || matches!(self.context.find(&path, &mut Notes::default()), Ok(TreeEntry::Nothing));
        self.context.leaves_out(&path) && finds_nothing()
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
                let (path, inside) = (directory.join(&name), below(&at, &name));
                if choice.leaves_out(&inside) || self.exclude.matches(&inside) {
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

    /// Leaves out of a source, which is at `real` and goes to `target`, what this brings to the same places: this wins.
    pub(super) fn replace(&self, real: &Path, target: &str, choice: &mut Choice) {
        if let Some(at) = relative_to(&self.target, target) {
            let theirs = if at.is_empty() { real.to_owned() } else { real.join(at) };
            self.replace_at("", &theirs, at, choice);
        } else if let Some(inside) = relative_to(target, &self.target) {
            self.replace_at(inside, real, "", choice);
        }
    }

    /// `inside` is a path in what this brings, `at` the same in the source, where `theirs` is.
    fn replace_at(&self, inside: &str, theirs: &Path, at: &str, choice: &mut Choice) {
        // A path joined with nothing would be that of a directory.
        let ours = match inside {
            "" => self.real.clone(),
            inside => self.real.join(inside),
        };
        let (Ok(our_kind), Ok(their_kind)) = (fs::symlink_metadata(&ours), fs::symlink_metadata(theirs)) else {
            return;
        };
        let is_out = self.exclude.matches(inside) || (!our_kind.is_dir() && self.context.leaves_out(&ours));
        if is_out || ours == theirs || choice.leaves_out(at) {
            return;
        }
        if !(our_kind.is_dir() && their_kind.is_dir()) {
            choice.leave_out(at);
            return;
        }
        for entry in fs::read_dir(&ours).into_iter().flatten().flatten() {
            if let Ok(name) = entry.file_name().into_string() {
                self.replace_at(&below(inside, &name), &theirs.join(&name), &below(at, &name), choice);
            }
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
}
