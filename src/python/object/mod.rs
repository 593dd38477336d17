//! Python objects: how PyYAML makes them from nodes, how `repr` writes them, and what strings can do.

mod construct;
mod dictionary;
mod format;
mod moment;
mod repr;
mod scalar;
mod unicode;
mod value;

pub use construct::{ValueError, value};
pub(crate) use construct::{kind, scalar};
pub use dictionary::Dictionary;
pub use format::FormatError;
pub(crate) use format::format;
pub use repr::repr;
pub(crate) use unicode::is_space;
pub use unicode::{Unicode, UnknownPython};
pub use value::{CopyFileDetection, Value};
