//! Text with positions: sources and spans, YAML nodes, diagnostics, and the hiding of credentials. Nothing here knows
//! of images.

mod context_path;
mod diagnostic;
mod failure;
mod guard;
mod redact;
mod report;
mod source;
mod suggestion;
mod surrogate;
pub mod yaml;

pub(crate) use context_path::{
    below, climbs, context_path, directories_above, directory_of, file_name, join, joined, relative_to,
};
pub(crate) use diagnostic::CREDENTIAL_RULE;
pub use diagnostic::{Cause, Diagnostic, Line, Operation, Place, ProblemKind, Severity};
pub use failure::Failure;
#[cfg(any(test, fuzzing))]
pub(crate) use guard::caught_panics;
pub(crate) use guard::guarded;
pub(crate) use redact::{has_credential, redact};
pub use report::shown_text;
pub use source::{NotUtf8, Position, Span, Spanned, Text};
pub(crate) use suggestion::closest;
