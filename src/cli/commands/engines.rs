//! `imagespec engines`.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::output::{DONE, out};
use crate::engine::{Engine, Engines, Health};
use crate::text::Failure;

#[derive(Debug, Args)]
pub(crate) struct EnginesArguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl EnginesArguments {
    pub(crate) fn json(&self) -> bool {
        self.json
    }
}

/// Prints which engines there are, and whether they can build.
pub(crate) fn run(arguments: &EnginesArguments) -> Result<u8, Failure> {
    let engines = Engines::default();
    let found: Vec<(&str, Option<i32>, Health)> = engines
        .all()
        .map(|engine: &dyn Engine| (engine.name(), engine.priority(), engine.health()))
        .collect();
    let chosen = found
        .iter()
        .find(|(_, priority, health)| priority.is_some() && health.is_healthy());
    let chosen = chosen.map(|(name, ..)| *name);
    if arguments.json {
        let list: Vec<Value> = found
            .iter()
            .map(|(name, _, health)| {
                let mut value = serde_json::to_value(health).unwrap_or_default();
                value["name"] = json!(name);
                value["healthy"] = json!(health.is_healthy());
                value
            })
            .collect();
        out(&format!("{}\n", json!({"version": 1, "auto": chosen, "engines": list})));
        return Ok(DONE);
    }
    let mut text = String::new();
    for (name, _, health) in &found {
        let mark = if chosen == Some(*name) { "  (auto)" } else { "" };
        text.push_str(&format!("{name}{mark}\n"));
        for line in described(health) {
            text.push_str(&format!("    {line}\n"));
        }
    }
    out(&text);
    Ok(DONE)
}

fn described(health: &Health) -> Vec<String> {
    let mut lines = Vec::new();
    let mut add = |what: &str, value: Option<&str>| {
        if let Some(value) = value {
            lines.push(format!("{what}: {value}"));
        }
    };
    add("version", health.version.as_deref());
    add("builder", health.builder.as_deref());
    add("BuildKit", health.buildkit.as_deref());
    add("image store", health.store);
    let features = health.features.join(", ");
    add("can", Some(features.as_str()).filter(|features| !features.is_empty()));
    match &health.trouble {
        Some(trouble) => {
            add("cannot build", Some(&trouble.reason));
            add("help", Some(&trouble.help));
        }
        None => add("healthy", Some("yes")),
    }
    lines
}
