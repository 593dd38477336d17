//! What the tag is computed from, and why the image is built the way it is (`--call=explain`).

use serde_json::{Value, json};

use crate::frontend::inputs::BuildInputs;
use crate::frontend::requests::name::{identify, names};
use crate::frontend::requests::reply::reply;
use crate::frontend::session::Session;
use crate::name::shown;
use crate::plan::{ExplainedStep, explain};
use crate::proto::gateway as wire;
use crate::text::{Failure, Operation};

/// Explains the names and the steps.
pub(super) async fn answer(session: &Session) -> Result<wire::Result, Failure> {
    let spec = session.read_spec(Operation::Naming).await?;
    let inputs = BuildInputs::of(session, &spec, false).await?;
    let identity = identify(&inputs).await?;
    let platform = inputs.naming.platforms().and_then(|all| all.into_iter().next());
    let platform = platform.unwrap_or_else(|| session.options.worker.clone());
    let steps = explain(&spec, &platform, inputs.sibling_lock().map(|(path, _)| path));
    let inputs = shown(&identity);
    let mut text = format!(
        "algorithm: {}\ntag: {}\nname: {}\nid: {}\n\nThe tag is computed from:\n",
        identity.algorithm, identity.tag, identity.image_name, identity.id
    );
    for (name, value) in &inputs {
        text.push_str(&format!("  {name}: {value}\n"));
    }
    text.push_str("\nThe image is built in these steps:\n");
    steps.iter().for_each(|step| text.push_str(&line(step)));
    let mut value = names(&identity);
    let inputs = inputs.into_iter().map(|(name, value)| (name, Value::String(value)));
    value["inputs"] = Value::Object(inputs.collect());
    value["steps"] = json!(steps);
    Ok(reply(&value, text))
}

fn line(step: &ExplainedStep) -> String {
    let after = if step.after.is_empty() {
        "the base image".to_owned()
    } else {
        step.after.join(", ")
    };
    let (stage, title, reason) = (step.stage.name(), &step.title, step.reason);
    format!("  [{stage}] {title}\n      on {after}: {reason}\n")
}
