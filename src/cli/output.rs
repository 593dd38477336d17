//! What commands return to the user's shell: output and exit codes.

use std::io::Write as _;

/// Success.
pub(super) const DONE: u8 = 0;
/// The answer is no; for `diff`, that there are differences.
pub(super) const NO: u8 = 1;
// Wrong command lines end with clap's 2.
/// An error in the spec, its files or another program.
pub(super) const FAILED: u8 = 3;
/// A registry does not say.
pub(super) const UNKNOWN: u8 = 4;

/// Writes to standard output. A reader that went away is not an error.
pub(super) fn out(text: &str) {
    drop(std::io::stdout().write_all(text.as_bytes()));
}

/// Writes to standard error.
pub(super) fn err(text: &str) {
    drop(std::io::stderr().write_all(text.as_bytes()));
}
