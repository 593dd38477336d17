//! The configuration of an image.

use serde_json::{Map, Value, json};

use crate::oci::Platform;
use crate::plan::{Settings, edited};

/// The image's configuration: the base's, with the spec's changes.
///
/// Unknown keys of the base stay; build triggers and creation time are dropped. `history` has one entry for each layer
/// above the base.
#[must_use]
pub fn image_config(
    base: Option<&Value>,
    platform: &Platform,
    settings: &Settings,
    labels: &[(String, String)],
    history: &[String],
) -> Value {
    let mut image = match base {
        Some(Value::Object(base)) => base.clone(),
        _ => Map::new(),
    };
    image.remove("created");
    image.insert("os".into(), json!(platform.os));
    image.insert("architecture".into(), json!(platform.architecture));
    if !platform.variant.is_empty() {
        image.insert("variant".into(), json!(platform.variant));
    }
    let rootfs = image
        .entry("rootfs")
        .or_insert_with(|| json!({"type": "layers", "diff_ids": []}));
    if !rootfs.is_object() {
        *rootfs = json!({"type": "layers", "diff_ids": []});
    }
    let mut config = match image.remove("config") {
        Some(Value::Object(config)) => config,
        _ => Map::new(),
    };
    config.remove("OnBuild");
    let environment: Vec<String> = edited(&variables(&config), &settings.environment)
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    config.insert("Env".into(), json!(environment));
    if let Some(user) = &settings.user {
        config.insert("User".into(), json!(user));
    }
    if let Some(workdir) = &settings.workdir {
        config.insert("WorkingDir".into(), json!(workdir));
    }
    if let Some(entrypoint) = &settings.entrypoint {
        // As in a Dockerfile, the base's command was for the base's entry point.
        config.remove("Cmd");
        if entrypoint.is_empty() {
            config.remove("Entrypoint");
        } else {
            config.insert("Entrypoint".into(), json!(entrypoint));
        }
    }
    if !settings.ports.is_empty() {
        let mut all = match config.remove("ExposedPorts") {
            Some(Value::Object(ports)) => ports,
            _ => Map::new(),
        };
        all.extend(settings.ports.iter().map(|port| (port.clone(), json!({}))));
        all.sort_keys();
        config.insert("ExposedPorts".into(), Value::Object(all));
    }
    let mut all_labels = match config.remove("Labels") {
        Some(Value::Object(labels)) => labels,
        _ => Map::new(),
    };
    for (name, value) in settings.labels.iter().chain(labels) {
        all_labels.insert(name.clone(), json!(value));
    }
    all_labels.sort_keys();
    if !all_labels.is_empty() {
        config.insert("Labels".into(), Value::Object(all_labels));
    }
    image.insert("config".into(), Value::Object(config));
    let mut entries = match image.remove("history") {
        Some(Value::Array(entries)) => entries,
        _ => Vec::new(),
    };
    entries.extend(
        history
            .iter()
            .map(|what| json!({"created_by": what, "comment": "imagespec"})),
    );
    image.insert("history".into(), Value::Array(entries));
    Value::Object(image)
}

/// The environment of a configuration.
fn variables(config: &Map<String, Value>) -> Vec<(String, String)> {
    let variables = config.get("Env").and_then(Value::as_array).into_iter().flatten();
    variables
        .filter_map(Value::as_str)
        .map(|variable| {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Edit;

    #[test]
    fn the_base_config_is_kept_where_the_spec_is_silent() {
        let base = json!({
            "created": "2024-01-01T00:00:00Z", "architecture": "amd64", "os": "linux", "author": "x",
            "config": {
                "Env": ["A=1"], "Cmd": ["bash"], "Entrypoint": ["/e"], "User": "u", "WorkingDir": "/w",
                "OnBuild": ["RUN x"], "ExposedPorts": {"80/tcp": {}}, "Labels": {"b": "1"}, "Healthcheck": {"Test": ["NONE"]}
            },
            "rootfs": {"type": "layers", "diff_ids": ["sha256:1"]},
            "history": [{"created_by": "base"}]
        });
        let check = |settings: Settings| {
            let config = image_config(
                Some(&base),
                &Platform::linux_amd64(),
                &settings,
                &[("z".into(), "2".into())],
                &["step".into()],
            );
            serde_json::to_string_pretty(&config).unwrap()
        };
        insta::assert_snapshot!(check(Settings::default()));
        let all = Settings {
            environment: vec![Edit::set("A", "2")],
            user: Some("flytekit".into()),
            workdir: Some("/root".into()),
            entrypoint: Some(Vec::new()),
            ports: vec!["53/udp".into()],
            labels: vec![("a".into(), "3".into())],
        };
        insta::assert_snapshot!(check(all));
    }
}
