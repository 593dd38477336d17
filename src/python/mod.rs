//! Facts about Python that are not about images: values as PyYAML reads them, their `repr`, format strings.

mod construct;
mod format;
mod interpreter;
mod locked;
mod poetry;
mod pylock;
mod pyproject;
mod repr;
mod requirement;
mod requirements;
mod resolve;
mod unicode;
mod uv;
mod value;

pub use construct::{ValueError, scalar, value};
pub use format::{FormatError, format};
pub use interpreter::{Interpreter, Libc, ReportError, WheelName};
pub use locked::{Artefact, LockError, Locked};
pub use poetry::select_poetry;
pub use pylock::{Pylock, Selection};
pub use pyproject::{has_dynamic_requirements, project_requirements, source_paths};
pub use repr::repr;
pub use requirement::{Requirement, RequirementError, Source, normalised};
pub use requirements::{Entry, RequirementsError, logical_lines, parse_requirements, plain_text};
pub use unicode::{Unicode, UnknownPython, is_space};
pub use uv::{Arguments, add_names};
pub use value::{CopyFileDetection, Dictionary, Value};
