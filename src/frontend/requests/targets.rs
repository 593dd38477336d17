//! What can be built alone (`--call=targets`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::frontend::requests::reply::{buildable_spec, reply};
use crate::frontend::session::Session;
use crate::oci::Platform;
use crate::plan::{self, Facts, Stage};
use crate::proto::gateway as wire;
use crate::text::Failure;

/// Lists them.
pub(super) async fn answer(session: &Session) -> Result<wire::Result, Failure> {
    let spec = buildable_spec(session)?;
    let plan = plan::plan(&spec, &session.file.text, &Platform::linux_amd64(), &Facts::default());
    let mut stages: Vec<Stage> = plan.stages().collect();
    // Which packages there are is known to builds only.
    if let Some(lock) = stages.iter().position(|stage| *stage == Stage::Lock) {
        stages.insert(lock + 1, Stage::Packages);
    }
    let targets: Vec<Value> = stages
        .iter()
        .map(|stage| json!({"name": stage.name(), "default": *stage == Stage::Image}))
        .collect();
    let table = stages.iter().map(|stage| format!("{}\n", stage.name())).collect();
    let sources = json!([STANDARD.encode(&session.file.source.data)]);
    Ok(reply(&json!({"targets": targets, "sources": sources}), table))
}
