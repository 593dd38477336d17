//! Files on the user's disk.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use async_trait::async_trait;
use tempfile::TempDir;

use crate::files::{Context, MAX_REQUIREMENTS, Patterns};
use crate::project::{AtPath, ContextFiles, DirectoryEntry, Wanted};
use crate::text::{Diagnostic, Failure, ProblemKind, context_path};

/// The problem that a file cannot be read or written.
pub(super) fn cannot(what: &str, path: &Path, error: std::io::Error) -> Diagnostic {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ProblemKind::Missing,
        std::io::ErrorKind::PermissionDenied => ProblemKind::Denied,
        _ => ProblemKind::Other,
    };
    Diagnostic::error("file-access", format!("cannot {what} {}", path.display()))
        .kind(kind)
        .because(error)
}

/// Reads a regular file; opening a named pipe would wait for a writer. Reads one byte more than `limit`, so that the
/// caller sees that a file is too large.
pub(super) fn read_file(path: &Path, limit: usize) -> std::io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    let mut content = Vec::new();
    let limit = limit as u64 + 1;
    fs::File::open(path)?.take(limit).read_to_end(&mut content)?;
    Ok(content)
}

/// The files of a build context: a directory, without what its ignore file leaves out.
pub(super) struct DiskFiles {
    pub(super) context: Context,
    /// The patterns of the ignore file.
    pub(super) ignored: Vec<String>,
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Diagnostic {
    Diagnostic::error("file-access", error.to_string()).caused_by(error)
}

impl DiskFiles {
    fn stat_or_read(&self, wanted: Wanted, name: &str) -> Result<AtPath, Diagnostic> {
        let found = self.context.locate(name).map_err(unreadable)?;
        let (path, is_directory) = match found {
            None => return Ok(AtPath::Nothing),
            Some(found) => found,
        };
        if is_directory {
            return Ok(AtPath::Directory);
        }
        if wanted != Wanted::Requirements {
            return Ok(AtPath::File);
        }
        let content = read_file(&path, MAX_REQUIREMENTS).map_err(unreadable)?;
        Ok(if content.len() > MAX_REQUIREMENTS {
            AtPath::TooLarge
        } else {
            AtPath::Content(content)
        })
    }
}

/// A directory for files of the meantime, which others cannot look into: what is copied there may be nobody else's business.
pub(super) fn private_directory() -> Result<TempDir, Diagnostic> {
    let directory = tempfile::Builder::new()
        .prefix("imagespec-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir();
    directory.map_err(|error| {
        let problem = Diagnostic::error("file-access", "no temporary directory can be made");
        problem.kind(ProblemKind::Other).because(error)
    })
}

#[async_trait]
impl ContextFiles for DiskFiles {
    async fn look(&mut self, wanted: Wanted, path: &str) -> Result<AtPath, Failure> {
        let name = context_path(path);
        if name.is_empty() && wanted != Wanted::Requirements {
            return Ok(AtPath::Directory);
        }
        Ok(self.stat_or_read(wanted, &name).unwrap_or_else(AtPath::Unreadable))
    }

    async fn names_like(&mut self, _: &str, directory: &str) -> Result<Vec<String>, Failure> {
        let entries = self.entries(directory).await?;
        Ok(entries.into_iter().map(|entry| entry.name).collect())
    }

    async fn entries(&mut self, directory: &str) -> Result<Vec<DirectoryEntry>, Failure> {
        let Ok(Some((place, true))) = self.context.locate(directory) else {
            return Ok(Vec::new());
        };
        let entries = fs::read_dir(place).into_iter().flatten().flatten();
        let entry = |entry: fs::DirEntry| {
            let link = fs::read_link(entry.path()).ok();
            Some(DirectoryEntry {
                is_directory: entry.file_type().is_ok_and(|kind| kind.is_dir()),
                size: entry.metadata().map_or(0, |metadata| metadata.len()),
                name: entry.file_name().into_string().ok()?,
                link: link.and_then(|link| Some(link.to_str()?.to_owned())),
            })
        };
        Ok(entries.filter_map(entry).collect())
    }

    fn pattern_of(&self, path: &str) -> Option<String> {
        let patterns = Patterns::docker(self.ignored.iter().map(String::as_str)).ok()?;
        self.ignored.get(patterns.decisive(path)?).cloned()
    }

    /// All files are on the disk already.
    fn also_serve(&mut self, _: &str) {}

    fn also_serve_matching(&mut self, _: &str) {}
}
