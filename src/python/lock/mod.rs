//! Locks: files that fix which packages are installed, in the formats of PEP 751, Poetry, uv and pip.

mod content_hash;
mod entries;
mod hashes;
mod locked;
mod poetry;
mod pylock;
mod selection;
mod summary;
mod uv;

pub(crate) use content_hash::content_hash;
pub(crate) use entries::line_of;
pub use locked::{Artefact, LockError, Locked};
pub(crate) use poetry::PoetryLock;
pub use poetry::select_poetry;
pub use pylock::Pylock;
pub use selection::Selection;
pub(crate) use summary::{locked, locked_packages};
pub(crate) use uv::{UvLock, UvPackage, without};
