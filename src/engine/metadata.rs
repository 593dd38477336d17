//! Files for what an engine says of an image, where its program writes none itself.

use serde_json::Value;

use crate::engine::option::BuildOption;
use crate::engine::request::BuildRequest;
use crate::text::{Diagnostic, ProblemKind};

/// Writes what is said of the image into the files that were asked for.
pub(super) fn write_said(request: &BuildRequest, said: &Value) -> Result<(), Diagnostic> {
    write_each(request, BuildOption::MetadataFile, &said.to_string())
}

/// Writes the image's id into the files that were asked for.
pub(super) fn write_id(request: &BuildRequest, id: &str) -> Result<(), Diagnostic> {
    write_each(request, BuildOption::IidFile, id)
}

fn write_each(request: &BuildRequest, option: BuildOption, content: &str) -> Result<(), Diagnostic> {
    request.values(option).try_for_each(|file| {
        std::fs::write(file, content).map_err(|error| {
            let problem = Diagnostic::error("file-access", format!("cannot write {file}"));
            problem.kind(ProblemKind::Other).because(error)
        })
    })
}
