use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use serde_json::json;

use crate::proto::google::rpc::Status;
use crate::text::{Diagnostic, Text, redact, shown_text};

/// gRPC's code for errors of no special kind; clients print those without a code's name before them.
const UNKNOWN: i32 = 2;
const UNIMPLEMENTED: i32 = 12;
const INTERNAL: i32 = 13;
/// At most this many snippets travel with an error, and at most this many bytes of files: each carries
/// its whole file, and beyond about 10 MB clients show nothing but a protocol error.
const MAX_SNIPPETS: usize = 10;
const MAX_SNIPPET_BYTES: usize = 2 * 1024 * 1024;
/// Errors travel in trailers: no more problems than this are told at once.
const MAX_PROBLEMS: usize = 1000;

/// An error on its way to the user, with the details that clients understand.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// gRPC's code.
    pub code: i32,
    /// What went wrong.
    pub message: String,
    /// Typed details: snippets, exit codes, what a debugger needs. Those of failed calls pass unchanged.
    pub details: Vec<prost_types::Any>,
}

impl Failure {
    /// An error of the user's making.
    pub fn user(message: impl Into<String>) -> Self {
        Self {
            code: UNKNOWN,
            message: redact(&message.into()),
            details: Vec::new(),
        }
    }

    /// An error of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            code: INTERNAL,
            ..Self::user(message)
        }
    }

    /// A request that this frontend does not know; clients look for this message and detail.
    #[must_use]
    pub fn unsupported_request(name: &str) -> Self {
        Self {
            code: UNIMPLEMENTED,
            message: format!("unsupported request {name}"),
            details: vec![detail("errdefs.Subrequest", &json!({"name": name}))],
        }
    }

    /// All problems of a spec as one error: all in the message, the first few with snippets.
    #[must_use]
    pub fn of_spec<'a>(text: &Text, problems: impl IntoIterator<Item = &'a Diagnostic>) -> Self {
        let problems: Vec<&Diagnostic> = problems.into_iter().collect();
        let mut message = match problems.len() {
            1 => String::new(),
            count => format!("{count} problems in {}\n", text.name()),
        };
        let shown = problems.iter().take(MAX_PROBLEMS).map(|problem| problem.line(text));
        message.push_str(&shown.collect::<Vec<_>>().join("\n"));
        if let Some(more) = problems.len().checked_sub(MAX_PROBLEMS).filter(|more| *more > 0) {
            message.push_str(&format!("\nand {more} more"));
        }
        let snippets = MAX_SNIPPETS.min(MAX_SNIPPET_BYTES / text.content().len().max(1));
        // What clients print must not show what the message hides.
        let data = STANDARD.encode(shown_text(text, problems.iter().copied()));
        let details = problems
            .iter()
            .filter_map(|problem| problem.span)
            .take(snippets)
            .map(|span| {
                let (first, last) = text.lines(span);
                detail(
                    "errdefs.Source",
                    &json!({
                        "info": {"filename": text.name(), "data": data, "language": "YAML"},
                        "ranges": [{"start": {"line": first}, "end": {"line": last}}],
                    }),
                )
            })
            .collect();
        Self {
            code: UNKNOWN,
            message,
            details,
        }
    }

    pub(super) fn into_status(self) -> Status {
        Status {
            code: self.code,
            message: self.message,
            details: self.details,
        }
    }
}

/// BuildKit's details are JSON under a type URL of their own.
fn detail(name: &str, value: &serde_json::Value) -> prost_types::Any {
    prost_types::Any {
        type_url: format!("github.com/moby/buildkit/{name}+json"),
        value: value.to_string().into_bytes(),
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        let details = Status::decode(status.details())
            .map(|inner| inner.details)
            .unwrap_or_default();
        Self {
            code: status.code().into(),
            message: status.message().to_owned(),
            details,
        }
    }
}
