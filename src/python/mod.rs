//! Facts about Python that are not about images: values as PyYAML reads them, their `repr`, format strings.

mod construct;
mod format;
mod interpreter;
mod pylock;
mod repr;
mod requirement;
mod requirements;
mod resolve;
mod unicode;
mod value;

pub use construct::{ValueError, scalar, value};
pub use format::{FormatError, format};
pub use interpreter::{Interpreter, Libc, ReportError, WheelName};
pub use pylock::{Artefact, LockError, Locked, Pylock};
pub use repr::repr;
pub use requirement::{Requirement, RequirementError, Source, normalised};
pub use requirements::{Entry, RequirementsError, logical_lines, parse_requirements, plain_text};
pub use unicode::{Unicode, UnknownPython, is_space};
pub use value::{CopyFileDetection, Dictionary, Value};
