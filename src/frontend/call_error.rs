//! What BuildKit answers instead of a result: told apart here, once, so that nobody else looks at its words.

use prost::Message as _;
use serde_json::json;

use crate::proto::google::rpc::Status;
use crate::text::{Diagnostic, Failure, Kind};

/// gRPC's code for errors of no special kind; clients print those without a code's name before them.
pub(super) const UNKNOWN: i32 = 2;
const PERMISSION_DENIED: i32 = 7;
const UNIMPLEMENTED: i32 = 12;
pub(super) const INTERNAL: i32 = 13;
const UNAUTHENTICATED: i32 = 16;

/// The detail with the exit status of a step that failed.
const EXIT_STATUS: &str = "github.com/moby/buildkit/gatewayapi.ExitMessage+json";

/// Where words must stand in a message.
#[derive(Debug, Clone, Copy)]
enum Where {
    Anywhere,
    AtTheEnd,
}

/// The words by which BuildKit, the file systems below it and registries say what they have no code for; the first
/// that fit decide. The code NotFound is not asked: it also stands for sessions, secrets and caches.
const WORDS: [(&str, Where, Kind); 9] = [
    // A step's words may have any others in them.
    ("did not complete successfully", Where::Anywhere, Kind::Step),
    // Only this one ending means that a registry has looked and found nothing. All else may be anything.
    (": not found", Where::AtTheEnd, Kind::NotFound),
    ("no such file or directory", Where::Anywhere, Kind::Missing),
    ("file does not exist", Where::Anywhere, Kind::Missing),
    ("invalid UTF-8", Where::Anywhere, Kind::FileName),
    ("denied", Where::Anywhere, Kind::Denied),
    // With a capital letter or without.
    ("nauthorized", Where::Anywhere, Kind::Denied),
    ("403 Forbidden", Where::Anywhere, Kind::Denied),
    ("authorization failed", Where::Anywhere, Kind::Denied),
];

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// gRPC's code.
    pub code: i32,
    /// What went wrong, in BuildKit's words.
    pub message: String,
    /// Typed details, which pass on to the client unchanged: snippets, exit codes, what a debugger needs.
    pub details: Vec<prost_types::Any>,
    /// What sort of thing went wrong.
    pub kind: Kind,
}

impl CallError {
    /// Tells what sort of error it is.
    #[must_use]
    pub fn new(code: i32, message: impl Into<String>, details: Vec<prost_types::Any>) -> Self {
        let message = message.into();
        let kind = if exit_status(&details).is_some() {
            Kind::Step
        } else if matches!(code, PERMISSION_DENIED | UNAUTHENTICATED) {
            Kind::Denied
        } else {
            kind_of(&message)
        };
        Self {
            code,
            message,
            details,
            kind,
        }
    }

    /// A request that this frontend does not know; clients look for this message and detail.
    pub(super) fn unsupported_request(name: &str) -> Self {
        Self::new(
            UNIMPLEMENTED,
            format!("unsupported request {name}"),
            vec![detail("errdefs.Subrequest", &json!({"name": name}))],
        )
    }

    /// Whether a path is not there.
    pub(super) fn is_missing(&self) -> bool {
        self.kind == Kind::Missing
    }

    /// The exit status of the step that failed.
    pub(super) fn exit_status(&self) -> Option<u32> {
        exit_status(&self.details)
    }
}

fn exit_status(details: &[prost_types::Any]) -> Option<u32> {
    let detail = details.iter().find(|detail| detail.type_url == EXIT_STATUS)?;
    let value: serde_json::Value = serde_json::from_slice(&detail.value).ok()?;
    u32::try_from(value.get("Code")?.as_u64()?).ok()
}

fn kind_of(message: &str) -> Kind {
    let message = message.trim_end();
    let fits = |words: &str, place| match place {
        Where::Anywhere => message.contains(words),
        Where::AtTheEnd => message.ends_with(words),
    };
    let known = WORDS.iter().find(|(words, place, _)| fits(words, *place));
    known.map_or(Kind::Other, |(.., kind)| *kind)
}

/// BuildKit's details are JSON under a type URL of their own.
pub(super) fn detail(name: &str, value: &serde_json::Value) -> prost_types::Any {
    prost_types::Any {
        type_url: format!("github.com/moby/buildkit/{name}+json"),
        value: value.to_string().into_bytes(),
    }
}

impl From<tonic::Status> for CallError {
    fn from(status: tonic::Status) -> Self {
        let details = Status::decode(status.details())
            .map(|inner| inner.details)
            .unwrap_or_default();
        Self::new(status.code().into(), status.message(), details)
    }
}

/// A failed call that needs no more words than BuildKit's.
impl From<CallError> for Diagnostic {
    fn from(error: CallError) -> Self {
        Self {
            message: error.message.clone(),
            ..Self::error("buildkit", "").kind(error.kind).caused_by(error)
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Diagnostic::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_messages_are_told_apart() {
        let check = |message: &str, expect: Kind| {
            assert_eq!(CallError::new(UNKNOWN, message, Vec::new()).kind, expect, "{message}");
        };
        check("127.0.0.1:5000/a/b:c: not found", Kind::NotFound);
        check("no match for platform in manifest: not found", Kind::NotFound);
        check("dial tcp: lookup registry.invalid: no such host", Kind::Other);
        check(
            "pull access denied, repository does not exist or may require authorization",
            Kind::Denied,
        );
        check(
            "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized",
            Kind::Denied,
        );
        check("server message: insufficient_scope: authorization failed", Kind::Denied);
        check("unexpected status from HEAD request: 403 Forbidden", Kind::Denied);
        check("unexpected status from HEAD request: 500", Kind::Other);
        check("not found: something else", Kind::Other);
        check("lstat /reqs.txt: no such file or directory", Kind::Missing);
        check("open x: file does not exist", Kind::Missing);
        check(
            "rpc error: code = Internal desc = grpc: error while marshaling: string field contains invalid UTF-8",
            Kind::FileName,
        );
        check(
            "process \"/bin/sh -c x\" did not complete successfully: exit code: 1",
            Kind::Step,
        );
    }

    #[test]
    fn codes_and_details_count_before_words() {
        let status = |code: u32| {
            let detail = detail("gatewayapi.ExitMessage", &json!({"Code": code}));
            CallError::new(UNKNOWN, "open x: no such file or directory", vec![detail])
        };
        assert_eq!((status(97).kind, status(97).exit_status()), (Kind::Step, Some(97)));
        assert_eq!(CallError::new(UNAUTHENTICATED, "no", Vec::new()).kind, Kind::Denied);
        let other = detail("errdefs.Solve", &json!({"Code": 97}));
        assert_eq!(CallError::new(UNKNOWN, "no", vec![other]).exit_status(), None);
    }
}
