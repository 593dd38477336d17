//! What docker knows about images.

use std::collections::BTreeMap;
use std::process::Command;

use crate::program::stdout_of;

/// The labels of an image in docker's store; `None` if it is not there, or docker is not.
pub(crate) fn labels(reference: &str) -> Option<BTreeMap<String, String>> {
    let mut command = Command::new("docker");
    command.args([
        "image",
        "inspect",
        "--format",
        "{{json .Config.Labels}}",
        "--",
        reference,
    ]);
    // An image without labels has `null`.
    serde_json::from_str::<Option<_>>(&stdout_of(&mut command).ok()?)
        .ok()
        .map(Option::unwrap_or_default)
}

/// The size of an image in docker's store, in bytes.
pub(crate) fn size(reference: &str) -> Option<u64> {
    let mut command = Command::new("docker");
    command.args(["image", "inspect", "--format", "{{.Size}}", "--", reference]);
    stdout_of(&mut command).ok()?.trim().parse().ok()
}
