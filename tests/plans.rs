//! Every spec below `tests/specs` as a plan, and as a graph in both strategies.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may stop at the first surprise, their helpers too"
)]

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use imagespec::image_spec::{ImageSpec, parse};
use imagespec::llb::{Definition, Image, Local, Metadata, Output, ResolveMode, SourceFile, render};
use imagespec::name;
use imagespec::oci::Platform;
use imagespec::plan::{
    Attendance, BaseFacts, BuildPlan, CopiesFacts, CopyFacts, CopyLink, Facts, LockedPackages, PlanReport,
    Requirements, StoreyFacts, Strategy, explain, plan, required,
};
use imagespec::proto::pb;
use imagespec::python::{Artefact, IndexOption, Locked, Requirement, Source};
use imagespec::text::{Operation, Text};
use imagespec::write::{LlbOptions, Sources, SpecSource, write_llb};
use prost::Message as _;

/// A lock that names a wheel for each requirement, or what it is built from.
fn lock(spec: &ImageSpec, requirements: &Requirements) -> LockedPackages {
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
    LockedPackages {
        packages,
        shared: Vec::new(),
    }
}

fn facts(spec: &ImageSpec) -> Facts {
    let of_storey = |spec: &ImageSpec| {
        let lines: Vec<String> = match &spec.requirements {
            Some(_) => vec!["numpy".into(), "flytekit>=1.16".into()],
            None => Vec::new(),
        };
        let requirements = Requirements {
            resolved: lines.clone(),
            lines,
            ..Requirements::default()
        };
        StoreyFacts {
            lock: Some(lock(spec, &requirements)),
            copies: Some(CopiesFacts::default()),
            requirements,
            ..StoreyFacts::default()
        }
    };
    let mut storeys: Vec<StoreyFacts> = spec.all().map(of_storey).collect();
    storeys.reverse();
    Facts {
        attendance: Attendance::Reader,
        base: BaseFacts {
            name: None,
            layers: Some(1),
        },
        id: name::Naming::new(spec, &name::NamingOptions::default())
            .map(|naming| naming.id())
            .unwrap_or_default(),
        storeys,
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
    let (_, spec) = read(name, yaml);
    plan(&spec, &Platform::linux_amd64(), &facts(&spec))
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
    let images = plan.storeys.iter().map(|storey| {
        let images = storey.images.iter();
        images.map(|(role, reference)| (*role, image(reference))).collect()
    });
    Sources {
        base: Some(image(&plan.base.image)),
        base_environment: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
        images: images.collect(),
        context: Some(context.output(Metadata::default())),
        spec_directory: None,
    }
}

fn definition(name: &str, yaml: &str, strategy: Strategy) -> Definition {
    let plan = plan_of(name, yaml);
    let file = Arc::new(SourceFile {
        filename: name.to_owned(),
        data: yaml.as_bytes().to_vec(),
        language: "YAML".into(),
        definition: None,
    });
    let options = LlbOptions {
        source: Some(SpecSource {
            text: Arc::new(Text::new(name, yaml)),
            files: vec![file],
        }),
        ..LlbOptions::new(strategy)
    };
    let graph = write_llb(&plan, &sources(&plan), &options).unwrap();
    Definition::new(graph.result.as_ref())
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
        let plan = plan_of(name, &yaml);
        insta::assert_snapshot!("plan", serde_json::to_string_pretty(&plan).unwrap());
        for (suffix, strategy) in [("merge", Strategy::Merge), ("chain", Strategy::Chain)] {
            let definition = definition(name, &yaml, strategy);
            insta::assert_snapshot!(suffix, without_scripts(&render(&definition.0)));
        }
    });
}

