//! What can be built by itself (`--call=targets`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::frontend::requests::reply::{buildable_spec, reply};
use crate::frontend::session::Session;
use crate::plan::{self, Stage};
use crate::proto::gateway as wire;
use crate::text::Failure;

/// Lists the stages that the build of the spec has.
pub(super) async fn answer(session: &Session) -> Result<wire::Result, Failure> {
    let spec = buildable_spec(session)?;
    let needs = plan::needs(&spec);
    let stages: &[Stage] = needs.top().map_or(&[], |needs| &needs.stages);
    let targets: Vec<Value> = stages
        .iter()
        .map(|stage| json!({"name": stage.name(), "default": *stage == Stage::Image}))
        .collect();
    let table = stages.iter().map(|stage| format!("{}\n", stage.name())).collect();
    let files = session.file.sources.iter();
    let sources: Vec<String> = files.map(|source| STANDARD.encode(&source.data)).collect();
    Ok(reply(&json!({"targets": targets, "sources": sources}), table))
}
