//! `imagespec check`.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::names::ImageArguments;
use crate::cli::output::{DONE, NO, err, exit_code, out};
use crate::cli::project::{Project, read_spec, spec_file};
use crate::cli::report::report;
use crate::image_spec;
use crate::plan::Attendance;
use crate::project::{Findings, unchecked};
use crate::text::{Diagnostic, Failure, Operation, Text};

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    image: ImageArguments,
}

impl CheckArguments {
    pub(crate) fn json(&self) -> bool {
        self.image.naming.json
    }
}

/// Prints what a build of a spec would find wrong before its first step.
pub(crate) fn run(arguments: &CheckArguments) -> Result<u8, Failure> {
    let spec = &arguments.image.spec;
    let path = spec_file(spec.file.as_deref(), &spec.context)?;
    let text = read_spec(&path)?;
    let parsed = image_spec::parse(&text);
    let has_errors = parsed.errors(Operation::Building).next().is_some();
    let mut findings = Findings::default();
    findings.add(parsed.diagnostics);
    let mut left = Vec::new();
    if !has_errors {
        let project = Project::of(&path, text.clone(), &spec.context, Operation::Building);
        if let Some(project) = findings.kept(project) {
            left = unchecked(&project.spec, project.sibling_lock().is_some());
            judge(&project, arguments, &mut findings);
        }
    }
    Ok(show(&text, findings, &left, arguments.json()))
}

/// Looks at the files of a spec.
fn judge(project: &Project, arguments: &CheckArguments, findings: &mut Findings) {
    let Some(naming) = findings.kept(project.naming(&arguments.image.naming.options())) else {
        return;
    };
    findings.add(naming.problems());
    let mut read = None;
    for platform in naming.platforms().unwrap_or_default() {
        let outlook = project.planned(&naming, &platform, Attendance::Reader, false);
        if let Some(outlook) = findings.kept(outlook) {
            findings.add(outlook.warnings);
            read = Some(outlook.read);
        }
    }
    // What is missing has been said.
    if read.is_some()
        && let Some(identified) = findings.kept(project.identify(&naming, read.as_deref()))
    {
        findings.add(identified.warnings);
    }
}

/// Prints what was found, and returns the exit code.
fn show(text: &Text, findings: Findings, left: &[Diagnostic], as_json: bool) -> u8 {
    let code = match (findings.problems.is_empty(), findings.are_none()) {
        (false, _) => exit_code(&findings.problems.clone().into()),
        (true, false) => NO,
        (true, true) => DONE,
    };
    if as_json {
        let all = |list: &[Diagnostic]| list.iter().map(|one| one.json(text)).collect::<Vec<Value>>();
        let found = json!({
            "version": 1,
            "problems": all(&findings.problems),
            "warnings": all(&findings.warnings),
            "not_checked": all(left),
        });
        out(&format!("{found}\n"));
        return code;
    }
    for warning in &findings.warnings {
        err(&format!("{}\n\n", warning.snippet(text)));
    }
    let is_right = findings.problems.is_empty();
    if !is_right {
        report(&Failure::from(findings.problems).about(text), false);
    }
    for left in left {
        err(&format!("not checked: {}\n", left.line(text)));
    }
    if is_right {
        let warnings = match findings.warnings.len() {
            0 => "no warnings".to_owned(),
            1 => "1 warning".to_owned(),
            count => format!("{count} warnings"),
        };
        out(&format!("{}: no problems, {warnings}\n", text.name()));
    }
    code
}
