//! The files of a build context, wherever they are.

use async_trait::async_trait;

use crate::text::{Diagnostic, Failure};

/// The files of a build context.
#[async_trait]
pub(crate) trait ContextFiles: Send {
    /// What there is at a path.
    async fn look(&mut self, wanted: Wanted, path: &str) -> Result<AtPath, Failure>;

    /// Names in a directory that may be nearly parts of a path that is not there.
    async fn names_like(&mut self, path: &str, directory: &str) -> Result<Vec<String>, Failure>;

    /// What is in a directory; nothing if it is not there.
    async fn entries(&mut self, directory: &str) -> Result<Vec<DirectoryEntry>, Failure>;

    /// The pattern of the ignore file that leaves a path out.
    fn pattern_of(&self, path: &str) -> Option<String>;

    /// Also serves a path that the spec itself does not name.
    fn also_serve(&mut self, path: &str);

    /// Also serves the paths that match a pattern.
    fn also_serve_matching(&mut self, pattern: &str);
}

/// What is in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DirectoryEntry {
    pub(crate) name: String,
    /// Where it leads, as written, if it is a link.
    pub(crate) link: Option<String>,
    pub(crate) is_directory: bool,
    /// Of a file, in bytes.
    pub(crate) size: u64,
}

/// What a path of the spec is for, which decides what must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// `copy`: a file or a directory.
    Copy,
    /// The key of an entry of `apt_sources`: a file.
    Key,
    /// An entry `deb:PATH` of `apt_packages`: a file.
    Package,
    /// `source_root`: a directory.
    Source,
    /// `requirements`, and the files that such files name: text.
    Requirements,
}

impl Wanted {
    /// The field that has such paths.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Key => "apt_sources",
            Self::Package => "apt_packages",
            Self::Source => "source_root",
            Self::Requirements => "requirements",
        }
    }
}

/// What there is at a path.
#[derive(Debug)]
pub(crate) enum AtPath {
    Nothing,
    Directory,
    File,
    /// The content of a file, for [`Wanted::Requirements`].
    Content(Vec<u8>),
    TooLarge,
    Unreadable(Diagnostic),
}