/// A plan as it is printed, with what a build would install and without, and what `explain` says.
#[test]
fn plans_read_well() {
    for name in [
        "nested",
        "nested-adds-conda",
        "packages-and-apt",
        "copy-over-others",
        "python-exec",
        "other-users",
        "setup-and-commands",
    ] {
        let path = format!("{}/tests/specs/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        let yaml = std::fs::read_to_string(path).unwrap();
        let (text, spec) = read(name, &yaml);
        let platform = Platform::linux_amd64();
        let printed = |facts: &Facts, interpreters: &[Option<String>]| {
            let plan = plan(&spec, &platform, facts);
            let report = PlanReport::new(&plan, &text, Strategy::Merge, interpreters).unwrap();
            report.text()
        };
        let known = printed(&facts(&spec), &[Some("Python 3.12 on linux x86_64".to_owned())]);
        let unknown = printed(&Facts::default(), &[]);
        let steps = explain(&spec, &platform, None).into_iter().map(|step| {
            let after = step.after.join(", ");
            format!(
                "[{}] {}\n    after {after}: {}\n",
                step.stage.name(),
                step.title,
                step.reason
            )
        });
        let explained: String = steps.collect();
        insta::assert_snapshot!(
            format!("read_{name}"),
            format!("{known}\n======== before a build\n{unknown}\n======== explained\n{explained}")
        );
    }
}

/// Directories of the context that serve as indexes, beside real ones, in the steps that resolve, fetch, install and
/// build.
#[test]
fn indexes_of_every_kind_reach_the_steps_that_ask_them() {
    let hash = || format!("sha256:{}", "ab".repeat(32));
    let wheel = |name: &str| Locked {
        name: name.to_owned(),
        version: Some("1.0".to_owned()),
        artefact: Artefact::Wheel { hash: hash() },
        index: None,
    };
    let with = |package: Locked, artefact: Artefact| Locked { artefact, ..package };
    let path = |path: &str| path.to_owned();
    let mut packages = vec![
        with(
            wheel("listed-wheel"),
            Artefact::Listed {
                path: path("vendor/listed_wheel-1.0-py3-none-any.whl"),
                hash: hash(),
            },
        ),
        with(
            wheel("listed-source"),
            Artefact::Listed {
                path: path("vendor/listed-source-1.0.tar.gz"),
                hash: hash(),
            },
        ),
        with(wheel("source"), Artefact::Source { hash: hash() }),
        with(
            wheel("wheel-near"),
            Artefact::Path {
                path: path("wheels/wheel_near-1.0-py3-none-any.whl"),
                hash: Some(hash()),
                subdirectory: None,
            },
        ),
        Locked {
            index: Some("https://of-the-lock/simple".to_owned()),
            ..wheel("elsewhere")
        },
        Locked {
            index: Some("https://pypi.org/simple".to_owned()),
            ..wheel("usual")
        },
    ];
    packages.extend((0..8).map(|number| wheel(&format!("plain-{number}"))));
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    let requirements = Requirements {
        lines: vec!["usual".to_owned()],
        resolved: vec!["usual".to_owned()],
        indexes: vec![
            IndexOption::Main("https://main/simple".to_owned()),
            IndexOption::Extra("https://extra/simple".to_owned()),
            IndexOption::FindLinks("vendor".to_owned()),
            IndexOption::FindLinks("https://flat/links".to_owned()),
        ],
        setting_indexes: vec![
            IndexOption::Extra("https://of-settings/simple".to_owned()),
            IndexOption::FindLinks("settled".to_owned()),
        ],
        has_settings: true,
        mounts: ["vendor".to_owned(), "settled".to_owned()].into(),
        ..Requirements::default()
    };
    for layering in ["auto", "single"] {
        let yaml = format!(
            "profile: plain\nrequirements: r.txt\nlayering: {layering}\npip_index: https://of-the-spec/simple\n\
             pip_extra_index_url: [https://more/simple]\n"
        );
        let (_, spec) = read("s.yaml", &yaml);
        let facts = Facts {
            storeys: vec![StoreyFacts {
                requirements: requirements.clone(),
                lock: Some(LockedPackages {
                    packages: packages.clone(),
                    shared: Vec::new(),
                }),
                ..StoreyFacts::default()
            }],
            ..Facts::default()
        };
        let plan = plan(&spec, &Platform::linux_amd64(), &facts);
        let steps = &plan.storeys[0].steps;
        insta::assert_snapshot!(
            format!("indexes_{layering}"),
            serde_json::to_string_pretty(steps).unwrap()
        );
    }
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

/// The spec's PATH may name no program at all; scripts must work nevertheless.
#[test]
fn scripts_find_their_programs_whatever_path_is() {
    let yaml = "packages: [a]\napt_packages: [git]\nenv: {PATH: /x}\n";
    let definition = definition("s.yaml", yaml, Strategy::Merge);
    let mut scripts = 0;
    for op in &definition.0.def {
        let Some(pb::op::Op::Exec(exec)) = pb::Op::decode(op.as_slice()).unwrap().op else {
            continue;
        };
        let environment = exec.meta.unwrap().env;
        if environment
            .iter()
            .any(|variable| variable.starts_with("IMAGESPEC_STEP_"))
        {
            let path = environment.iter().find_map(|variable| variable.strip_prefix("PATH="));
            assert!(path.unwrap().split(':').any(|entry| entry == "/bin"), "{environment:?}");
            scripts += 1;
        }
    }
    assert!(scripts >= 5, "{scripts}");
}

/// Images with more heavy packages than layers share some of them; which ones must not depend on other fields.
#[test]
fn near_the_limit_of_layers_an_edit_moves_no_package() {
    let packages: Vec<String> = (0..90).map(|number| format!("nvidia-p{number:03}")).collect();
    let installs = |more: &str| -> Vec<(String, Vec<String>)> {
        let plan = plan_of("s.yaml", &format!("packages: [{}]\n{more}", packages.join(", ")));
        let steps = plan
            .top()
            .unwrap()
            .steps
            .iter()
            .filter(|step| !step.packages.is_empty());
        steps.map(|step| (step.id.to_string(), step.packages.clone())).collect()
    };
    let before = installs("");
    let shared = before
        .iter()
        .filter(|(_, packages)| packages[0].starts_with("nvidia-") && packages.len() > 1);
    assert!(shared.count() > 0, "{before:?}");
    let all =
        "commands: [ls]\nsetup_commands: [ls]\nworkdir: /w\nsource_root: .\nsource_copy_mode: all\nenv: {PATH: /x}\n";
    for more in ["commands: [ls]\n", "workdir: /w\n", "env: {PATH: /x}\n", all] {
        assert_eq!(installs(more), before, "{more}");
    }
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

/// The scripts of a graph, as steps get them: all but the last line, which hands over to the script itself.
fn script_heads(definition: &Definition) -> Vec<String> {
    let ops = definition.0.def.iter().map(|op| pb::Op::decode(op.as_slice()).unwrap());
    let execs = ops.filter_map(|op| match op.op {
        Some(pb::op::Op::Exec(exec)) => exec.meta,
        _ => None,
    });
    let text = |meta: pb::Meta| -> String {
        let pieces = meta
            .env
            .iter()
            .filter(|variable| variable.starts_with("IMAGESPEC_STEP_"));
        pieces.map(|piece| piece.split_once('=').unwrap().1).collect()
    };
    let texts = execs.map(text).filter(|text| !text.is_empty());
    texts
        .map(|text| text.trim_end().rsplit_once('\n').unwrap().0.to_owned())
        .collect()
}

#[test]
fn what_a_spec_says_reaches_shells_only_quoted() {
    let trap = tempfile::tempdir().unwrap();
    let sprung = trap.path().join("sprung");
    std::fs::write(
        trap.path().join("touch"),
        format!("#!/bin/sh\n: > {}\n", sprung.display()),
    )
    .unwrap();
    std::fs::set_permissions(trap.path().join("touch"), std::fs::Permissions::from_mode(0o755)).unwrap();
    // A shell that finds `touch` and nothing else, and goes on whatever fails.
    let run = |text: &str| -> String {
        let output = std::process::Command::new("/bin/sh")
            .args(["-c", text])
            .env_clear()
            .env("PATH", trap.path())
            .current_dir(trap.path())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let require = include_str!("../src/plan/script/index_access.sh");
    let (from, to) = (
        require.find("require_secrets() {").unwrap(),
        require.find("\n# Files of an").unwrap(),
    );
    let require = &require[from..to];
    let mut words = 0;
    for name in ["injection.yaml", "injection-exec.yaml"] {
        let path = format!("{}/tests/specs/{name}", env!("CARGO_MANIFEST_DIR"));
        let yaml = std::fs::read_to_string(path).unwrap();
        for head in script_heads(&definition(name, &yaml, Strategy::Merge)) {
            // Once the variables and arguments are set, the one `eval` of the scripts, and the words as they arrived.
            let read_back = run(&format!("{head}\nsecrets=${{secrets-}}\n{require}\n"));
            assert!(!sprung.exists(), "a shell found a command in\n{head}\n{read_back}");
            let read_back = run(&format!("{head}\nset\nprintf '%s\\n' \"$@\""));
            words += read_back.matches("touch /pwned").count();
            assert!(!sprung.exists(), "a shell found a command in\n{head}");
        }
    }
    assert!(words >= 6, "only {words} words of the spec arrived");
    // The trap works: an unquoted word springs it.
    run("echo \"$(touch /pwned)\"");
    assert!(sprung.exists());
}

#[test]
fn links_are_followed_in_the_tree_where_files_get_their_modes() {
    let copies = |more: &str| {
        let yaml = format!("profile: plain\ncopy: [a/b]\n{more}");
        let (_, spec) = read("s.yaml", &yaml);
        let mut facts = facts(&spec);
        facts.storeys[0].copies = Some(CopiesFacts {
            copy: vec![CopyFacts {
                without: vec!["link".into(), "link/inner".into()],
                links: vec![CopyLink {
                    path: "link".into(),
                    source: "c".into(),
                    exclude: vec!["inner".into()],
                }],
            }],
            ..CopiesFacts::default()
        });
        let plan = plan(&spec, &Platform::linux_amd64(), &facts);
        let options = LlbOptions::new(Strategy::Chain);
        let graph = write_llb(&plan, &sources(&plan), &options).unwrap();
        let rendering = render(&Definition::new(graph.result.as_ref()).0);
        let lines = rendering
            .lines()
            .filter(|line| line.contains("copy #") || line.contains("take"));
        lines.map(|line| format!("{}\n", line.trim())).collect::<String>()
    };
    insta::assert_snapshot!(copies(""), @"
    on scratch: copy #2:/a/b -> /0/b follow-symlink contents create-parents mode u=rwX,go=rX,a-t time 946684800 exclude link,link/inner owner 0:0
    on action 0: copy #2:/c -> /0/b/link follow-symlink contents create-parents mode u=rwX,go=rX,a-t time 946684800 exclude inner owner 0:0
    name [internal] take a/b from the checkout
    on #1: copy #3:/0/b -> /root/a/b contents create-parents time 946684800 owner 0:0
    ");
    insta::assert_snapshot!(copies("mode: keep\n"), @"
    on scratch: copy #2:/a/b -> /0/b follow-symlink contents create-parents time 946684800 exclude link,link/inner owner 0:0
    on action 0: copy #2:/c -> /0/b/link follow-symlink contents create-parents time 946684800 exclude inner owner 0:0
    name [internal] take a/b from the checkout
    on #1: copy #3:/0/b -> /root/a/b contents create-parents time 946684800 owner 0:0
    ");
}
