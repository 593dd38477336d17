//! Problems and warnings, without a build (`--check`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::frontend::requests::reply::reply;
use crate::frontend::session::Session;
use crate::frontend::{positions, status};
use crate::image_spec;
use crate::proto::gateway as wire;
use crate::text::{Diagnostic, Failure, Operation, Severity, shown_text};

/// Reports the problems and warnings of the spec.
pub(super) async fn answer(session: &Session) -> Result<wire::Result, Failure> {
    let file = &session.file;
    let parsed = image_spec::parse(&file.text);
    let (mut warnings, mut text) = (Vec::new(), String::new());
    for warning in parsed.diagnostics.iter().filter(|d| d.severity == Severity::Warning) {
        warnings.push(json!({
            "ruleName": warning.rule,
            "description": warning.help.clone().unwrap_or_default(),
            "detail": warning.message,
            "location": positions::location(&file.text, warning.span()),
        }));
        text.push_str(&format!("{}\n", warning.line(&file.text)));
    }
    let errors: Vec<&Diagnostic> = parsed.errors(Operation::Building).collect();
    let sources: Vec<Value> = file
        .text
        .parts()
        .enumerate()
        .map(|(number, (_, part))| {
            let data = STANDARD.encode(shown_text(&file.text, number, errors.iter().copied()));
            json!({"filename": part.name(), "language": "YAML", "data": data})
        })
        .collect();
    let clean = warnings.is_empty() && errors.is_empty();
    let mut report = json!({
        "warnings": warnings,
        "sources": sources,
    });
    if let Some(first) = errors.first() {
        let message = status::message(&Failure::of(&file.text, errors.iter().copied()));
        text.push_str(&format!("{message}\n"));
        report["buildError"] = json!({"message": message, "location": positions::location(&file.text, first.span())});
    }
    let mut result = reply(&report, text);
    let code = if clean { "0" } else { "1" };
    result.metadata.insert("result.statuscode".into(), code.into());
    Ok(result)
}
