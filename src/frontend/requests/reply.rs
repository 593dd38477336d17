//! Answers to requests: JSON for programs, text for people.

use serde_json::Value;

use crate::frontend::session::Session;
use crate::image_spec::{self, ImageSpec};
use crate::proto::gateway as wire;
use crate::text::{Diagnostic, Failure, Operation};

/// An answer in both forms.
pub(super) fn reply(value: &Value, text: String) -> wire::Result {
    let mut result = wire::Result::default();
    // A value of strings and numbers is always JSON.
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    result.metadata.insert("result.json".into(), pretty.into_bytes());
    result.metadata.insert("result.txt".into(), text.into_bytes());
    result.metadata.insert("version".into(), b"1.0.0".to_vec());
    result
}

/// The spec, if it could be built. Sends no warnings.
pub(super) fn buildable_spec(session: &Session) -> Result<ImageSpec, Failure> {
    let parsed = image_spec::parse(&session.file.text);
    let problems: Vec<Diagnostic> = parsed.errors(Operation::Building).cloned().collect();
    parsed
        .spec
        .filter(|_| problems.is_empty())
        .ok_or_else(|| problems.into())
}
