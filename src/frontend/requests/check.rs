//! Problems and warnings, without a build (`--check`): those that a build finds before its first step. No step is run and no
//! image is looked up.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::frontend::inputs::BuildInputs;
use crate::frontend::options::IfExists;
use crate::frontend::requests::reply::reply;
use crate::frontend::served::ServedFiles;
use crate::frontend::session::Session;
use crate::frontend::{existing, positions, status};
use crate::image_spec::{self, ImageSpec};
use crate::plan::{Attendance, Part, Stage, needs};
use crate::project::{Findings, copies_anything, unchecked};
use crate::proto::gateway as wire;
use crate::text::{Diagnostic, Failure, Operation, shown_text};
use crate::write::WriteError;

/// Reports the problems and warnings of the spec and its files.
pub(super) async fn answer(session: &Session) -> Result<wire::Result, Failure> {
    let parsed = image_spec::parse(&session.file.text);
    let has_errors = parsed.errors(Operation::Building).next().is_some();
    let mut findings = Findings::default();
    let mut left = Vec::new();
    findings.add(parsed.diagnostics);
    findings.add(session.options.problems());
    findings.add(session.options.unused_arguments());
    // Files are looked at when it is clear which ones are meant.
    if let Some(spec) = parsed.spec.filter(|_| !has_errors) {
        left = judge(session, &spec, &mut findings).await;
    }
    Ok(report(session, &findings, &left))
}

/// Looks at the spec's files and at what the client asked for. Returns what only a build finds out.
async fn judge(session: &Session, spec: &ImageSpec, findings: &mut Findings) -> Vec<Diagnostic> {
    let is_locking = matches!(session.options.target(), Ok(Some(Part::Stage(Stage::Lock))));
    let Some(inputs) = findings.kept(BuildInputs::of(session, spec, is_locking).await) else {
        return Vec::new();
    };
    findings.add(inputs.naming.problems());
    if session
        .options
        .if_exists()
        .is_ok_and(|policy| policy != IfExists::Build)
    {
        findings.add(existing::problem(spec, &inputs.naming.given().names));
    }
    findings.kept(session.options.multi_platform(inputs.platforms.len()));
    findings.kept(target(session, spec));
    let mut left = unchecked(spec, inputs.sibling_lock().is_some());
    if copies_anything(spec) {
        let message = "links and ignored files in directories that are copied: `imagespec check` looks at them";
        left.push(Diagnostic::warning("not-checked", message));
    }
    let Some(mut files) = findings.kept(inputs.files().await) else {
        return left;
    };
    for platform in &inputs.platforms {
        let mut served = ServedFiles::new(&session.client, &mut files);
        let outlook = inputs.planned(platform, Attendance::Reader).outlook(&mut served).await;
        if let Some(outlook) = findings.kept(outlook) {
            findings.add(outlook.warnings);
        }
    }
    left
}

/// Whether the image has the stage that is asked for.
fn target(session: &Session, spec: &ImageSpec) -> Result<(), Failure> {
    let Ok(Some(Part::Stage(stage))) = session.options.target() else {
        return Ok(());
    };
    match needs(spec).top() {
        Some(top) => Ok(top.has(stage).map_err(WriteError::from)?),
        None => Ok(()),
    }
}

/// The report, in the form that clients print.
fn report(session: &Session, findings: &Findings, left: &[Diagnostic]) -> wire::Result {
    let about = &session.file.text;
    let (mut warnings, mut text) = (Vec::new(), String::new());
    for warning in &findings.warnings {
        warnings.push(json!({
            "ruleName": warning.rule,
            "description": warning.help.clone().unwrap_or_default(),
            "detail": warning.message,
            "location": positions::location(about, warning.span()),
        }));
        text.push_str(&format!("{}\n", warning.line(about)));
    }
    let sources: Vec<Value> = about
        .parts()
        .enumerate()
        .map(|(number, (_, part))| {
            let data = STANDARD.encode(shown_text(about, number, &findings.problems));
            json!({"filename": part.name(), "language": "YAML", "data": data})
        })
        .collect();
    let mut report = json!({
        "warnings": warnings,
        "sources": sources,
        "notChecked": left.iter().map(|left| left.json(about)).collect::<Vec<_>>(),
    });
    if let Some(first) = findings.problems.first() {
        let message = status::message(&Failure::of(about, &findings.problems));
        text.push_str(&format!("{message}\n"));
        // Clients look for the source of an error, though they show no line of it.
        let nowhere = json!({"sourceIndex": 0, "ranges": []});
        let location = first
            .span()
            .map_or(nowhere, |span| positions::location(about, Some(span)));
        report["buildError"] = json!({"message": message, "location": location});
    }
    for left in left {
        text.push_str(&format!("not checked: {}\n", left.line(about)));
    }
    let mut result = reply(&report, text);
    let code = if findings.are_none() { "0" } else { "1" };
    result.metadata.insert("result.statuscode".into(), code.into());
    result
}
