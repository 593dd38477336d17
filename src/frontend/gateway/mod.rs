//! BuildKit's gateway: the calls that a frontend makes, over standard input and output or, for tests, in memory, and
//! the kinds of its errors. The only place that knows gRPC.

mod call_error;
mod calls;
mod client;
mod registry;
mod stdio;

#[cfg(test)]
pub(crate) mod memory;

pub use call_error::CallError;
pub(crate) use call_error::{INTERNAL, SOURCE, UNKNOWN, detail, is_detail};
pub use calls::{Call, Gateway};
pub(crate) use client::{Client, Solved};
pub(crate) use registry::{RegistryAnswer, answer_of};
pub use stdio::{ConnectError, Stdio};
