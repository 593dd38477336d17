//! Every spec below `tests/specs` as a plan, and as a graph in both strategies.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may stop at the first surprise, their helpers too"
)]

use std::sync::Arc;

use imagespec::image_spec::{BaseImage, ImageSpec, parse};
use imagespec::llb::{Definition, Image, Local, Metadata, Output, ResolveMode, SourceFile, render};
use imagespec::name;
use imagespec::oci::Platform;
use imagespec::plan::{Action, Base, BaseFacts, BuildPlan, Facts, Lock, Requirements, plan, required};
use imagespec::python::{Artefact, Locked, Requirement, Source};
use imagespec::text::{Operation, Text};
use imagespec::write::{Options, Sources, Strategy, emit};

/// A lock that names a wheel for each requirement, or what it is built from.
fn lock(spec: &ImageSpec, requirements: &Requirements) -> Lock {
    let mut packages: Vec<Locked> = Vec::new();
    for line in required(spec, requirements) {
        // Options decide, too, and ask for nothing.
        let Ok(requirement) = Requirement::parse(&line) else {
            continue;
        };
        let name = requirement.name.clone().unwrap_or_else(|| "unnamed".to_owned());
        let hash = format!("sha256:{}", "ab".repeat(32));
        let (version, artefact) = match requirement.source {
            Source::Index => (Some("1.0".to_owned()), Artefact::Wheel { hash }),
            Source::Repository(url) => (
                None,
                Artefact::Repository {
                    url: url.split('@').next().unwrap().to_owned(),
                    commit: "c0ffee".repeat(6),
                    subdirectory: None,
                },
            ),
            Source::Archive(url) => (
                None,
                Artefact::Archive {
                    url,
                    hash,
                    subdirectory: None,
                },
            ),
            Source::Path(path) => (
                None,
                Artefact::Path {
                    path: path.trim_start_matches("./").to_owned(),
                    hash: None,
                    subdirectory: None,
                },
            ),
        };
        packages.push(Locked {
            name,
            version,
            artefact,
            index: None,
        });
    }
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    packages.dedup_by(|a, b| a.name == b.name);
    Lock {
        packages,
        shared: Vec::new(),
    }
}

fn facts(spec: &ImageSpec) -> Facts {
    let requirements = Requirements {
        lines: match &spec.requirements {
            Some(_) => vec!["numpy".into(), "flytekit>=1.16".into()],
            None => Vec::new(),
        },
        files: spec.requirements.iter().map(|file| file.value.clone()).collect(),
        ..Requirements::default()
    };
    Facts {
        lock: Some(lock(spec, &requirements)),
        beside: None,
        base: BaseFacts {
            environment: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
            name: "debian:bookworm-slim".into(),
            layers: 1,
        },
        id: name::Naming::new(spec, &name::NamingOptions::default())
            .map(|naming| naming.id())
            .unwrap_or_default(),
        requirements,
        nested: match &spec.base_image {
            Some(BaseImage::Spec(nested)) => Some(Box::new(facts(&nested.value))),
            _ => None,
        },
    }
}

fn read(name: &str, yaml: &str) -> (Text, ImageSpec) {
    let text = Text::new(name, yaml);
    let parsed = parse(&text);
    let errors: Vec<String> = parsed.errors(Operation::Building).map(|d| d.line(&text)).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    (text, parsed.spec.unwrap())
}

fn plan_of(name: &str, yaml: &str) -> BuildPlan {
    let (text, spec) = read(name, yaml);
    plan(&spec, &text, &Platform::linux_amd64(), &facts(&spec))
}

fn image(reference: &str) -> Output {
    Image {
        reference: reference.to_owned(),
        platform: Platform::linux_amd64(),
        resolve_mode: ResolveMode::Default,
    }
    .output(Metadata::default())
}

fn sources(plan: &BuildPlan) -> Sources {
    let context = Local {
        name: "context".into(),
        ..Local::default()
    };
    Sources {
        base: match &plan.base {
            Base::Image(reference) => Some(image(reference)),
            Base::Plan(_) => None,
        },
        uv: plan.tools.uv.as_deref().map(image),
        micromamba: plan.tools.micromamba.as_deref().map(image),
        context: Some(context.output(Metadata::default())),
        beside: None,
        nested: match &plan.base {
            Base::Image(_) => None,
            Base::Plan(nested) => Some(Box::new(sources(nested))),
        },
    }
}

fn definition(name: &str, yaml: &str, strategy: Strategy) -> Definition {
    let plan = plan_of(name, yaml);
    let options = Options {
        file: Some(Arc::new(SourceFile {
            filename: name.to_owned(),
            data: yaml.as_bytes().to_vec(),
            language: "YAML".into(),
            definition: None,
        })),
        ..Options::new(strategy)
    };
    let emitted = emit(&plan, &sources(&plan), &options).unwrap();
    Definition::new(emitted.result.as_ref())
}

