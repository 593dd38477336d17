//! Python objects: as PyYAML makes them from nodes, as `repr` writes them, and what strings can do.

mod construct;
mod dictionary;
mod format;
mod moment;
mod repr;
mod scalar;
mod unicode;
mod value;

pub use construct::{ValueError, kind, scalar, value};
pub use dictionary::Dictionary;
pub use format::{FormatError, format};
pub use repr::repr;
pub use unicode::{Unicode, UnknownPython, is_space};
pub use value::{CopyFileDetection, Value};
