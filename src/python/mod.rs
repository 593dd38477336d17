//! Python, as far as images need it: objects as PyYAML makes them and `repr` writes them, requirements and locks in
//! all their formats, interpreters and the wheels that suit them.

mod interpreter;
mod lock;
mod object;
mod requirements;

pub use interpreter::{Interpreter, Libc, ReportError};
pub use lock::{Artefact, LockError, Locked, Pylock, Selection, select_poetry};
pub(crate) use lock::{PoetryLock, UvLock, UvPackage, content_hash, line_of, locked, locked_packages, without};
pub use object::{CopyFileDetection, Dictionary, FormatError, Unicode, UnknownPython, Value, ValueError, repr, value};
pub(crate) use object::{format, is_space, kind, scalar};
pub(crate) use requirements::{
    Entry, FileOption, ListedRequirement, LocalSource, Manifest, OtherIndex, OtherTools, PipArguments,
    RequirementsFile, RequirementsLines, UvSettings, Workspace, add_names, content_of_lines, content_of_toml, encoded,
    has_name, is_of_windows, normalised, other_content, other_file, plain_text, read_lines, version_fits,
};
pub use requirements::{IndexOption, Parts, Requirement, RequirementError, Source};
