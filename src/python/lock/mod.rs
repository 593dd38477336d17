//! Locks: files that fix which packages are installed, in the formats of PEP 751, Poetry, uv and pip.

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
