//! Asks registries, without a daemon: whether an image is there, and what it says of itself.
//!
//! Only what a registry says in its own form counts as "no". Everything else is unknown, with a reason.

mod answer;
mod authorization;
mod client;
mod credentials;
mod helper;
mod layer;
mod manifest;
mod place;
mod questions;
mod retry_after;
mod secret;
mod transport;

pub use answer::{Absent, Existence, Found, Refusal, Unknown, UnknownKind};
pub use manifest::{Described, HistoryEntry, Layer};
pub use questions::{Environment, Registry, RegistrySettings};
