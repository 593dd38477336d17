//! Files of a context, copied elsewhere as a build would take them.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use crate::files::glob::{PatternError, Patterns};
use crate::files::tree::Context;

/// Files that cannot be copied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    /// A pattern that nobody can read.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A file or directory.
    #[error("cannot copy {path}")]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}

/// Copies a file of a context, or what is in a directory, to a path: without what patterns and the ignore file leave out, and
/// without a directory that is being written, links as links. Modes stay; times do not. Patterns are those of
/// `.dockerignore`, relative to the directory.
///
/// # Errors
/// When something cannot be read or written.
pub(crate) fn copy_exactly(
    context: &Context,
    source: &str,
    exclude: &[String],
    target: &Path,
    without: &Path,
) -> Result<(), CopyError> {
    let from = context.place(source);
    let failed = |error| CopyError::File {
        path: from.clone(),
        error,
    };
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    if !fs::metadata(&from).map_err(failed)?.is_dir() {
        return fs::copy(&from, target).map(drop).map_err(failed);
    }
    fs::create_dir_all(target).map_err(failed)?;
    let copying = Copying {
        context,
        from: &from,
        patterns: Patterns::docker(exclude.iter().map(String::as_str))?,
        target,
        without,
    };
    copying.directory(Path::new(""))
}

/// Gives a file, or a directory and all in it, modes by those that they have (and whether they are directories), and a time,
/// in seconds since 1970. Links get the time.
///
/// # Errors
/// When something cannot be changed.
pub(crate) fn settle(path: &Path, mode_of: impl Fn(u32, bool) -> u32 + Copy, time: i64) -> Result<(), CopyError> {
    let failed = |error| CopyError::File {
        path: path.to_owned(),
        error,
    };
    let status = fs::symlink_metadata(path).map_err(failed)?;
    if status.is_dir() {
        let entries: Vec<fs::DirEntry> = fs::read_dir(path).and_then(Iterator::collect).map_err(failed)?;
        for entry in entries {
            settle(&entry.path(), mode_of, time)?;
        }
    }
    if !status.is_symlink() {
        let mode = mode_of(status.permissions().mode(), status.is_dir());
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)?;
    }
    let time = Timespec {
        tv_sec: time,
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| failed(error.into()))
}

struct Copying<'a> {
    context: &'a Context,
    from: &'a Path,
    patterns: Patterns,
    target: &'a Path,
    without: &'a Path,
}

impl Copying<'_> {
    /// Copies what is in a directory, which may itself be left out.
    fn directory(&self, inside: &Path) -> Result<(), CopyError> {
        let place = self.from.join(inside);
        let failed = |error| CopyError::File {
            path: place.clone(),
            error,
        };
        let mut entries: Vec<fs::DirEntry> = fs::read_dir(&place).and_then(Iterator::collect).map_err(failed)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = inside.join(entry.file_name());
            if entry.path().canonicalize().is_ok_and(|place| place == self.without) {
                continue;
            }
            let kind = entry.file_type().map_err(failed)?;
            let is_taken = !self.context.leaves_out(&entry.path()) && !self.patterns.matches(&path.to_string_lossy());
            let target = self.target.join(&path);
            if is_taken && let Some(parent) = target.parent() {
                fs::create_dir_all(parent).map_err(failed)?;
            }
            if kind.is_dir() {
                if is_taken {
                    fs::create_dir_all(&target).map_err(failed)?;
                }
                // Exceptions may take something inside of what is left out.
                self.directory(&path)?;
                if is_taken {
                    // Last: nothing can be written to some.
                    let mode = entry.metadata().map_err(failed)?.permissions();
                    fs::set_permissions(&target, mode).map_err(failed)?;
                }
            } else if kind.is_symlink() && is_taken {
                let to = fs::read_link(entry.path()).map_err(failed)?;
                symlink(to, &target).map_err(failed)?;
            } else if kind.is_file() && is_taken {
                fs::copy(entry.path(), &target).map_err(failed)?;
            }
        }
        Ok(())
    }
}
