//! BuildKit's errors. Only this file and `registry.rs` look at their texts to tell them apart.

use prost::Message as _;
use serde_json::{Value, json};

use crate::proto::google::rpc::Status;
use crate::text::{Diagnostic, Failure, ProblemKind, redact};

/// gRPC's code for errors of no special kind; clients print them without the name of a code.
pub(crate) const UNKNOWN: i32 = 2;
const PERMISSION_DENIED: i32 = 7;
const UNIMPLEMENTED: i32 = 12;
pub(crate) const INTERNAL: i32 = 13;
const UNAUTHENTICATED: i32 = 16;

/// The detail with the exit status of a step that failed.
const EXIT_STATUS: &str = "gatewayapi.ExitMessage";
/// The detail with the lines of a file.
pub(crate) const SOURCE: &str = "errdefs.Source";
/// The detail with the step itself.
const STEP: &str = "errdefs.Solve";

/// Where words must be in a message.
#[derive(Debug, Clone, Copy)]
enum Where {
    Anywhere,
    AtTheEnd,
}

/// Words in the messages of BuildKit, file systems and registries for problems that have no code; the first match
/// decides. The code NotFound is not used: it also stands for sessions, secrets and caches.
const WORDS: [(&str, Where, ProblemKind); 9] = [
    // First, since a step's message may contain any of the others.
    ("did not complete successfully", Where::Anywhere, ProblemKind::Step),
    // Whatever the registry says after it.
    ("403 Forbidden", Where::Anywhere, ProblemKind::Denied),
    // Only this ending means that a registry looked and found nothing.
    (": not found", Where::AtTheEnd, ProblemKind::NotFound),
    ("no such file or directory", Where::Anywhere, ProblemKind::Missing),
    ("file does not exist", Where::Anywhere, ProblemKind::Missing),
    ("invalid UTF-8", Where::Anywhere, ProblemKind::FileName),
    ("denied", Where::Anywhere, ProblemKind::Denied),
    // With a capital letter or without.
    ("nauthorized", Where::Anywhere, ProblemKind::Denied),
    ("authorization failed", Where::Anywhere, ProblemKind::Denied),
];

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// gRPC's code.
    pub code: i32,
    /// BuildKit's message.
    pub message: String,
    /// Typed details, which are passed to the client unchanged: snippets, exit codes, what a debugger needs.
    pub details: Vec<prost_types::Any>,
    /// The kind of problem.
    pub kind: ProblemKind,
}

impl CallError {
    /// An error with its kind, which follows from code, message and details.
    #[must_use]
    pub fn new(code: i32, message: impl Into<String>, details: Vec<prost_types::Any>) -> Self {
        let message = message.into();
        let kind = if exit_status(&details).is_some() {
            ProblemKind::Step
        } else if matches!(code, PERMISSION_DENIED | UNAUTHENTICATED) {
            ProblemKind::Denied
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

    /// The error for an unknown request; clients look for this message and detail.
    pub(crate) fn unsupported_request(name: &str) -> Self {
        Self::new(
            UNIMPLEMENTED,
            format!("unsupported request {name}"),
            vec![detail("errdefs.Subrequest", &json!({"name": name}))],
        )
    }

    /// Whether a path does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        self.kind == ProblemKind::Missing
    }

    /// The exit status of the step that failed.
    pub(crate) fn exit_status(&self) -> Option<u32> {
        exit_status(&self.details)
    }

    /// The step that failed: where it mounted something, and what BuildKit calls the files there. Empty where BuildKit
    /// does not show the step.
    pub(crate) fn mounts(&self) -> Vec<(String, String)> {
        let step = find(&self.details, STEP).unwrap_or_default();
        let texts = |path: &str, text: fn(&Value) -> Option<&str>| {
            let list = step.pointer(path).and_then(Value::as_array);
            let texts = list.into_iter().flatten().map(|value| text(value).unwrap_or(""));
            texts.map(str::to_owned).collect::<Vec<_>>()
        };
        let targets = texts("/op/exec/mounts", |mount| mount.get("dest")?.as_str());
        let mut files = texts("/mountIDs", Value::as_str);
        files.resize(targets.len(), String::new());
        targets.into_iter().zip(files).collect()
    }

    /// What the step that failed is called, for one of ours; `None` where BuildKit does not show the step.
    pub(crate) fn title(&self) -> Option<String> {
        let step = find(&self.details, STEP)?;
        let words = step.pointer("/op/exec/meta/args")?.as_array()?;
        match words
            .iter()
            .map(Value::as_str)
            .collect::<Option<Vec<&str>>>()?
            .as_slice()
        {
            ["/bin/sh", "-c", start, title] if start.starts_with("eval \"$IMAGESPEC_STEP") => Some((*title).to_owned()),
            _ => None,
        }
    }

    /// The lines of the user's file that the step that failed comes from.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let sources = find(&self.details, SOURCE).unwrap_or_default();
        sources
            .get("ranges")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    }

    /// The names of the variables that the step that failed saw; `None` where BuildKit does not show the step.
    pub(crate) fn variables(&self) -> Option<Vec<String>> {
        let step = find(&self.details, STEP)?;
        let variables = step.pointer("/op/exec/meta/env")?.as_array()?;
        let name = |variable: &Value| Some(variable.as_str()?.split('=').next()?.to_owned());
        Some(variables.iter().filter_map(name).collect())
    }

