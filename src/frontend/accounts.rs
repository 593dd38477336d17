//! The users and groups of an image, as its own files list them.

use crate::frontend::gateway::Solved;
use crate::frontend::session::Session;
use crate::text::Failure;

/// The most of such a file that is read, in bytes.
const MAX_ACCOUNTS: usize = 1024 * 1024;

/// A list of users or groups; empty if the image has none.
pub(super) async fn read_accounts(session: &Session, tree: &Solved, path: &str) -> Result<String, Failure> {
    let path = path.trim_start_matches('/');
    let content = match session.client.read(tree, path, MAX_ACCOUNTS).await {
        Ok(content) => content.unwrap_or_default(),
        Err(error) if error.is_missing() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(String::from_utf8_lossy(&content).into_owned())
}
