//! flytekit's recorded cases that have files: the frontend on the engine says what the command line says.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};

use crate::bed::{FRONTEND, bed};
use crate::layout::lay_out;
use crate::progress;

/// A case's arguments as a spec, paths relative to its directory; `None` for values that YAML has no words for.
fn spec(case: &Json) -> Option<Json> {
    let root = format!("{}/", case["root"].as_str()?);
    relative(&case["kwargs"], &root)
}

fn relative(value: &Json, root: &str) -> Option<Json> {
    Some(match value {
        Json::String(text) => json!(text.replace(root, "")),
        Json::Array(items) => Json::Array(items.iter().map(|item| relative(item, root)).collect::<Option<_>>()?),
        Json::Object(object) => match object.get("$enum").and_then(Json::as_str) {
            Some("ALL") => json!("all"),
            // What flytekit fills in where the field is absent, and what no file can say.
            Some(_) => return None,
            None if object.keys().any(|key| key.starts_with('$')) => return None,
            None => {
                let pairs = object
                    .iter()
                    .map(|(key, value)| Some((key.clone(), relative(value, root)?)));
                Json::Object(pairs.collect::<Option<_>>()?)
            }
        },
        other => other.clone(),
    })
}

struct Said {
    tag: Option<String>,
    log: String,
}

fn said(command: &mut Command) -> Said {
    let output = progress::output(command.stdin(Stdio::null()));
    Said {
        tag: output
            .status
            .success()
            .then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned()),
        log: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn by_frontend(directory: &Path, algorithm: &str) -> Said {
    let mut docker = Command::new("docker");
    docker
        .args([
            "buildx",
            "build",
            "--progress=plain",
            "--call=tag",
            "-f",
            "imageSpec.yaml",
        ])
        .args(["--build-arg", &format!("IMAGESPEC_TAG_ALGORITHM={algorithm}"), "."])
        .envs(bed())
        .current_dir(directory);
    said(&mut docker)
}

fn by_command_line(directory: &Path, algorithm: &str) -> Said {
    let mut program = Command::new(env!("CARGO_BIN_EXE_imagespec"));
    program
        .args(["tag", "--algorithm", algorithm])
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .current_dir(directory);
    said(&mut program)
}

#[test]
fn frontend_and_command_line_agree_on_every_case_with_files() {
    bed();
    let mut cases = Vec::new();
    for (file, algorithm) in [("flytekit-current", "flytekit"), ("flytekit-1.13", "flytekit-1.13")] {
        let json = std::fs::read_to_string(format!("tests/vectors/{file}.json")).unwrap();
        let json: Json = serde_json::from_str(&json).unwrap();
        for case in json["cases"].as_array().unwrap() {
            let has_files = case["files"].as_object().is_some_and(|files| !files.is_empty());
            if has_files && let Some(spec) = spec(case) {
                cases.push((case.clone(), spec, algorithm));
            }
        }
    }
    let failures: Mutex<Vec<String>> = Mutex::default();
    // How many cases have a tag.
    let tags = AtomicUsize::new(0);
    let left = Mutex::new(cases.iter());
    let next = || left.lock().unwrap().next();
    // Most of the time goes into starting clients.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((case, spec, algorithm)) = next() {
                    let directory = tempfile::tempdir().unwrap();
                    lay_out(case, directory.path());
                    std::fs::write(
                        directory.path().join("imageSpec.yaml"),
                        format!("# syntax={FRONTEND}\n{spec}\n"),
                    )
                    .unwrap();
                    let frontend = by_frontend(directory.path(), algorithm);
                    let command_line = by_command_line(directory.path(), algorithm);
                    if frontend.tag.is_some() {
                        tags.fetch_add(1, Ordering::Relaxed);
                    }
                    if frontend.tag != command_line.tag {
                        failures.lock().unwrap().push(format!(
                            "{} {algorithm}: frontend {:?}, command line {:?}\n{spec}\n{}\n{}",
                            case["name"], frontend.tag, command_line.tag, frontend.log, command_line.log
                        ));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
    // One case has no tag, for either.
    let counted = (cases.len(), tags.into_inner());
    assert_eq!(counted, (121, 120), "cases, tags");
}
