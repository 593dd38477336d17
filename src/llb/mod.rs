//! A small LLB library: typed operations to canonical bytes, digests, capabilities and source maps.
//!
//! It knows nothing of image specs and does no I/O. A graph is made of [`Vertex`]es, each encoded
//! once when it is made; an [`Output`] is one result of a vertex and the input of others. A
//! [`Definition`] is everything that an output needs, in the form that a BuildKit server takes.
//!
//! The encoding is byte for byte what BuildKit's Go code would write. The server computes digests
//! anew from its own encoding, and only equal bytes keep error locations, warnings and progress
//! attached to their step.

mod capability;
mod definition;
mod encode;
mod exec;
mod file;
mod import;
mod marshal;
mod merge;
mod metadata;
mod platform;
mod render;
mod source;
mod vertex;

pub use capability::Capability;
pub(crate) use capability::{MODE_TEXTS, since};
pub use definition::Definition;
#[cfg(test)]
pub(crate) use encode::digest_of;
pub use exec::Network;
pub(crate) use exec::{Exec, Mount, Sharing};
pub(crate) use file::{Copy, FileActions, MakeFile, Owner, SetDirectory};
pub(crate) use import::import;
pub(crate) use merge::{diff, merge};
pub use metadata::{LineRange, Location, Metadata, SourceFile};
pub use render::render;
pub use source::{Git, Http, Image, Local, OciLayout, ResolveMode};
pub use vertex::{Output, Vertex};

#[cfg(test)]
mod tests;
