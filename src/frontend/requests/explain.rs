//! What the tag is computed from, and why the image is built as it is (`--call=explain`).

use serde_json::{Value, json};

use crate::frontend::requests::name::{identify, names};
use crate::frontend::requests::reply::reply;
use crate::frontend::session::Session;
use crate::image_spec::{ImageSpec, Layering};
use crate::name::shown;
use crate::plan::{self, Base, BuildPlan, Facts, Product, Stage};
use crate::proto::gateway as wire;
use crate::text::{Failure, Operation};

/// Explains the names and the steps.
pub(super) async fn answer(session: &Session) -> Result<wire::Result, Failure> {
    let spec = session.read_spec(Operation::Naming).await?;
    let lock = session.sibling_lock(&spec).await?;
    let naming = session.naming(&spec, lock.as_ref())?;
    let identity = identify(session, &naming).await?;
    let platform = naming.platforms().and_then(|all| all.into_iter().next());
    let platform = platform.unwrap_or_else(|| session.options.worker.clone());
    let facts = Facts {
        beside: lock.map(|lock| lock.path),
        ..Facts::default()
    };
    let plan = plan::plan(&spec, &session.file.text, &platform, &facts);
    let mut value = names(&identity);
    let inputs = shown(&identity);
    let mut text = format!(
        "algorithm: {}\ntag: {}\nname: {}\nid: {}\n\nThe tag is computed from:\n",
        identity.algorithm, identity.tag, identity.image_name, identity.id
    );
    for (name, value) in &inputs {
        text.push_str(&format!("  {name}: {value}\n"));
    }
    let inputs = inputs.into_iter().map(|(name, value)| (name, Value::String(value)));
    value["inputs"] = Value::Object(inputs.collect());
    let steps = steps(&plan, &spec);
    text.push_str("\nThe image is built in these steps:\n");
    for step in &steps {
        let field = |name: &str| step[name].as_str().unwrap_or_default();
        let after: Vec<&str> = step["after"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let after = if after.is_empty() {
            "the base image".to_owned()
        } else {
            after.join(", ")
        };
        let (stage, title, reason) = (field("stage"), field("title"), field("reason"));
        text.push_str(&format!("  [{stage}] {title}\n      on {after}: {reason}\n"));
    }
    value["steps"] = Value::Array(steps);
    Ok(reply(&value, text))
}

/// The steps of a plan and of those below it, the innermost first: what each sees, and why.
fn steps(plan: &BuildPlan, spec: &ImageSpec) -> Vec<Value> {
    let mut all = match (&plan.base, spec.below()) {
        (Base::Plan(below), Some(spec)) => steps(below, spec),
        _ => Vec::new(),
    };
    for (position, step) in plan.steps.iter().enumerate() {
        let after = step
            .after
            .iter()
            .filter_map(|other| plan.steps.get(*other))
            .map(|other| json!(other.title));
        let line = json!({
            "stage": step.stage.name(),
            "title": step.title,
            "after": after.collect::<Vec<Value>>(),
            "reason": step.reason,
        });
        all.push(line);
        if plan.maker(Product::Lock) == Some(position) {
            let python = plan.steps.iter().find(|step| step.stage == Stage::Python);
            all.push(json!({
                "stage": "packages",
                "title": match spec.layering {
                    Layering::Auto => "install what the lock names, each heavy package in a step of its own and sixteen for the rest",
                    Layering::Single => "install what the lock names, in one step",
                },
                "after": python.map(|step| json!([step.title])).unwrap_or_else(|| json!([])),
                "reason": plan::INSTALL_REASON,
            }));
            let tools = plan
                .steps
                .iter()
                .filter(|step| matches!(step.stage, Stage::Python | Stage::Apt));
            let tools: Vec<&str> = tools.map(|step| step.title.as_str()).collect();
            all.push(json!({
                "stage": "packages",
                "title": "build what the lock has no wheel of, a step each",
                "after": tools,
                "reason": plan::BUILD_REASON,
            }));
        }
    }
    all
}
