//! The files of a build context, whoever serves them.

use async_trait::async_trait;

use crate::text::{Diagnostic, Failure};

/// The files of a build context.
#[async_trait]
pub(crate) trait ContextFiles: Send {
    /// What there is at a path.
    async fn look(&mut self, wanted: Wanted, path: &str) -> Result<AtPath, Failure>;

    /// Has a path served that the spec does not name itself.
    fn need(&mut self, path: &str);
}

/// What a path of the spec is for, which decides what has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// `copy`: a file or a directory.
    Copy,
    /// `source_root`: a directory.
    Source,
    /// `requirements`, and the files that such files name: a text.
    Requirements,
}

impl Wanted {
    /// The field that paths for it stand in.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Copy => "copy",
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
    /// A file that was read, as [`Wanted::Requirements`] are.
    Content(Vec<u8>),
    TooLarge,
    Unreadable(Diagnostic),
}
