//! Digests of files, flytekit's and our own, and the rules by which files are left out.

mod digests;
mod gitignore;
mod glob;
mod job;
mod paths;
mod snapshot;
pub mod step;
mod stream;
mod tree;

pub(crate) use digests::MAX_REQUIREMENTS;
pub use digests::{AskGit, compute};
pub use glob::{PatternError, Patterns, docker_patterns};
pub use job::{Answer, Doubt, Fault, Job, Outcome, Problem, Request, Task};
pub use tree::Context;
