//! Locks: files that say exactly which packages are installed.

mod locked;
mod poetry;
mod pylock;
mod selection;
mod summary;

pub use locked::{Artefact, LockError, Locked};
pub use poetry::select_poetry;
pub use pylock::Pylock;
pub use selection::Selection;
pub(crate) use summary::{locked, locked_packages};
