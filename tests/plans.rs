//! Every spec below `tests/specs` as a plan, and as a graph in both strategies.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may stop at the first surprise, their helpers too"
)]

use std::sync::Arc;

use imagespec::digest;
use imagespec::emit::{Options, Sources, Strategy, emit};
use imagespec::llb::{Definition, Image, Local, Metadata, Output, Platform, ResolveMode, SourceFile, render};
use imagespec::plan::{Base, BaseFacts, BuildPlan, Facts, plan};
use imagespec::spec::{BaseImage, ImageSpec, Stage, Text, parse};

fn facts(spec: &ImageSpec) -> Facts {
    Facts {
        base: BaseFacts {
            environment: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
            name: "debian:bookworm-slim".into(),
        },
        id: digest::id(spec).to_string(),
        requirements: spec.requirements.as_ref().map(|_| "numpy\nflytekit>=1.16\n".to_owned()),
        nested: match &spec.base_image {
            Some(BaseImage::Spec(nested)) => Some(Box::new(facts(&nested.value))),
            _ => None,
        },
    }
}

fn read(name: &str, yaml: &str) -> (Text, ImageSpec) {
    let text = Text::new(name, yaml);
    let parsed = parse(&text);
    let errors: Vec<String> = parsed.errors(Stage::Build).map(|d| d.line(&text)).collect();
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

/// Leaves out the program that ends install steps, the same each time.
fn shorten(plan: &mut serde_json::Value) {
    match plan {
        serde_json::Value::Array(items) => {
            let begin = items
                .iter()
                .position(|item| item.as_str().is_some_and(|line| line.ends_with("<<'SETTLE'")));
            if let Some(begin) = begin {
                items.truncate(begin + 1);
            }
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
        (definition.0.def.clone(), prost::Message::encode_to_vec(&definition.0))
    };
    let yaml = "packages: [a, b]\napt_packages: [git]\nlabels: {b: \"1\", a: \"2\"}\nbuild_env: {X: y}\n";
    assert_eq!(bytes(yaml), bytes(yaml));
    // The order of fields has no meaning; only the lines that steps point to move.
    let moved = "build_env: {X: y}\napt_packages: [git]\nlabels: {a: \"2\", b: \"1\"}\npackages: [a, b]\n";
    assert_eq!(bytes(yaml).0, bytes(moved).0);
}

#[test]
fn an_edit_of_env_changes_no_step_without_commands() {
    let ops = |yaml: &str| definition("s.yaml", yaml, Strategy::Merge).0.def;
    let before = ops("packages: [a]\napt_packages: [git]\ncopy: [x]\nenv: {LOG_LEVEL: info}\n");
    let after = ops("packages: [a]\napt_packages: [git]\ncopy: [x]\nenv: {LOG_LEVEL: debug, NEW: \"1\"}\n");
    assert_eq!(before, after);
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

#[test]
fn what_a_spec_says_reaches_shells_only_quoted() {
    let yaml = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/specs/injection.yaml")).unwrap();
    let plan = plan_of("injection.yaml", &yaml);
    let shells = serde_json::to_value(&plan).unwrap();
    let mut seen = 0;
    for step in shells["steps"].as_array().unwrap() {
        let Some(lines) = step.pointer("/run/script").and_then(|s| s.as_array()) else {
            continue;
        };
        let script: String = lines
            .iter()
            .map(|line| format!("{}\n", line.as_str().unwrap()))
            .collect();
        let Some(line) = script.lines().find(|line| line.contains("pwned")) else {
            continue;
        };
        seen += 1;
        // A shell that reads the words of each such line finds no command in them.
        for line in script.lines().filter(|line| line.contains("pwned")) {
            let words = shlex::split(line.split(" > ").next().unwrap()).unwrap();
            assert!(
                words.iter().all(|word| word != "touch" && !word.starts_with("touch ")),
                "{line}"
            );
        }
        let _ = line;
    }
    assert!(seen >= 2);
}
