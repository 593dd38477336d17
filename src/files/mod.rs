//! Digests of files, flytekit's and our own, and which files an image takes.

mod digests;
#[cfg(feature = "cli")]
mod exact;
mod gitignore;
mod glob;
mod job;
mod left_out;
mod paths;
mod repository;
mod selection;
mod snapshot;
pub mod step;
mod stream;
mod tree;

pub(crate) use digests::MAX_REQUIREMENTS;
pub use digests::{AskGit, compute};
#[cfg(feature = "cli")]
pub(crate) use exact::{copy_exactly, settle};
pub use glob::{PatternError, Patterns, docker_patterns, literal_pattern};
pub use job::{
    Answer, Choice, Chosen, ContentOf, CopiedPath, Copying, Doubt, Fault, Job, Outcome, Problem, Request, Task,
};
pub use tree::Context;
