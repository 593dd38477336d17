//! Names computed from a spec, equal to those that flytekit computes, and digests over files.

mod compute;
mod content;
mod fields;
mod gitignore;
mod glob;
mod identity;
mod inputs;
mod job;
mod lock;
mod release;
mod snapshot;
pub mod step;
mod stream;
mod tag;
mod tree;

pub(crate) use fields::registry_is_valid;

pub use compute::{AskGit, MAX_REQUIREMENTS, compute};
pub use fields::{ConstructError, Fields, Host};
pub use glob::{PatternError, Patterns, docker_patterns};
pub use identity::{Identity, Naming, NamingOptions, request};
pub use inputs::{Difference, differences, from_label, inputs_label, kept, shown};
pub use job::{Answer, Doubt, Job, Outcome, Problem, Request, Task};
pub use release::Release;
pub use tag::{Tag, TagError, tag, tag_format, tasks};
pub use tree::Context;
