//! The image as a Dockerfile (`--call=dockerfile`). Needs no build, like the command.

use serde_json::json;

use crate::frontend::requests::plan::outlook;
use crate::frontend::requests::reply::reply;
use crate::frontend::session::Session;
use crate::plan::Attendance;
use crate::proto::gateway as wire;
use crate::text::{Diagnostic, Failure};
use crate::write::{Dialect, DockerfileOptions, Form, write_dockerfile};

/// Prints the Dockerfile, one that takes its files from the context of the spec.
pub(super) async fn answer(session: &Session) -> Result<wire::Result, Failure> {
    let (outlook, sibling_lock) = outlook(session, "dockerfile", Attendance::Nobody).await?;
    let options = DockerfileOptions {
        form: Form::Single,
        dialect: Dialect::BUILDKIT,
        is_exact: false,
        spec: &session.file.text,
        sibling_lock: sibling_lock.as_deref(),
    };
    for warning in &outlook.warnings {
        session.warn(warning).await?;
    }
    let written = write_dockerfile(&outlook.plan, options).map_err(|error| {
        let problem = Diagnostic::build_error("dockerfile", error.to_string());
        match error.has_room_in_a_directory() {
            true => problem.help("write a directory with the command line: `imagespec dockerfile -o DIR`"),
            false => problem,
        }
    })?;
    Ok(reply(&json!({"version": 1, "dockerfile": written.text}), written.text))
}
