//! What git knows about a directory.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::program::run;

/// The files below a directory that git ignores and does not track, listed as flytekit lists them: relative to the
/// directory, unusual names with git's escapes. Empty without git, and outside a repository.
#[must_use]
pub(crate) fn ignored_files(directory: &Path) -> BTreeSet<String> {
    let mut git = Command::new("git");
    // Do not start programs that the repository configures.
    git.args(["-c", "core.fsmonitor=false", "ls-files", "-io", "--exclude-standard"])
        .current_dir(directory);
    match run(&mut git) {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            text.lines().map(str::to_owned).collect()
        }
        _ => BTreeSet::new(),
    }
}
