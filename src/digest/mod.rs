//! Names computed from a spec, equal to those that flytekit computes.

mod id;

pub use id::{Id, id};
