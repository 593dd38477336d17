//! What docker knows about images.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::program::{ProgramError, stdout_of};

/// The labels of an image, from the engine or else from its registry.
///
/// # Errors
/// When neither knows the image.
pub(crate) fn labels(reference: &str) -> Result<BTreeMap<String, String>, ProgramError> {
    let local = stdout_of(Command::new("docker").args([
        "image",
        "inspect",
        "--format",
        "{{json .Config.Labels}}",
        "--",
        reference,
    ]));
    let text = match local {
        Ok(text) => text,
        Err(_) => stdout_of(Command::new("docker").args([
            "buildx",
            "imagetools",
            "inspect",
            "--format",
            "{{json .Image}}",
            "--",
            reference,
        ]))?,
    };
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    Ok(find_labels(&value).unwrap_or_default())
}

/// The size of an image in docker's store, in bytes.
pub(crate) fn size(reference: &str) -> Option<u64> {
    let mut command = Command::new("docker");
    command.args(["image", "inspect", "--format", "{{.Size}}", "--", reference]);
    stdout_of(&mut command).ok()?.trim().parse().ok()
}

/// The labels in any of docker's formats: bare, in a configuration, or by platform, of which the first counts.
fn find_labels(value: &Value) -> Option<BTreeMap<String, String>> {
    let object = value.as_object()?;
    if let Some(labels) = value.pointer("/config/Labels") {
        return find_labels(labels);
    }
    if object.values().all(Value::is_string) {
        let labels = object
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        return Some(labels.collect());
    }
    object.values().find_map(find_labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_in_all_that_docker_prints() {
        let check = |text: &str, expect: &[(&str, &str)]| {
            let found = find_labels(&serde_json::from_str(text).unwrap());
            let expect = expect.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            assert_eq!(found.unwrap_or_default(), expect.collect(), "{text}");
        };
        check(r#"{"a": "b"}"#, &[("a", "b")]);
        check("null", &[]);
        check(r#"{"config": {"Labels": {"a": "b"}}, "os": "linux"}"#, &[("a", "b")]);
        check(
            r#"{"linux/amd64": {"config": {"Labels": {"a": "b"}}, "rootfs": {}}}"#,
            &[("a", "b")],
        );
    }
}
