//! Facts about Python that are not about images: objects as PyYAML makes them and their `repr`, requirements and
//! locks in all their forms, interpreters and the wheels that suit them.

mod interpreter;
mod lock;
mod object;
mod requirements;

pub use interpreter::{Interpreter, Libc, ReportError, WheelName};
pub use lock::{Artefact, LockError, Locked, Pylock, Selection, select_poetry};
pub(crate) use lock::{locked, locked_packages};
pub use object::{
    CopyFileDetection, Dictionary, FormatError, Unicode, UnknownPython, Value, ValueError, format, is_space, kind,
    repr, scalar, value,
};
pub use requirements::{
    Arguments, Entry, Requirement, RequirementError, RequirementsError, RequirementsFile, Source, add_names,
    has_dynamic_requirements, logical_lines, normalised, parse_requirements, plain_text, project_requirements,
    source_paths,
};
