//! Files for what an engine says of an image, where its program writes none itself.

use serde_json::Value;

use crate::engine::option::BuildOption;
use crate::engine::request::BuildRequest;
use crate::text::{Diagnostic, ProblemKind};

/// Writes what is said of the image into the files that were asked for.
pub(super) fn write_said(request: &BuildRequest, said: &Value) -> Result<(), Diagnostic> {
    for file in request.values(BuildOption::MetadataFile) {
        std::fs::write(file, said.to_string()).map_err(|error| {
            let problem = Diagnostic::error("file-access", format!("cannot write {file}"));
            problem.kind(ProblemKind::Other).because(error)
        })?;
    }
    Ok(())
}
