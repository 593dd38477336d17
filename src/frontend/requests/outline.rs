//! The secrets that a build takes (`--call=outline`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::frontend::positions;
use crate::frontend::requests::reply::{buildable_spec, reply};
use crate::frontend::session::Session;
use crate::plan::CA_SECRET;
use crate::proto::gateway as wire;
use crate::text::Failure;

/// Lists the optional certificates and the spec's secrets.
pub(super) async fn answer(session: &Session) -> Result<wire::Result, Failure> {
    let spec = buildable_spec(session)?;
    let mut secrets = vec![json!({"name": CA_SECRET})];
    let mut table = format!("SECRET           REQUIRED\n{CA_SECRET:<17}\n");
    for secret in spec.named_secrets() {
        let location = positions::location(&session.file.text, Some(secret.span));
        secrets.push(json!({"name": secret.id, "required": secret.is_required, "location": location}));
        let required = if secret.is_required { "true" } else { "" };
        table.push_str(&format!("{:<17}{required}\n", secret.id));
    }
    let files = session.file.sources.iter();
    let sources: Vec<String> = files.map(|source| STANDARD.encode(&source.data)).collect();
    let outline = json!({"name": spec.name, "secrets": secrets, "sources": sources});
    Ok(reply(&outline, table))
}
