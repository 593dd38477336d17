//! Directories as archives whose bytes depend on paths, contents, links and executable bits alone.
//!
//! `kept.rs` says which paths of a context are taken, `ours.rs` which are archives already, `entries.rs` lists them, `format.rs` writes them in tar or zip, and
//! `pack.rs` puts it together. Nothing is ever whole in memory.

mod added;
mod entries;
mod format;
mod kept;
mod ours;
mod pack;

pub(super) use added::Added;
pub(super) use entries::Entries;
pub(super) use format::Format;
pub(super) use kept::Kept;
pub(super) use ours::{Ours, PARTIAL};
pub(super) use pack::{Packed, pack};
