//! A problem, in the one form in which every part of the program tells of it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::text::redact::redact;
use crate::text::source::{NotUtf8, Span};

/// The longest message, in characters.
const MAX_MESSAGE: usize = 600;
/// The rule that values with credentials break.
pub(crate) const CREDENTIAL_RULE: &str = "credential-in-url";

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The operation that was asked for cannot go on.
    Error,
    /// It can, but the user should know.
    Warning,
}

impl Severity {
    /// The word that a message begins with.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// What is done with a spec. A problem that stops one stops those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Its image is named. What stops this is what flytekit would not accept either.
    Naming,
    /// Its image is built.
    Building,
}

/// What sort of thing is wrong. Programs tell failures apart by it, never by the words of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// What the user wrote or asked for.
    Input,
    /// A path has nothing.
    Missing,
    /// A registry has no such image.
    NotFound,
    /// Somebody may not do this.
    Denied,
    /// A file's name cannot be sent.
    FileName,
    /// The engine lacks a capability.
    Unsupported,
    /// A step of the build failed.
    Step,
    /// The command line.
    Usage,
    /// What was asked not to be replaced is there.
    Conflict,
    /// Somebody who was asked gave no answer that says yes or no.
    Unknown,
    /// An engine is missing, or cannot build.
    Engine,
    /// A failure that may pass.
    Transient,
    /// The user ended it.
    Interrupted,
    /// A fault of this program.
    Internal,
    /// Anything else.
    Other,
}

impl ProblemKind {
    /// Its name, for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Missing => "missing",
            Self::NotFound => "not-found",
            Self::Denied => "denied",
            Self::FileName => "file-name",
            Self::Unsupported => "unsupported",
            Self::Step => "step",
            Self::Usage => "usage",
            Self::Conflict => "conflict",
            Self::Unknown => "unknown",
            Self::Engine => "engine",
            Self::Transient => "transient",
            Self::Interrupted => "interrupted",
            Self::Internal => "internal",
            Self::Other => "other",
        }
    }
}

/// Where a problem is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Place {
    /// In no file.
    #[default]
    Nowhere,
    /// In the file that the diagnostic is about.
    Span(Span),
    /// In another file.
    Elsewhere(Box<Line>),
}

/// A line of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The character in the line, from 1, where it is known.
    pub column: Option<u32>,
    /// The text of the line, where it is known. Holds no credentials.
    pub excerpt: Option<String>,
}

/// The error that a problem came from. Two are equal when they say the same.
#[derive(Clone)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl fmt::Debug for Cause {
    /// Other people's words may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.0.to_string()))
    }
}

impl Cause {
    /// Keeps an error.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }

    /// The error as it came, for callers that look for one of a type.
    #[must_use]
    pub fn error(&self) -> &(dyn Error + 'static) {
        &*self.0
    }
}

impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_string() == other.0.to_string()
    }
}

impl Eq for Cause {}

/// A problem: what is wrong, where, what to do, and what it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The name of the rule that was broken.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The first operation that it stops.
    pub stops: Operation,
    /// What sort of thing is wrong.
    pub kind: ProblemKind,
    /// What is wrong, in full. Holds no credentials, and no help.
    pub message: String,
    /// Where.
    pub place: Place,
    /// What to do.
    pub help: Option<String>,
    /// What it came from.
    pub cause: Option<Cause>,
}

impl Diagnostic {
    /// An error that stops everything.
    pub fn error(rule: &'static str, message: impl AsRef<str>) -> Self {
        Self {
            rule,
            severity: Severity::Error,
            stops: Operation::Naming,
            kind: ProblemKind::Input,
            message: clipped(redact(message.as_ref())),
            place: Place::Nowhere,
            help: None,
            cause: None,
        }
    }

    /// An error that stops builds only.
    pub fn build_error(rule: &'static str, message: impl AsRef<str>) -> Self {
        Self {
            stops: Operation::Building,
            ..Self::error(rule, message)
        }
    }

