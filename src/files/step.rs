//! Digests as a step of a build: this program itself, run over the build context.

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
/// The file that it leaves, in the root of its own file tree.
pub(crate) const ANSWER: &str = "imagespec-digests.json";
/// An argument may be at most so long, in bytes; a kernel takes twice as much.
const MAX_ARGUMENT: usize = 64 * 1024;

/// A request as arguments of the program.
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

/// Does what arguments ask for, without the command.
///
/// # Errors
/// When they are no request, or the answer cannot be written.
pub fn run(arguments: impl Iterator<Item = String>) -> io::Result<()> {
    let request: Request = serde_json::from_str(&arguments.collect::<String>())?;
    // git's index is not here, so git cannot be asked; the context is as its ignore file left it.
    let context = Context::new(CONTEXT, Patterns::default());
    let answer = compute(&request, &context, &|_| None);
    fs::write(Path::new("/").join(ANSWER), serde_json::to_vec(&answer)?)
}

/// Reads an answer.
///
/// # Errors
/// When it is none.
pub(crate) fn read_answer(content: &[u8]) -> io::Result<Answer> {
    Ok(serde_json::from_slice(content)?)
}
