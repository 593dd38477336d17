//! Text with positions: sources and spans, YAML nodes, diagnostics, and the hiding of credentials. Nothing here knows
//! of images.

mod context_path;
mod diagnostic;
mod redact;
mod source;
mod suggestion;
mod surrogate;
pub mod yaml;

pub use context_path::join;
pub(crate) use context_path::{climbs, context_path, directory_of, file_name};
pub(crate) use diagnostic::CREDENTIAL_RULE;
pub use diagnostic::{Diagnostic, Operation, Severity, shown_text};
pub(crate) use redact::{has_credential, redact};
pub use source::{NotUtf8, Position, Span, Spanned, Text};
pub(crate) use suggestion::closest;
