//! What is in an archive: paths in their order, and where each comes from.

use std::collections::BTreeMap;
use std::fs::{self, FileType};
use std::path::{Path, PathBuf};

use crate::cli::archive::added::Added;
use crate::cli::archive::kept::Kept;
use crate::cli::archive::ours::Ours;
use crate::cli::disk::cannot;
use crate::text::{Diagnostic, ProblemKind};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
    Link,
}

/// A path on the disk that becomes an entry.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) source: PathBuf,
}

/// Entries by their paths, in the order of their bytes. All directories above an entry are there.
#[derive(Debug, Default)]
pub(crate) struct Entries(BTreeMap<String, Entry>);

impl Entries {
    /// What a directory has, without what is not kept and without archives of it. Sockets, pipes and devices are passed
    /// over; links are not followed.
    pub(crate) fn of_directory(root: &Path, kept: &Kept, ours: Option<&Ours>) -> Result<Self, Diagnostic> {
        let mut found = Self::default();
        let mut left = vec![PathBuf::new()];
        while let Some(directory) = left.pop() {
            let place = root.join(&directory);
            let unreadable = |error| cannot("read", &place, error);
            for entry in fs::read_dir(&place).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                let Some(kind) = Kind::of(entry.file_type().map_err(unreadable)?) else {
                    continue;
                };
                let path = directory.join(entry.file_name());
                let source = root.join(&path);
                // Patterns also decide on names that no archive could have.
                let name = path.to_string_lossy();
                let is_taken = kept.has(&name) && !ours.is_some_and(|ours| ours.has(&source));
                if is_taken {
                    let name = path.to_str().ok_or_else(|| not_utf8(&source))?;
                    found.put(name, Entry { kind, source }, root)?;
                }
                if kind == Kind::Directory && (is_taken || kept.may_have_below(&name)) {
                    left.push(path);
                }
            }
        }
        Ok(found)
    }

    /// Adds a file or directory; files and links that have the same path are replaced.
    pub(crate) fn add(&mut self, added: &Added) -> Result<(), Diagnostic> {
        let Added {
            source, destination, ..
        } = added;
        let metadata = fs::metadata(source).map_err(|error| cannot("read", source, error))?;
        if metadata.is_dir() {
            let below = Self::of_directory(source, &Kept::default(), None)?;
            if !destination.is_empty() {
                self.put(destination, Entry::directory(source), source)?;
            }
            for (path, entry) in below.0 {
                let path = match destination.as_str() {
                    "" => path,
                    directory => format!("{directory}/{path}"),
                };
                self.put(&path, entry, source)?;
            }
            return Ok(());
        }
        if !metadata.is_file() {
            let message = format!("{} is neither a file nor a directory", source.display());
            return Err(Diagnostic::error("add", message));
        }
        if added.is_directory {
            let message = format!("{} is a file, and its destination a directory", source.display());
            return Err(Diagnostic::error("add", message).help("name the whole path that it gets in the archive"));
        }
        let entry = Entry {
            kind: Kind::File,
            source: source.clone(),
        };
        self.put(destination, entry, source)
    }

    /// Everything, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// Puts an entry at a path, and directories above it. `above` is a directory to tell of them.
    fn put(&mut self, path: &str, entry: Entry, above: &Path) -> Result<(), Diagnostic> {
        for (at, _) in path.match_indices('/') {
            let parent = path.get(..at).unwrap_or("");
            let known = self.0.entry(parent.to_owned());
            let known = known.or_insert_with(|| Entry::directory(above));
            if known.kind != Kind::Directory {
                return Err(conflict(path, parent, "is not a directory"));
            }
        }
        match self.0.get(path) {
            Some(known) if known.kind == Kind::Directory && entry.kind != Kind::Directory => {
                return Err(conflict(path, path, "is a directory"));
            }
            Some(known) if known.kind != Kind::Directory && entry.kind == Kind::Directory => {
                return Err(conflict(path, path, "is not a directory"));
            }
            _ => {}
        }
        self.0.insert(path.to_owned(), entry);
        Ok(())
    }
}

impl Kind {
    fn of(kind: FileType) -> Option<Self> {
        if kind.is_dir() {
            Some(Self::Directory)
        } else if kind.is_file() {
            Some(Self::File)
        } else if kind.is_symlink() {
            Some(Self::Link)
        } else {
            None
        }
    }
}

impl Entry {
    fn directory(source: &Path) -> Self {
        Self {
            kind: Kind::Directory,
            source: source.to_owned(),
        }
    }
}

/// An added path does not fit with another one.
fn conflict(path: &str, other: &str, what: &str) -> Diagnostic {
    Diagnostic::error("add", format!("{path} cannot be added: {other} {what}")).help("choose another destination")
}

fn not_utf8(path: &Path) -> Diagnostic {
    let message = format!("the name of {} is not UTF-8 text", path.display());
    Diagnostic::error("file-name", message)
        .kind(ProblemKind::FileName)
        .help("rename it, or leave it out by an ignore file")
}
