//! What commands return to the user's shell: output and exit codes.

use std::io::Write as _;

use crate::text::{Failure, ProblemKind};

/// Success.
pub(super) const DONE: u8 = 0;
/// The answer is no, or the build failed.
pub(super) const NO: u8 = 1;
/// The command line is wrong; clap's own code.
const USAGE: u8 = 2;
/// An error in the spec, its files or another program.
const FAILED: u8 = 3;
/// Nobody could be asked, or the answer says neither yes nor no.
pub(super) const UNKNOWN: u8 = 4;
/// An engine is missing or cannot build.
const NO_ENGINE: u8 = 5;
/// `EX_TEMPFAIL` of sysexits.h: it may go well another time.
const MAY_PASS: u8 = 75;
/// 128 and SIGINT, as shells have it.
const INTERRUPTED: u8 = 130;

/// The exit code of a failure: that of its first problem.
pub(super) fn exit_code(failure: &Failure) -> u8 {
    match failure.problems.first().map(|problem| problem.kind) {
        Some(ProblemKind::Step | ProblemKind::Conflict) => NO,
        Some(ProblemKind::Usage) => USAGE,
        Some(ProblemKind::Unknown) => UNKNOWN,
        Some(ProblemKind::Engine) => NO_ENGINE,
        Some(ProblemKind::Transient) => MAY_PASS,
        Some(ProblemKind::Interrupted) => INTERRUPTED,
        _ => FAILED,
    }
}

/// Writes to standard output. A reader that went away is not an error.
pub(super) fn out(text: &str) {
    drop(std::io::stdout().write_all(text.as_bytes()));
}

/// Standard output for what is no text, where a reader that went away is an error.
pub(super) fn raw_out() -> impl std::io::Write {
    std::io::stdout()
}

/// Writes to standard error.
pub(super) fn err(text: &str) {
    drop(std::io::stderr().write_all(text.as_bytes()));
}
