use std::fmt::Write as _;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level as Title, Renderer, Snippet};

use crate::text::redact::redact;
use crate::text::source::{Span, Text};

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
    /// Its name.
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

/// A problem in a spec: what is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The name of the rule that was broken.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The first operation that it stops.
    pub stops: Operation,
    /// What is wrong. Holds no credentials.
    pub message: String,
    /// Where.
    pub span: Option<Span>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error that stops everything.
    pub fn error(rule: &'static str, message: impl AsRef<str>) -> Self {
        Self {
            rule,
            severity: Severity::Error,
            stops: Operation::Naming,
            message: clipped(redact(message.as_ref())),
            span: None,
            help: None,
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

    /// Says where.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl AsRef<str>) -> Self {
        self.help = Some(redact(help.as_ref()));
        self
    }

    /// `file:line:column: message`, with the help in a line of its own.
    #[must_use]
    pub fn line(&self, text: &Text) -> String {
        let mut line = match self.span {
            Some(span) => {
                let position = text.position(span.start);
                format!(
                    "{}:{}:{}: {}",
                    text.name(),
                    position.line,
                    position.column,
                    self.message
                )
            }
            None => format!("{}: {}", text.name(), self.message),
        };
        if let Some(help) = &self.help {
            // Writing to a string cannot fail.
            let _ = write!(line, "\n    help: {help}");
        }
        line
    }

    /// The message with the line it is about and the place marked, for terminals.
    #[must_use]
    pub fn snippet(&self, text: &Text) -> String {
        let level = match self.severity {
            Severity::Error => Title::ERROR,
            Severity::Warning => Title::WARNING,
        };
        // Credentials keep their length when hidden, so spans still fit.
        let content = shown_text(text, [self]);
        let mut group = level
            .primary_title(self.message.as_str())
            .id(self.rule)
            .elements(None::<Snippet<'_, annotate_snippets::Annotation<'_>>>);
        if let Some(span) = self.span {
            let end = span.end.min(content.len());
            let start = span.start.min(end);
            // Long blocks are marked at their first line.
            let end = content
                .get(start..end)
                .and_then(|s| s.find('\n'))
                .map_or(end, |at| start + at);
            group = group.element(
                Snippet::source(content)
                    .path(text.name())
                    .annotation(AnnotationKind::Primary.span(start..end)),
            );
        }
        if let Some(help) = &self.help {
            group = group.element(Title::HELP.message(help.as_str()));
        }
        Renderer::plain().decor_style(DecorStyle::Ascii).render(&[group])
    }
}

/// Values are quoted in messages; a message stays one that people read.
fn clipped(message: String) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((at, _)) => format!("{}…", message.get(..at).unwrap_or("")),
        None => message,
    }
}

/// A file as it may be shown: credentials in URLs are hidden, and the whole of each value that a problem
/// finds one in, since escapes can hide it from a search of the text. Keeps its length in bytes.
#[must_use]
pub fn shown_text<'a>(text: &Text, problems: impl IntoIterator<Item = &'a Diagnostic>) -> String {
    let mut shown = redact(text.content());
    for span in problems
        .into_iter()
        .filter(|problem| problem.rule == CREDENTIAL_RULE)
        .filter_map(|problem| problem.span)
    {
        let Some(value) = shown.get(span.start..span.end) else {
            continue;
        };
        let hidden: String = value
            .bytes()
            .map(|byte| {
                if byte == b'\n' || byte == b'\r' {
                    char::from(byte)
                } else {
                    '*'
                }
            })
            .collect();
        shown.replace_range(span.start..span.end, &hidden);
    }
    shown
}
