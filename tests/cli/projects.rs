//! Projects in the layouts of real repositories, judged without an engine: `tests/projects` has them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{PROGRAM, said};

/// The directories of the projects, by name.
fn projects() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/projects");
    let mut found: Vec<PathBuf> = fs::read_dir(all).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn words(value: &Value) -> String {
    let words = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    words.collect::<Vec<_>>().join(" ")
}

/// What the step that makes the lock is given, and what is built afterwards.
fn shown(plan: &Value) -> String {
    let mut shown = String::new();
    for step in plan["storeys"][0]["steps"].as_array().into_iter().flatten() {
        let (id, run) = (step["id"].as_str().unwrap_or_default(), &step["run"]);
        let variables = &run["script"]["variables"];
        match id {
            "python" => shown.push_str(&format!("{}\n", step["title"].as_str().unwrap_or_default())),
            "lock" => {
                shown.push_str(&format!(
                    "{}\n  {}\n",
                    step["title"].as_str().unwrap(),
                    words(&run["script"]["arguments"])
                ));
                for name in ["_packages", "_bounds"] {
                    let lines = variables[name].as_str().unwrap_or_default().lines();
                    lines.for_each(|line| {
                        shown.push_str(&format!("  {name} {}\n", line.split(" --hash").next().unwrap()))
                    });
                }
                let texts = shlex::split(variables["_texts"].as_str().unwrap_or_default()).unwrap_or_default();
                texts
                    .iter()
                    .step_by(2)
                    .for_each(|path| shown.push_str(&format!("  text {path}\n")));
                for mount in run["mounts"].as_array().into_iter().flatten() {
                    if let Some(path) = mount["context"]["path"].as_str() {
                        shown.push_str(&format!("  sees {path}\n"));
                    }
                }
            }
            _ => {}
        }
    }
    shown
}

#[test]
fn layouts_of_real_projects_are_read() {
    let mut all = String::new();
    for directory in projects() {
        let name = directory.file_name().unwrap().to_str().unwrap().to_owned();
        let planned = said(Command::new(PROGRAM).args(["plan", "--json"]).current_dir(&directory));
        assert_eq!(planned.code, 0, "{name}: {}{}", planned.out, planned.err);
        let plan: Value = serde_json::from_str(&planned.out).unwrap();
        all.push_str(&format!("## {name}\n{}", shown(&plan)));
        for warning in plan["warnings"].as_array().into_iter().flatten() {
            all.push_str(&format!("  warning {}\n", warning["message"].as_str().unwrap()));
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_lock_of_poetry_installs_what_poetry_installs() {
    for name in ["poetry-groups", "poetry-no-package", "poetry-path", "poetry2-project"] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/projects").join(name);
        let planned = said(Command::new(PROGRAM).args(["plan", "--json"]).current_dir(&directory));
        let plan: Value = serde_json::from_str(&planned.out).unwrap();
        let steps = plan["storeys"][0]["steps"].as_array().unwrap();
        let mut installed: Vec<&str> = steps
            .iter()
            .flat_map(|step| step["packages"].as_array().into_iter().flatten())
            .filter_map(Value::as_str)
            .collect();
        installed.sort_unstable();
        let expected = fs::read_to_string(directory.join("expected.txt")).unwrap();
        let expected: Vec<&str> = expected.lines().map(|line| line.split("==").next().unwrap()).collect();
        assert_eq!(installed, expected, "{name}");
    }
}