    /// A warning.
    pub fn warning(rule: &'static str, message: impl AsRef<str>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::build_error(rule, message)
        }
    }

    /// A fault of this program.
    pub fn internal(message: impl AsRef<str>) -> Self {
        Self::error("internal", message).kind(ProblemKind::Internal)
    }

    /// Says what sort of thing is wrong.
    #[must_use]
    pub fn kind(mut self, kind: ProblemKind) -> Self {
        self.kind = kind;
        self
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.place = Place::Span(span);
        self
    }

    /// Says where, unless that is not known or has been said.
    #[must_use]
    pub fn at_known(self, span: Option<Span>) -> Self {
        match (&self.place, span) {
            (Place::Nowhere, Some(span)) => self.at(span),
            _ => self,
        }
    }

    /// Says in which line of another file.
    #[must_use]
    pub fn in_file(mut self, file: &str, line: u32, column: Option<u32>) -> Self {
        self.place = Place::Elsewhere(Box::new(Line {
            file: file.to_owned(),
            line,
            column,
            excerpt: None,
        }));
        self
    }

    /// Says in which line of another file, which is shown.
    #[must_use]
    pub fn in_line(mut self, file: &str, line: usize, excerpt: &str) -> Self {
        self.place = Place::Elsewhere(Box::new(Line {
            file: file.to_owned(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: None,
            excerpt: Some(clipped(redact(excerpt.trim_end()))),
        }));
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl AsRef<str>) -> Self {
        self.help = Some(redact(help.as_ref()));
        self
    }

    /// Says what it came from, in the message as well, which such words do not shorten.
    #[must_use]
    pub fn because(mut self, error: impl Error + Send + Sync + 'static) -> Self {
        self.message = format!("{}: {}", self.message, redact(&error.to_string()));
        self.caused_by(error)
    }

    /// Keeps what it came from, of which the message says enough.
    #[must_use]
    pub fn caused_by(mut self, error: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Cause::new(error));
        self
    }

    /// Where it stands in the file that it is about.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        match self.place {
            Place::Span(span) => Some(span),
            Place::Nowhere | Place::Elsewhere(_) => None,
        }
    }

    /// The first error of a type among those that it came from.
    #[must_use]
    pub fn find_cause<E: Error + 'static>(&self) -> Option<&E> {
        let mut next = self.source();
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Diagnostic {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(Cause::error)
    }
}

/// A file that is no text.
impl From<NotUtf8> for Diagnostic {
    fn from(error: NotUtf8) -> Self {
        Self::error("not-utf8", "the file is not UTF-8 text")
            .in_file(&error.name, error.line, None)
            .help("save it as UTF-8")
            .caused_by(error)
    }
}

/// Values are quoted in messages; a message stays one that people read.
fn clipped(message: String) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((at, _)) => format!("{}…", message.get(..at).unwrap_or("")),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the reason")]
    struct Reason(#[source] std::io::Error);

    #[test]
    fn causes_are_kept_and_found() {
        let reason = Reason(std::io::Error::other("the reason's reason"));
        let problem = Diagnostic::error("rule", "it failed").because(reason);
        assert_eq!(problem.message, "it failed: the reason");
        let found: &std::io::Error = problem.find_cause().unwrap();
        assert_eq!(found.to_string(), "the reason's reason");
        assert!(problem.find_cause::<fmt::Error>().is_none());
        let other = Diagnostic::error("rule", "it failed: the reason").caused_by(std::io::Error::other("the reason"));
        assert_eq!(problem, other);
        assert_ne!(problem, other.caused_by(std::io::Error::other("another")));
    }

    #[test]
    fn a_cause_shows_no_credential() {
        let cause = std::io::Error::other("https://u:hunter22@h is gone");
        let problem = Diagnostic::error("rule", "it failed").because(cause);
        assert!(!problem.message.contains("hunter22"), "{problem}");
    }
}
