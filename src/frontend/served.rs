//! The files of the build context as BuildKit serves them.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::files::MAX_REQUIREMENTS;
use crate::frontend::files::Files;
use crate::frontend::gateway::{CallError, Client, Solved};
use crate::project::{AtPath, ContextFiles, DirectoryEntry, Wanted};
use crate::proto::fsutil::types::Stat;
use crate::text::{Diagnostic, Failure, ProblemKind, below, context_path, join, joined};

/// The most parts of a path with all links followed.
const MAX_PARTS: usize = 256;

/// The build context as far as a build has asked for it.
pub(super) struct ServedFiles<'a> {
    client: &'a Client,
    files: &'a mut Files,
    /// The tree as it was last asked for.
    tree: Option<Solved>,
    /// What is in its directories, as far as somebody looked.
    listings: BTreeMap<String, Arc<[DirectoryEntry]>>,
}

impl<'a> ServedFiles<'a> {
    pub(super) fn new(client: &'a Client, files: &'a mut Files) -> Self {
        Self {
            client,
            files,
            tree: None,
            listings: BTreeMap::new(),
        }
    }

    /// Serves more from now on.
    fn serve(&mut self, more: Option<Files>) -> bool {
        let is_more = more.is_some();
        if let Some(more) = more {
            *self.files = more;
            self.tree = None;
            self.listings.clear();
        }
        is_more
    }

    /// Follows the links that a path leads through, itself among them: returns whether there is more to be seen now.
    async fn follow_links(&mut self, path: &str) -> Result<bool, Failure> {
        if !self.files.are_asked_for() {
            return Ok(false);
        }
        let (mut place, mut rest) = (String::new(), path.to_owned());
        for _ in 0..MAX_PARTS {
            let (name, after) = rest.split_once('/').unwrap_or((&rest, ""));
            let (name, after) = (name.to_owned(), after.to_owned());
            let listing = self.listing(&place).await?;
            let Some(entry) = listing.iter().find(|entry| entry.name == name) else {
                return Ok(false);
            };
            let here = below(&place, &name);
            let Some(link) = &entry.link else {
                if after.is_empty() {
                    return Ok(false);
                }
                (place, rest) = (here, after);
                continue;
            };
            let Some(target) = join(&place, link).filter(|_| !link.starts_with('/')) else {
                return Ok(false);
            };
            let more = self.files.with_link(&here, &target);
            if self.serve(more) {
                return Ok(true);
            }
            // Known; there may be another one behind it.
            (place, rest) = (String::new(), joined(&target, &after));
            if rest.is_empty() {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// What is in a directory of the tree.
    async fn listing(&mut self, directory: &str) -> Result<Arc<[DirectoryEntry]>, Failure> {
        if let Some(known) = self.listings.get(directory) {
            return Ok(known.clone());
        }
        let Some(tree) = self.solved().await? else {
            return Ok(Arc::default());
        };
        let entry = |stat: Stat| DirectoryEntry {
            is_directory: is_directory(&stat),
            size: stat.size.try_into().unwrap_or_default(),
            name: stat.path,
            link: Some(stat.linkname).filter(|link| !link.is_empty()),
        };
        let found: Arc<[DirectoryEntry]> = match self.client.entries(&tree, directory).await {
            Ok(entries) => entries.into_iter().map(entry).collect(),
            Err(error) if error.is_missing() => Arc::default(),
            Err(error) => return Err(error.into()),
        };
        self.listings.insert(directory.to_owned(), found.clone());
        Ok(found)
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
        loop {
            let Some(tree) = self.solved().await? else {
                return Ok(AtPath::Nothing);
            };
            let seen = stat_or_read(self.client, &tree, wanted, &name).await;
            // Behind a link there may be nothing yet, or a part of a directory.
            let may_be_more = matches!(seen, AtPath::Nothing | AtPath::Directory);
            if !may_be_more || !self.follow_links(&name).await? {
                return Ok(seen);
            }
        }
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
        while self.follow_links(directory).await? {}
        Ok(self.listing(directory).await?.to_vec())
    }

    fn pattern_of(&self, path: &str) -> Option<String> {
        self.files.pattern_of(path).map(str::to_owned)
    }

    fn also_serve(&mut self, path: &str) {
        let more = self.files.with_paths(&[path.to_owned()]);
        self.serve(more);
    }

    fn also_serve_matching(&mut self, pattern: &str) {
        let more = self.files.with_pattern(pattern);
        self.serve(more);
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
