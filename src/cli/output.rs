//! What commands say to the user's shell: words and exit codes.

use std::io::Write as _;

/// It did what it was asked.
pub(super) const DONE: u8 = 0;
/// The answer is no; for `diff`, that there are differences.
pub(super) const NO: u8 = 1;
// Wrong command lines end with 2, which is clap's.
/// The spec, its files or another program are in error.
pub(super) const FAILED: u8 = 3;

/// Writes to standard output. A reader that went away is no error.
pub(super) fn out(text: &str) {
    drop(std::io::stdout().write_all(text.as_bytes()));
}

/// Writes to standard error.
pub(super) fn err(text: &str) {
    drop(std::io::stderr().write_all(text.as_bytes()));
}