    /// The ids of the secrets that the step that failed mounts; `None` where BuildKit does not show the step.
    pub(crate) fn secrets(&self) -> Option<Vec<String>> {
        let step = find(&self.details, STEP)?;
        let mounts = step.pointer("/op/exec/mounts")?.as_array()?;
        let files = mounts.iter().filter_map(|mount| mount.pointer("/secretOpt/ID"));
        let variables = step.pointer("/op/exec/secretenv").and_then(Value::as_array);
        let variables = variables
            .into_iter()
            .flatten()
            .filter_map(|variable| variable.get("ID"));
        Some(
            files
                .chain(variables)
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        )
    }
}

fn exit_status(details: &[prost_types::Any]) -> Option<u32> {
    u32::try_from(find(details, EXIT_STATUS)?.get("Code")?.as_u64()?).ok()
}

fn find(details: &[prost_types::Any], name: &str) -> Option<Value> {
    let detail = details.iter().find(|detail| is_detail(detail, name))?;
    serde_json::from_slice(&detail.value).ok()
}

fn kind_of(message: &str) -> ProblemKind {
    let message = message.trim_end();
    let fits = |words: &str, place| match place {
        Where::Anywhere => message.contains(words),
        Where::AtTheEnd => message.ends_with(words),
    };
    let known = WORDS.iter().find(|(words, place, _)| fits(words, *place));
    known.map_or(ProblemKind::Other, |(.., kind)| *kind)
}

/// BuildKit's details are JSON under a type URL of their own.
pub(crate) fn detail(name: &str, value: &Value) -> prost_types::Any {
    prost_types::Any {
        type_url: type_url(name),
        value: value.to_string().into_bytes(),
    }
}

/// Whether a detail is the one of a name.
pub(crate) fn is_detail(known: &prost_types::Any, name: &str) -> bool {
    known.type_url == type_url(name)
}

fn type_url(name: &str) -> String {
    format!("github.com/moby/buildkit/{name}+json")
}

impl From<tonic::Status> for CallError {
    fn from(status: tonic::Status) -> Self {
        let details = Status::decode(status.details())
            .map(|inner| inner.details)
            .unwrap_or_default();
        Self::new(status.code().into(), status.message(), details)
    }
}

/// A failed call, with BuildKit's own message: whole, as clients look into it.
impl From<CallError> for Diagnostic {
    fn from(error: CallError) -> Self {
        Self {
            message: redact(&error.message),
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
        let check = |message: &str, expect: ProblemKind| {
            assert_eq!(CallError::new(UNKNOWN, message, Vec::new()).kind, expect, "{message}");
        };
        check("127.0.0.1:5000/a/b:c: not found", ProblemKind::NotFound);
        check("no match for platform in manifest: not found", ProblemKind::NotFound);
        check("dial tcp: lookup registry.invalid: no such host", ProblemKind::Other);
        check(
            "pull access denied, repository does not exist or may require authorization",
            ProblemKind::Denied,
        );
        check(
            "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized",
            ProblemKind::Denied,
        );
        check(
            "server message: insufficient_scope: authorization failed",
            ProblemKind::Denied,
        );
        check(
            "unexpected status from HEAD request: 403 Forbidden",
            ProblemKind::Denied,
        );
        check(
            "unexpected status from HEAD request: 403 Forbidden\ndenied: access to team/new: not found",
            ProblemKind::Denied,
        );
        check("unexpected status from HEAD request: 500", ProblemKind::Other);
        check("not found: something else", ProblemKind::Other);
        check("lstat /reqs.txt: no such file or directory", ProblemKind::Missing);
        check("open x: file does not exist", ProblemKind::Missing);
        check(
            "rpc error: code = Internal desc = grpc: error while marshaling: string field contains invalid UTF-8",
            ProblemKind::FileName,
        );
        check(
            "process \"/bin/sh -c x\" did not complete successfully: exit code: 1",
            ProblemKind::Step,
        );
    }

    #[test]
    fn codes_and_details_count_before_words() {
        let status = |code: u32| {
            let detail = detail("gatewayapi.ExitMessage", &json!({"Code": code}));
            CallError::new(UNKNOWN, "open x: no such file or directory", vec![detail])
        };
        assert_eq!(
            (status(97).kind, status(97).exit_status()),
            (ProblemKind::Step, Some(97))
        );
        assert_eq!(
            CallError::new(UNAUTHENTICATED, "no", Vec::new()).kind,
            ProblemKind::Denied
        );
        let other = detail("errdefs.Solve", &json!({"Code": 97}));
        assert_eq!(CallError::new(UNKNOWN, "no", vec![other]).exit_status(), None);
    }

    #[test]
    fn the_secrets_of_a_failed_step_are_known() {
        let step = json!({"op": {"exec": {"mounts": [
            {"dest": "/"},
            {"input": "-1", "dest": "/root/.netrc", "mountType": "SECRET", "secretOpt": {"ID": "secret_0", "mode": 256}},
        ], "secretenv": [{"ID": "token", "name": "TOKEN", "optional": true}]}}});
        let error = CallError::new(UNKNOWN, "no", vec![detail("errdefs.Solve", &step)]);
        assert_eq!(error.secrets(), Some(vec!["secret_0".to_owned(), "token".to_owned()]));
        assert_eq!(CallError::new(UNKNOWN, "no", Vec::new()).secrets(), None);
    }
}