/// Leaves out the programs that steps end with, the same each time.
fn shorten(plan: &mut serde_json::Value) {
    match plan {
        serde_json::Value::Array(items) => {
            let mut is_program = false;
            items.retain(|item| {
                let line = item.as_str().unwrap_or_default();
                let is_kept = !is_program;
                is_program = line.contains("<<'PROGRAM'") || is_program && line != "PROGRAM";
                is_kept
            });
            items.iter_mut().for_each(shorten);
        }
        serde_json::Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

/// Scripts are in the plan's snapshot already.
fn without_scripts(rendering: &str) -> String {
    let lines = rendering.lines().filter(|line| !line.starts_with("      | "));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn specs_become_plans_and_graphs() {
    insta::glob!("specs/*.yaml", |path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let yaml = std::fs::read_to_string(path).unwrap();
        let mut plan = serde_json::to_value(plan_of(name, &yaml)).unwrap();
        shorten(&mut plan);
        insta::assert_snapshot!("plan", serde_json::to_string_pretty(&plan).unwrap());
        for (suffix, strategy) in [("merge", Strategy::Merge), ("chain", Strategy::Chain)] {
            let definition = definition(name, &yaml, strategy);
            insta::assert_snapshot!(suffix, without_scripts(&render(&definition.0)));
        }
    });
}

#[test]
fn the_same_spec_gives_the_same_bytes() {
    let bytes = |yaml: &str| {
        let definition = definition("s.yaml", yaml, Strategy::Merge);
        let lines = prost::Message::encode_to_vec(&definition.0);
        (definition.0.def, lines)
    };
    let yaml =
        "packages: [a, b]\napt_packages: [git]\nenv: {B: \"1\", A: \"2\"}\nbuild_env: {X: y, W: z}\ncommands: [ls]\n";
    assert!(bytes(yaml) == bytes(yaml));
    // The order of fields has no meaning; only the lines that steps point to move.
    let moved =
        "commands: [ls]\nbuild_env: {W: z, X: y}\napt_packages: [git]\nenv: {A: \"2\", B: \"1\"}\npackages: [a, b]\n";
    assert!(bytes(yaml).0 == bytes(moved).0);
}

#[test]
fn an_edit_of_env_changes_no_step_without_commands() {
    let ops = |yaml: &str| definition("s.yaml", yaml, Strategy::Merge).0.def;
    let before = ops("packages: [a]\napt_packages: [git]\ncopy: [x]\nenv: {LOG_LEVEL: info}\n");
    let after = ops("packages: [a]\napt_packages: [git]\ncopy: [x]\nenv: {LOG_LEVEL: debug, NEW: \"1\"}\n");
    assert!(before == after);
}

#[test]
fn what_only_the_image_config_says_changes_no_step() {
    let ops = |more: &str| {
        let yaml = format!("packages: [a]\nsetup_commands: [ls]\ncommands: [ls]\n{more}");
        definition("s.yaml", &yaml, Strategy::Merge).0.def
    };
    let before = ops("");
    for more in [
        "entrypoint: [a]\n",
        "labels: {a: b}\n",
        "runtime_packages: [x]\n",
        "name: other\nregistry: r.io\n",
        "tag_format: x\n",
    ] {
        assert!(before == ops(more), "{more}");
    }
}

#[test]
fn an_edit_of_path_changes_the_login_line_alone() {
    let ops = |path: &str| {
        let yaml = format!("packages: [a]\napt_packages: [git]\ncopy: [x]\nenv: {{PATH: \"{path}\"}}\n");
        definition("s.yaml", &yaml, Strategy::Merge).0.def
    };
    let (before, after) = (ops("/a:$PATH"), ops("/b:$PATH"));
    let changed = before.iter().filter(|op| !after.contains(op)).count();
    // The step, its layer, the merge and the end of the graph.
    assert_eq!(changed, 4);
}

#[test]
fn an_edit_of_one_branch_leaves_the_others() {
    let ops = |yaml: &str| definition("s.yaml", yaml, Strategy::Merge).0.def;
    let before = ops("packages: [a]\ncopy: [x]\nsource_root: src\nsource_copy_mode: all\n");
    let after = ops("packages: [a]\ncopy: [x, y]\nsource_root: src\nsource_copy_mode: all\n");
    let kept = before.iter().filter(|op| after.contains(op)).count();
    // User, interpreter, packages and the first copy, with their sources.
    assert!(kept >= 8, "{kept} of {}", before.len());
}

/// Runs the lines of a script that hold words of the spec in a real shell, which would find `touch`.
fn run_with_trap(script: &str, trap: &std::path::Path) -> usize {
    let lines: Vec<&str> = script.lines().filter(|line| line.contains("pwned")).collect();
    for line in &lines {
        std::process::Command::new("/bin/sh")
            .args(["-c", line])
            .env_clear()
            .env("PATH", trap)
            .current_dir(trap)
            .output()
            .unwrap();
        assert!(!trap.join("sprung").exists(), "a shell found a command in: {line}");
    }
    lines.len()
}

#[test]
fn what_a_spec_says_reaches_shells_only_quoted() {
    use std::os::unix::fs::PermissionsExt as _;

    let trap = tempfile::tempdir().unwrap();
    let touch = trap.path().join("touch");
    let sprung = trap.path().join("sprung");
    std::fs::write(&touch, format!("#!/bin/sh\n: > {}\n", sprung.display())).unwrap();
    std::fs::set_permissions(&touch, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut lines = 0;
    for name in ["injection.yaml", "injection-exec.yaml"] {
        let path = format!("{}/tests/specs/{name}", env!("CARGO_MANIFEST_DIR"));
        let plan = plan_of(name, &std::fs::read_to_string(path).unwrap());
        for step in &plan.steps {
            if let Action::Run(run) = &step.action {
                lines += run_with_trap(&run.script, trap.path());
            }
        }
    }
    assert!(lines >= 6, "only {lines} lines hold words of the spec");
    // The trap works: an unquoted word springs it.
    std::process::Command::new("/bin/sh")
        .args(["-c", "echo \"$(touch /pwned)\""])
        .env("PATH", trap.path())
        .output()
        .unwrap();
    assert!(sprung.exists());
}
