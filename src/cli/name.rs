use serde_json::{Value, json};

use crate::cli::project::Project;
use crate::cli::{DONE, Failure, NameArguments, as_json, err, out};
use crate::text::{Diagnostic, Text};

/// Which of an image's names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Tag,
    Name,
    Id,
}

/// Prints one of an image's names.
pub(super) fn print(arguments: &NameArguments, what: What) -> Result<u8, Failure> {
    let project = Project::read(arguments.file.as_deref(), &arguments.context)?;
    let options = arguments.how.options();
    let naming = project.naming(&options)?;
    if what == What::Id {
        // It depends on no file.
        let found = json!({"version": 1, "algorithm": naming.algorithm().name(), "id": naming.id()});
        show(
            &project.text,
            &project.warnings,
            arguments.how.json,
            found,
            &naming.id(),
        );
        return Ok(DONE);
    }
    let (identity, warnings) = project.identify(&options)?;
    let shown = if what == What::Tag {
        &identity.tag
    } else {
        &identity.image_name
    };
    let found = json!({
        "version": 1,
        "algorithm": identity.algorithm.name(),
        "id": identity.id,
        "tag": identity.tag,
        "name": identity.image_name,
    });
    let warnings: Vec<Diagnostic> = project.warnings.iter().cloned().chain(warnings).collect();
    show(&project.text, &warnings, arguments.how.json, found, shown);
    Ok(DONE)
}

fn show(text: &Text, warnings: &[Diagnostic], as_object: bool, mut found: Value, line: &str) {
    if as_object {
        let warnings: Vec<Value> = warnings.iter().map(|warning| as_json(text, warning)).collect();
        found["warnings"] = Value::from(warnings);
        out(&format!("{found}\n"));
        return;
    }
    for warning in warnings {
        err(&format!("{}\n\n", warning.snippet(text)));
    }
    out(&format!("{line}\n"));
}
