//! The file that says what of a context is left out.

use std::path::{Path, PathBuf};

use crate::cli::disk::{cannot, read_file};
use crate::files::{Patterns, docker_patterns};
use crate::text::yaml::MAX_BYTES;
use crate::text::{Diagnostic, ProblemKind};

/// An ignore file as Docker reads it; the default leaves nothing out.
#[derive(Debug, Default)]
pub(super) struct IgnoreFile {
    path: PathBuf,
    /// Its patterns, cleaned.
    pub(super) lines: Vec<String>,
}

impl IgnoreFile {
    /// The one that a build takes: beside the spec if there is one, else the context's own. Empty ones do not count.
    pub(super) fn of_build(beside: Option<&Path>, context: &Path) -> Result<Self, Diagnostic> {
        let own = context.join(".dockerignore");
        for path in beside.into_iter().chain([own.as_path()]) {
            if let Some(content) = content(path)?.filter(|content| !content.is_empty()) {
                return Ok(Self::new(path, &content));
            }
        }
        Ok(Self::default())
    }

    /// One that somebody names.
    pub(super) fn named(path: &Path) -> Result<Self, Diagnostic> {
        match content(path)? {
            Some(content) => Ok(Self::new(path, &content)),
            None => {
                let message = format!("there is no ignore file {}", path.display());
                Err(Diagnostic::error("ignore-file", message).kind(ProblemKind::Missing))
            }
        }
    }

    fn new(path: &Path, content: &str) -> Self {
        Self {
            path: path.to_owned(),
            lines: docker_patterns(content),
        }
    }

    /// Its patterns, with more after them.
    pub(super) fn patterns(&self, more: &[String]) -> Result<Patterns, Diagnostic> {
        Patterns::docker(self.lines.iter().chain(more).map(String::as_str))
            .map_err(|error| Diagnostic::error("ignore-file", self.path.display().to_string()).because(error))
    }
}

/// Where the ignore file of a spec is.
pub(super) fn beside(spec: &Path) -> PathBuf {
    let mut path = spec.as_os_str().to_owned();
    path.push(".dockerignore");
    path.into()
}

/// The text of an ignore file, if there is one.
fn content(path: &Path) -> Result<Option<String>, Diagnostic> {
    match read_file(path, MAX_BYTES) {
        Ok(content) if content.len() > MAX_BYTES => {
            let message = format!("{} has more than {MAX_BYTES} bytes", path.display());
            Err(Diagnostic::error("file-too-large", message))
        }
        Ok(content) => Ok(Some(String::from_utf8_lossy(&content).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", path, error)),
    }
}
