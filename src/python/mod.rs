//! Facts about Python that are not about images: values as PyYAML reads them, their `repr`, format strings.

mod construct;
mod format;
mod repr;
mod resolve;
mod unicode;
mod value;

pub use construct::{ValueError, scalar, value};
pub use format::{FormatError, format};
pub use repr::repr;
pub use unicode::{Unicode, UnknownPython, is_space};
pub use value::{CopyFileDetection, Dictionary, Value};
