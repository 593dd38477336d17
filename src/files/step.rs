//! Digests as a step of a build: BuildKit runs this program over the build context, so that no file has to leave it.

use std::fs;
use std::io;
use std::path::Path;

use crate::files::digests::compute;
use crate::files::glob::Patterns;
use crate::files::job::{Answer, Request};
use crate::files::tree::Context;

/// The first argument of the program in such a step.
pub const COMMAND: &str = "compute-digests";
/// Where the step sees the build context.
pub(crate) const CONTEXT: &str = "/context";
/// Where it sees what repositories in the context track, which ignore files may leave out.
pub(crate) const GIT: &str = "/git";
/// The file that it leaves, in the root of its own file tree.
pub(crate) const ANSWER: &str = "imagespec-digests.json";
/// The longest argument, in bytes; the kernel's limit is twice as much.
const MAX_ARGUMENT: usize = 64 * 1024;

/// The program's arguments for a request.
#[must_use]
pub(crate) fn arguments(request: &Request) -> Vec<String> {
    // Strings, numbers and lists always become JSON.
    let json = serde_json::to_string(request).unwrap_or_default();
    let mut arguments = vec![COMMAND.to_owned()];
    let mut piece = String::new();
    for c in json.chars() {
        piece.push(c);
        if piece.len() >= MAX_ARGUMENT {
            arguments.push(std::mem::take(&mut piece));
        }
    }
    arguments.push(piece);
    arguments
}

/// Answers the request in the arguments that follow the command.
///
/// # Errors
/// When the arguments are not a request, or the answer cannot be written.
pub fn run(arguments: impl Iterator<Item = String>) -> io::Result<()> {
    let request: Request = serde_json::from_str(&arguments.collect::<String>())?;
    // There is no git to ask; the ignore file has been applied already.
    let context = Context::new(CONTEXT, Patterns::default()).with_git(GIT);
    let answer = compute(&request, &context, &|_| None);
    fs::write(Path::new("/").join(ANSWER), serde_json::to_vec(&answer)?)
}

/// Reads the answer that a step wrote.
///
/// # Errors
/// When it is malformed.
pub(crate) fn read_answer(content: &[u8]) -> io::Result<Answer> {
    Ok(serde_json::from_slice(content)?)
}
