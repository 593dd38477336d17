//! The sibling lock, `pylock.toml` beside the spec: decides what is installed if the spec names no lock.

use crate::files::MAX_REQUIREMENTS;
use crate::frontend::context::{FileSource, SpecFile, too_large};
use crate::frontend::gateway::Client;
use crate::image_spec::{ImageSpec, LOCK_NAME};
use crate::llb::{Metadata, Output};
use crate::text::{Diagnostic, Failure};

/// The lock beside the spec.
#[derive(Debug, Clone)]
pub(super) struct SiblingLock {
    /// Its path in the tree.
    pub(super) path: String,
    pub(super) text: String,
    /// The tree that it is in.
    pub(super) tree: Output,
}

impl SiblingLock {
    /// Looks for it, if the spec can use one.
    pub(super) async fn look_up(client: &Client, file: &SpecFile, spec: &ImageSpec) -> Result<Option<Self>, Failure> {
        if !spec.takes_sibling_lock() {
            return Ok(None);
        }
        let path = match file.text.name().rsplit_once('/') {
            Some((directory, _)) => format!("{directory}/{LOCK_NAME}"),
            None => LOCK_NAME.to_owned(),
        };
        let tree = match &file.origin {
            FileSource::Fetched(tree) => tree.clone(),
            FileSource::Client(directory) => directory
                .paths(&format!("-{LOCK_NAME}"), vec![path.clone()])
                .output(Metadata::named(format!("[internal] look for {LOCK_NAME}"))),
        };
        let solved = client.solve(Some(&tree)).await?;
        let content = match client.read(&solved, &path, MAX_REQUIREMENTS).await {
            Ok(content) => content,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let content = content.ok_or_else(|| too_large(&path, MAX_REQUIREMENTS))?;
        let text = String::from_utf8(content).map_err(|error| {
            let problem = Diagnostic::error("not-utf8", format!("{path} is not UTF-8 text"));
            problem.help("save it as UTF-8").caused_by(error)
        })?;
        Ok(Some(Self { path, text, tree }))
    }
}
