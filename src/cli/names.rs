//! Names of an image, for the commands that print one of them.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::arguments::{NamingArguments, SpecArguments};
use crate::cli::output::{DONE, err, out};
use crate::cli::project::{Identified, Project};
use crate::name::Identity;
use crate::text::{Diagnostic, Failure, Operation, Text};

/// An image, by its spec, and how it is named.
#[derive(Debug, Args)]
pub(super) struct ImageArguments {
    #[command(flatten)]
    pub(super) spec: SpecArguments,
    #[command(flatten)]
    pub(super) naming: NamingArguments,
}

impl ImageArguments {
    pub(super) fn project(&self, operation: Operation) -> Result<Project, Failure> {
        Project::read(self.spec.file.as_deref(), &self.spec.context, operation)
    }
}

/// Prints what flytekit calls the id. It depends on no file.
pub(super) fn print_id(arguments: &ImageArguments) -> Result<u8, Failure> {
    let project = arguments.project(Operation::Naming)?;
    let naming = project.naming(&arguments.naming.options())?;
    let (algorithm, id) = (naming.algorithm().name(), naming.id());
    let found = json!({"version": 1, "algorithm": algorithm, "id": id});
    show(&project.text, &project.warnings, arguments.naming.json, found, &id);
    Ok(DONE)
}

/// Prints a name that depends on files.
pub(super) fn print_name(arguments: &ImageArguments, which: impl FnOnce(&Identity) -> &String) -> Result<u8, Failure> {
    let project = arguments.project(Operation::Naming)?;
    let naming = project.naming(&arguments.naming.options())?;
    // Reading all files takes longer than the tag, so it is done for programs alone.
    let read = arguments.naming.json.then(|| project.checked_paths().ok()).flatten();
    let Identified { identity, warnings, .. } = project.identify(&naming, read.as_deref())?;
    let found = json!({
        "version": 1,
        "algorithm": identity.algorithm.name(),
        "id": identity.id,
        "tag": identity.tag,
        "name": identity.image_name,
        "inputs_digest": identity.inputs_digest.as_ref().map(|digest| &digest.value),
    });
    let warnings: Vec<Diagnostic> = project.warnings.iter().cloned().chain(warnings).collect();
    show(&project.text, &warnings, arguments.naming.json, found, which(&identity));
    Ok(DONE)
}

/// Prints an answer: as a JSON object with its warnings, or as text with the warnings on standard error.
pub(super) fn show(text: &Text, warnings: &[Diagnostic], as_object: bool, mut found: Value, line: &str) {
    if as_object {
        found["warnings"] = warnings.iter().map(|warning| warning.json(text)).collect();
        out(&format!("{found}\n"));
        return;
    }
    for warning in warnings {
        err(&format!("{}\n\n", warning.snippet(text)));
    }
    out(&format!("{line}\n"));
}
