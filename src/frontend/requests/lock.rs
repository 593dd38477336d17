//! The lock of the Python packages (`--call=lock`).

use serde_json::json;

use crate::frontend::failed_steps;
use crate::frontend::inputs::BuildInputs;
use crate::frontend::requests::reply::reply;
use crate::frontend::session::Session;
use crate::image_spec::ImageSpec;
use crate::proto::gateway as wire;
use crate::text::{Diagnostic, Failure, Operation, redact};

/// Makes the lock and returns its text.
pub(super) async fn answer(session: &Session) -> Result<wire::Result, Failure> {
    let spec = session.read_spec(Operation::Building).await?;
    let text = match lock(session, &spec).await {
        Ok(text) => redact(&text),
        Err(failure) => return Err(failed_steps::explain(session, &spec, failure).await),
    };
    Ok(reply(&json!({"version": 1, "lock": text}), text))
}

async fn lock(session: &Session, spec: &ImageSpec) -> Result<String, Failure> {
    let inputs = BuildInputs::of(session, spec, true).await?;
    let platform = inputs.only_platform("lock")?;
    let mut files = inputs.files().await?;
    let (found, images) = inputs.read(&mut files).await?;
    let build = inputs.assembly(&found, files.tree().cloned());
    let text = match images.as_slice() {
        [images] => build.lock(platform, images).await?,
        _ => None,
    };
    let nothing = "this image installs no Python packages, so there is nothing to lock";
    Ok(text.ok_or_else(|| Diagnostic::error("nothing-to-lock", nothing))?)
}
