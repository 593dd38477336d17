//! The files of the build context as BuildKit serves them.

use async_trait::async_trait;

use crate::files::MAX_REQUIREMENTS;
use crate::frontend::files::Files;
use crate::frontend::gateway::{CallError, Client, Solved};
use crate::project::{AtPath, ContextFiles, DirectoryEntry, Wanted};
use crate::proto::fsutil::types::Stat;
use crate::text::{Diagnostic, Failure, ProblemKind, context_path};

/// The build context as far as a build has asked for it.
pub(super) struct ServedFiles<'a> {
    client: &'a Client,
    files: &'a mut Files,
    /// The tree as it was last asked for.
    tree: Option<Solved>,
}

impl<'a> ServedFiles<'a> {
    pub(super) fn new(client: &'a Client, files: &'a mut Files) -> Self {
        Self {
            client,
            files,
            tree: None,
        }
    }

    /// The tree; `None` if nothing was asked for.
    async fn solved(&mut self) -> Result<Option<Solved>, Failure> {
        Ok(match (&self.tree, self.files.tree()) {
            (Some(tree), _) => Some(tree.clone()),
            (None, None) => None,
            (None, Some(tree)) => {
                let solved = self.client.solve(Some(tree)).await?;
                Some(self.tree.insert(solved).clone())
            }
        })
    }
}

#[async_trait]
impl ContextFiles for ServedFiles<'_> {
    async fn look(&mut self, wanted: Wanted, path: &str) -> Result<AtPath, Failure> {
        let name = context_path(path);
        if name.is_empty() && wanted != Wanted::Requirements {
            return Ok(AtPath::Directory);
        }
        let Some(tree) = self.solved().await? else {
            return Ok(AtPath::Nothing);
        };
        Ok(stat_or_read(self.client, &tree, wanted, &name).await)
    }

    async fn names_like(&mut self, path: &str, directory: &str) -> Result<Vec<String>, Failure> {
        let tree = self.files.like(path);
        let Some(tree) = tree.as_ref().or(self.files.tree()) else {
            return Ok(Vec::new());
        };
        let solved = self.client.solve(Some(tree)).await?;
        // Only a help is lost.
        let entries = self.client.entries(&solved, directory).await.unwrap_or_default();
        Ok(entries.into_iter().map(|stat| stat.path).collect())
    }

    async fn entries(&mut self, directory: &str) -> Result<Vec<DirectoryEntry>, Failure> {
        let Some(tree) = self.solved().await? else {
            return Ok(Vec::new());
        };
        let entry = |stat: Stat| DirectoryEntry {
            is_directory: is_directory(&stat),
            name: stat.path,
            link: Some(stat.linkname).filter(|link| !link.is_empty()),
        };
        match self.client.entries(&tree, directory).await {
            Ok(entries) => Ok(entries.into_iter().map(entry).collect()),
            Err(error) if error.is_missing() => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    fn pattern_of(&self, path: &str) -> Option<String> {
        self.files.pattern_of(path).map(str::to_owned)
    }

    fn also_serve(&mut self, path: &str) {
        if let Some(more) = self.files.with_paths(&[path.to_owned()]) {
            *self.files = more;
            self.tree = None;
        }
    }

    fn also_serve_matching(&mut self, pattern: &str) {
        if let Some(more) = self.files.with_pattern(pattern) {
            *self.files = more;
            self.tree = None;
        }
    }
}

/// Go's bit for directories.
fn is_directory(stat: &Stat) -> bool {
    stat.mode & (1 << 31) != 0
}

async fn stat_or_read(client: &Client, tree: &Solved, wanted: Wanted, name: &str) -> AtPath {
    match client.stat(tree, name).await {
        Ok(None) => return AtPath::Nothing,
        Ok(Some(stat)) if is_directory(&stat) => return AtPath::Directory,
        Ok(Some(_)) if wanted != Wanted::Requirements => return AtPath::File,
        Ok(Some(_)) => {}
        Err(error) => return AtPath::Unreadable(unsent(error)),
    }
    match client.read(tree, name, MAX_REQUIREMENTS).await {
        Ok(Some(content)) => AtPath::Content(content),
        Ok(None) => AtPath::TooLarge,
        Err(error) => AtPath::Unreadable(error.into()),
    }
}

/// Replaces BuildKit's unhelpful error about a file name that it cannot send.
pub(super) fn unsent(error: CallError) -> Diagnostic {
    if error.kind != ProblemKind::FileName {
        return error.into();
    }
    let message = "a file in the build context has a name that is not UTF-8, which BuildKit cannot send";
    Diagnostic::error("file-name", message)
        .kind(ProblemKind::FileName)
        .because(error)
        .help("rename it, or leave it out with .dockerignore")
}
