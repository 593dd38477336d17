//! The digests of the images that a build uses (`--call=pin`).

use serde_json::{Map, Value, json};

use crate::frontend::image::Images;
use crate::frontend::inputs::BuildInputs;
use crate::frontend::requests::reply::reply;
use crate::frontend::session::Session;
use crate::proto::gateway as wire;
use crate::text::{Failure, Operation};

/// Looks the images up and returns their digests.
pub(super) async fn answer(session: &Session) -> Result<wire::Result, Failure> {
    let spec = session.read_spec(Operation::Building).await?;
    let inputs = BuildInputs::of(session, &spec, false).await?;
    let images = inputs.images().await?;
    Ok(pins(images.iter().flat_map(Images::digests)))
}

/// Images and their digests, in the form of the field `pins`.
fn pins(digests: impl Iterator<Item = (String, Option<String>)>) -> wire::Result {
    let mut pins = Map::new();
    let mut text = String::from("pins:\n");
    for (name, digest) in digests {
        let known = digest.map(Value::String);
        if !pins.contains_key(&name) {
            match known.as_ref().and_then(Value::as_str) {
                Some(digest) => text.push_str(&format!("  \"{name}\": \"{digest}\"\n")),
                None => text.push_str(&format!("  # {name} has no digest to pin\n")),
            }
            pins.insert(name, known.unwrap_or(Value::Null));
        }
    }
    reply(&json!({"version": 1, "pins": pins}), text)
}
