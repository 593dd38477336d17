//! Lays out the files of a recorded case.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use serde_json::Value as Json;

/// Writes a case's files below a directory, and makes repositories where it has them.
pub(crate) fn lay_out(case: &Json, root: &Path) {
    for (path, content) in case["files"].as_object().into_iter().flatten() {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if let Some(text) = content["text"].as_str() {
            fs::write(path, text).unwrap();
        } else if let Some(data) = content["b64"].as_str() {
            fs::write(path, base64::engine::general_purpose::STANDARD.decode(data).unwrap()).unwrap();
        } else if let Some(target) = content["symlink"].as_str() {
            std::os::unix::fs::symlink(target, path).unwrap();
        } else {
            fs::create_dir_all(path).unwrap();
        }
    }
    for directory in case["git_init"].as_array().into_iter().flatten() {
        let done = Command::new("git")
            .args(["init", "-q"])
            .current_dir(root.join(directory.as_str().unwrap()))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .status()
            .unwrap();
        assert!(done.success());
    }
}
