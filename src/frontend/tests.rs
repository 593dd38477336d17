//! The frontend against BuildKit in memory: what users and clients get.

mod checkouts;
mod checks;
mod existing;
mod failures;
mod locks;
mod projects;
mod transport;
mod users;

use std::sync::Arc;

use prost::Message as _;

use crate::frontend::gateway::memory::Memory;
use crate::frontend::gateway::{CallError, SOURCE, UNKNOWN, detail, is_detail};
use crate::frontend::options::{FrontendOptions, Program};
use crate::frontend::run;
use crate::llb::{Definition, Image, Metadata, ResolveMode, digest_of, render};
use crate::oci::Platform;
use crate::proto::google::rpc::Status;
use crate::proto::{gateway as wire, pb};

/// Builds with some options, and gives the gateway afterwards.
fn build(memory: Memory, options: &[(&str, &str)]) -> Arc<Memory> {
    let environment = [("BUILDKIT_SESSION_ID".to_owned(), "session".to_owned())]
        .into_iter()
        .chain(
            [("filename", "imageSpec.yaml")]
                .iter()
                .chain(options)
                .enumerate()
                .map(|(number, (name, value))| (format!("BUILDKIT_FRONTEND_OPT_{number}"), format!("{name}={value}"))),
        );
    let mut options = FrontendOptions::from_environment(environment);
    options.program = Some(program());
    run_with(memory, options)
}

fn run_with(memory: Memory, options: FrontendOptions) -> Arc<Memory> {
    let memory = Arc::new(memory);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(Arc::clone(&memory) as Arc<_>, options)).unwrap();
    memory
}

/// This program's image, as BuildKit describes it.
fn program() -> Program {
    let image = Image {
        reference: "docker.io/imagespec/imagespec:1".into(),
        platform: Platform::linux_amd64(),
        resolve_mode: ResolveMode::Default,
    };
    let definition = Definition::new(Some(&image.output(Metadata::default())));
    Program {
        definition: definition.0.encode_to_vec(),
        path: "/imagespec".into(),
    }
}

/// Builds on an engine that tells nothing of the frontend's own image.
fn build_without_program(memory: Memory) -> Arc<Memory> {
    let environment = [("BUILDKIT_FRONTEND_OPT_0", "filename=imageSpec.yaml")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    run_with(memory, FrontendOptions::from_environment(environment))
}

fn returned(memory: &Memory) -> wire::ReturnRequest {
    memory.returned.lock().unwrap().clone().unwrap()
}

fn result(memory: &Memory) -> wire::Result {
    let returned = returned(memory);
    assert_eq!(returned.error, None);
    returned.result.unwrap()
}

fn error(memory: &Memory) -> Status {
    let returned = returned(memory);
    assert_eq!(returned.result, None);
    returned.error.unwrap()
}

/// The graph of the image.
fn last_graph(memory: &Memory) -> pb::Definition {
    let solved = memory.solved.lock().unwrap();
    let graphs = solved.iter().rev().map(|request| request.definition.clone().unwrap());
    let mut images = graphs.filter(|graph| !render(graph).contains("compute digests"));
    images.next().unwrap()
}

const SPEC: &str = "# syntax=x\nprofile: plain\napt_packages: [git]\ncopy: [data]\nlabels: {a: b}\n";

fn with_data(spec: &str) -> Memory {
    let mut memory = Memory::with_spec(spec);
    memory.file("context", "data/x", "1");
    memory
}

#[test]
fn a_spec_becomes_a_graph_and_a_config() {
    let memory = build(with_data(SPEC), &[("label:c", "d")]);
    let result = result(&memory);
    let mut config: serde_json::Value = serde_json::from_slice(&result.metadata["containerimage.config"]).unwrap();
    config["config"]["Labels"]["io.imagespec.inputs-digest"] = "1:…".into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&config).unwrap());
    let graph = render(&last_graph(&memory));
    let graph: Vec<&str> = graph.lines().filter(|line| !line.starts_with("      | ")).collect();
    insta::assert_snapshot!(graph.join("\n"));
    assert!(result.metadata.contains_key("containerimage.base.config"));
    let platforms = String::from_utf8(result.metadata["refs.platforms"].clone()).unwrap();
    assert_eq!(
        platforms,
        r#"{"Platforms":[{"ID":"linux/amd64","Platform":{"architecture":"amd64","os":"linux"}}]}"#
    );
}

#[test]
fn resolving_sees_all_of_env_only_if_it_has_to_build() {
    let environments = |must_build: bool| {
        let mut memory = with_data("packages: [x]\nenv: {PBR_VERSION: \"1\"}\n");
        memory.must_build = must_build;
        let memory = build(memory, &[]);
        result(&memory);
        memory
            .execs("[lock] uv pip compile")
            .into_iter()
            .map(|exec| exec.meta.unwrap_or_default().env.contains(&"PBR_VERSION=1".to_owned()))
            .collect::<Vec<bool>>()
    };
    // Each graph that has the step counts; the last is the image's.
    assert!(environments(false).iter().all(|sees_it| !sees_it));
    let seen = environments(true);
    assert_eq!(seen.first(), Some(&false));
    assert!(seen.len() > 1 && seen[1..].iter().all(|sees_it| *sees_it), "{seen:?}");
}

#[test]
fn names_are_answered_without_a_build() {
    let ask = |spec: &str, request: &str| build(with_data(spec), &[("requestid", request)]);
    let text = |memory: &Memory, key: &str| String::from_utf8(result(memory).metadata[key].clone()).unwrap();
    let memory = ask(SPEC, "frontend.name");
    assert_eq!(result(&memory).result, None);
    assert_eq!(text(&memory, "result.txt"), "flytekit:myE_e3yAIem_eJ0m_bKF2Q\n");
    let json: serde_json::Value = serde_json::from_str(&text(&memory, "result.json")).unwrap();
    assert_eq!(
        (&json["version"], &json["tag"]),
        (&1.into(), &"myE_e3yAIem_eJ0m_bKF2Q".into())
    );
    assert!(memory.resolved.lock().unwrap().is_empty(), "no image is looked at");
    // What only keeps an image from being made is a warning here.
    let memory = ask("cuda: \"12\"\ncopy: [nothing]\n", "frontend.tag");
    assert_eq!(text(&memory, "result.txt").len(), 23);
    assert_eq!(memory.warned.lock().unwrap().len(), 1);
    assert!(
        error(&ask("pakages: []\n", "frontend.tag"))
            .message
            .contains("did you mean `packages`?")
    );
    let outside = error(&ask("copy: [../x]\n", "frontend.tag")).message;
    assert!(outside.contains("outside the build context"), "{outside}");
    // The id needs no file.
    let memory = ask("copy: [../x]\n", "frontend.id");
    assert_eq!(text(&memory, "result.txt").len(), 23);
}

#[test]
fn an_engine_that_hides_the_frontends_image_builds_without_a_tag() {
    let memory = build_without_program(with_data(SPEC));
    assert!(!result(&memory).metadata.contains_key("image.name"));
    let warned = memory.warned.lock().unwrap();
    let words: Vec<String> = warned
        .iter()
        .map(|w| String::from_utf8_lossy(&w.short).into_owned())
        .collect();
    assert!(words.iter().any(|words| words.starts_with("no-tag:")), "{words:?}");
    // Without files there is nothing that it would be needed for.
    let memory = build_without_program(Memory::with_spec("profile: plain\n"));
    assert!(result(&memory).metadata.contains_key("image.name"));
}

#[test]
fn the_spec_is_loaded_with_the_op_that_buildkit_itself_uses() {
    let memory = build(with_data(SPEC), &[]);
    let first = memory.solved.lock().unwrap()[0].definition.clone().unwrap();
    assert_eq!(
        render(&first),
        "#0 source local://dockerfile\n    local.differ = none\n    local.followpaths = [\"imageSpec.yaml\",\"imageSpec.yaml.dockerignore\"]\n    \
         local.session = session\n    local.sharedkeyhint = dockerfile\n    name [internal] load build definition from imageSpec.yaml\nresult #0\n"
    );
}

#[test]
fn the_platform_is_that_of_the_spec() {
    let memory = build(with_data("profile: plain\nplatform: linux/arm64\n"), &[]);
    let result = result(&memory);
    let config: serde_json::Value = serde_json::from_slice(&result.metadata["containerimage.config"]).unwrap();
    assert_eq!(
        (&config["os"], &config["architecture"]),
        (&"linux".into(), &"arm64".into())
    );
}

#[test]
fn several_platforms_give_an_index() {
    let memory = build(with_data(SPEC), &[("platform", "linux/amd64,linux/arm64")]);
    let result = result(&memory);
    let Some(wire::result::Result::Refs(refs)) = result.result else {
        panic!("no refs")
    };
    assert_eq!(refs.refs.keys().collect::<Vec<_>>(), ["linux/amd64", "linux/arm64"]);
    let config: serde_json::Value =
        serde_json::from_slice(&result.metadata["containerimage.config/linux/arm64"]).unwrap();
    assert_eq!(config["architecture"], "arm64");
    let memory = build(with_data(SPEC), &[("build-arg:BUILDKIT_MULTI_PLATFORM", "1")]);
    assert!(
        self::result(&memory)
            .metadata
            .contains_key("containerimage.config/linux/amd64")
    );
}

#[test]
fn cache_imports_go_into_every_solve() {
    let memory = build(
        with_data(SPEC),
        &[("cache-imports", r#"[{"Type":"registry","Attrs":{"ref":"r/c"}}]"#)],
    );
    let solved = memory.solved.lock().unwrap();
    assert!(solved.len() >= 4);
    for request in solved.iter() {
        assert_eq!(request.cache_imports.len(), 1);
        assert_eq!(request.cache_imports[0].attrs["ref"], "r/c");
    }
}

#[test]
fn a_listed_but_disabled_merge_means_a_chain() {
    let count = |memory: &Memory| render(&last_graph(memory)).matches(" merge #").count();
    assert_eq!(count(&build(with_data(SPEC), &[])), 1);
    let mut memory = with_data(SPEC);
    memory.disabled = vec!["mergeop", "diffop"];
    assert_eq!(count(&build(memory, &[])), 0);
    assert_eq!(
        count(&build(with_data(SPEC), &[("build-arg:IMAGESPEC_STRATEGY", "chain")])),
        0
    );
}

#[test]
fn a_missing_capability_is_named_with_the_release_that_has_it() {
    let mut memory = with_data("source_root: data\nsource_copy_mode: all\n");
    memory.disabled = vec!["file.copy.includeexcludepatterns"];
    let message = error(&build(memory, &[])).message;
    assert!(
        message.contains("`file.copy.includeexcludepatterns` (not with this store)"),
        "{message}"
    );
    assert!(message.contains("BuildKit has it since 0.9"), "{message}");
    let mut memory = with_data(SPEC);
    memory.absent = vec!["file.base"];
    assert!(error(&build(memory, &[])).message.contains("since 0.5"));
}

#[test]
fn old_servers_are_asked_in_the_old_way() {
    let mut memory = with_data(SPEC);
    memory.absent = vec!["source.metaresolver"];
    let memory = build(memory, &[]);
    assert_eq!(
        *memory.resolved.lock().unwrap(),
        ["old docker.io/library/debian:bookworm-slim"]
    );
    result(&memory);
}

#[test]
fn details_of_failed_calls_are_forwarded_unchanged() {
    let mut memory = with_data(SPEC);
    let detail = prost_types::Any {
        type_url: "github.com/moby/buildkit/errdefs.Solve+json".into(),
        value: b"{}".to_vec(),
    };
    memory.failing = Some(CallError::new(2, "process did not complete", vec![detail.clone()]));
    let error = error(&build(memory, &[]));
    assert_eq!((error.code, error.message.as_str()), (2, "process did not complete"));
    // And an empty place, so that clients show no line for it.
    let [forwarded, place] = error.details.as_slice() else {
        panic!("{:?}", error.details)
    };
    assert_eq!(*forwarded, detail);
    assert!(is_detail(place, SOURCE) && String::from_utf8_lossy(&place.value).contains("\"ranges\":[]"));
}

#[test]
fn images_are_replaced_by_named_contexts() {
    let spec = "profile: plain\nbase_image: nvidia/cuda:12\npackages: [x]\n";
    let digest = format!("sha256:{}", "e".repeat(64));
    let memory = build(
        Memory::with_spec(spec),
        &[
            ("context:nvidia/cuda:12", "docker-image://mirror.example.com/cuda:12"),
            ("context:uv::linux/amd64", &format!("oci-layout://uv:latest@{digest}")),
            ("context:micromamba", "docker-image://mirror.example.com/mamba"),
            ("image-resolve-mode", "local"),
        ],
    );
    result(&memory);
    let mut resolved = memory.resolved.lock().unwrap().clone();
    resolved.sort();
    assert_eq!(
        resolved,
        [
            "docker-image://mirror.example.com/cuda:12 local".to_owned(),
            "docker-image://mirror.example.com/mamba:latest local".to_owned(),
            format!("oci-layout://docker.io/library/layout@{digest} "),
        ]
    );
    let memory = build(Memory::with_spec(spec), &[("context:uv", "local:x")]);
    assert!(
        error(&memory)
            .message
            .contains("--build-context uv: `local:` cannot replace an image")
    );
}

#[test]
fn warnings_are_tied_to_the_vertex_that_loaded_the_spec() {
    let memory = build(
        with_data(&format!("{SPEC}python_version: 3.10\n")),
        &[("build-arg:IMAGESPEC_STRATEGI", "x")],
    );
    let warned = memory.warned.lock().unwrap();
    let first = memory.solved.lock().unwrap()[0].definition.clone().unwrap();
    assert_eq!(warned.len(), 2);
    assert_eq!(warned[0].digest, digest_of(&first.def[0]));
    assert!(String::from_utf8_lossy(&warned[0].short).starts_with("python-version-number: "));
    assert_eq!(warned[0].ranges[0].start.unwrap().line, 6);
    assert!(String::from_utf8_lossy(&warned[1].detail[0]).contains("IMAGESPEC_STRATEGY"));
}

#[test]
fn unknown_requests_and_options_fail_clearly() {
    let failed = error(&build(with_data(SPEC), &[("requestid", "frontend.zzz")]));
    assert_eq!(
        (failed.code, failed.message.as_str()),
        (12, "unsupported request frontend.zzz")
    );
    assert_eq!(
        failed.details[0].type_url,
        "github.com/moby/buildkit/errdefs.Subrequest+json"
    );
    let described = result(&build(
        with_data(SPEC),
        &[("requestid", "frontend.subrequests.describe")],
    ));
    assert!(described.metadata.contains_key("result.json") && described.result.is_none());
    for (name, value, expect) in [
        ("platform", "linux", "`linux` is not a platform"),
        ("platform", "windows/amd64", "images are made for linux"),
        ("target", "packges", "did you mean `packages`?"),
        ("image-resolve-mode", "x", "is not one of default, pull, local"),
        ("add-hosts", "a", "is not host=address"),
        ("build-arg:IMAGESPEC_STRATEGY", "x", "is not one of merge, chain"),
        ("multi-platform", "perhaps", "is neither true nor false"),
    ] {
        let message = error(&build(with_data(SPEC), &[(name, value)])).message;
        assert!(message.contains(expect), "{message}");
    }
}

#[test]
fn specs_are_checked_and_described_without_a_build() {
    let ask = |spec: &str, request: &str| {
        let result = result(&build(with_data(spec), &[("requestid", request)]));
        assert!(result.result.is_none());
        let value: serde_json::Value = serde_json::from_slice(&result.metadata["result.json"]).unwrap();
        (value, result.metadata.get("result.statuscode").cloned())
    };
    let (report, code) = ask(SPEC, "frontend.lint");
    assert_eq!(
        (report["warnings"].as_array().unwrap().len(), code.unwrap()),
        (0, b"0".to_vec())
    );
    let (report, code) = ask("python_version: 3.10\npakages: [a]\n", "frontend.lint");
    assert_eq!(report["warnings"][0]["ruleName"], "python-version-number");
    assert_eq!(report["warnings"][0]["location"]["ranges"][0]["start"]["line"], 1);
    assert!(
        report["buildError"]["message"]
            .as_str()
            .unwrap()
            .contains("did you mean `packages`?")
    );
    assert_eq!(code.unwrap(), b"1");
    let (targets, _) = ask(SPEC, "frontend.targets");
    let names: Vec<&str> = targets["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["base", "user", "apt", "source", "image"]);
    let (outline, _) = ask("pip_secret_mounts: [[a, /b]]\npackages: [x]\n", "frontend.outline");
    assert_eq!(outline["secrets"][1]["name"], "secret_0");
    let refused = error(&build(
        with_data("pakages: [a]\n"),
        &[("requestid", "frontend.outline")],
    ));
    assert!(refused.message.contains("unknown field"));
}

#[test]
fn only_named_paths_are_asked_of_the_client() {
    let mut memory = with_data("profile: plain\nrequirements: ./reqs.txt\ncopy: [data]\n");
    memory.file("context", "reqs.txt", "six\n");
    memory.file("context", ".dockerignore", "*.log\n");
    let memory = build(memory, &[]);
    result(&memory);
    let graph = render(&last_graph(&memory));
    assert!(
        graph.contains(r#"local.followpaths = [".python-version","data","pyproject.toml","reqs.txt","uv.toml"]"#),
        "{graph}"
    );
    assert!(graph.contains(r#"local.excludepatterns = ["*.log"]"#), "{graph}");
}

#[test]
fn a_spec_without_a_name_given_is_found() {
    let mut memory = Memory::default();
    memory.file("dockerfile", "imagespec.yaml", "profile: plain\n");
    result(&build(memory, &[("filename", "Dockerfile")]));
    let message = error(&build(Memory::default(), &[])).message;
    assert!(
        message.contains("there is no spec file imageSpec.yaml") && message.contains("-f FILE"),
        "{message}"
    );
}

#[test]
fn names_that_are_given_win() {
    let given = [
        ("build-arg:IMAGESPEC_NAME", "r.example/a:1,r.example/b:2"),
        ("build-arg:IMAGESPEC_ID", "theirs"),
    ];
    let text = |metadata: &std::collections::BTreeMap<String, Vec<u8>>, name: &str| {
        metadata
            .get(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let check = |spec: &str, more: &[(&str, &str)], names: Option<&str>, label: Option<&str>| {
        let memory = build(Memory::with_spec(spec), &[&given[..], more].concat());
        let metadata = result(&memory).metadata;
        let config: serde_json::Value = serde_json::from_slice(&metadata["containerimage.config"]).unwrap();
        assert_eq!(text(&metadata, "image.name").as_deref(), names, "{spec}");
        let found = config["config"]["Labels"]["io.imagespec.name"]
            .as_str()
            .map(str::to_owned);
        assert_eq!(found.as_deref(), label, "{spec}");
        let variables = config["config"]["Env"].as_array().unwrap();
        assert!(
            variables.iter().any(|it| it == "_F_IMG_ID=theirs"),
            "{spec} {variables:?}"
        );
        assert!(
            memory
                .warned
                .lock()
                .unwrap()
                .iter()
                .all(|it| !String::from_utf8_lossy(&it.short).contains("IMAGESPEC_"))
        );
    };
    let both = Some("r.example/a:1,r.example/b:2");
    check("name: x\n", &[], both, Some("r.example/a:1"));
    check("tag_algorithm: flytekit-1.13\n", &[], both, Some("r.example/a:1"));
    check("name: x\napt_packages: [jq]\n", &[("target", "apt")], None, None);
}

#[test]
fn another_python_than_that_of_a_base_made_from_a_spec_is_told() {
    let check = |spec: &str, below: &str, expect: bool| {
        let mut memory = Memory::with_spec(&format!(
            "# syntax=x\nprofile: plain\nbase_image: \"r.example/base:1\"\n{spec}"
        ));
        let labels = serde_json::json!({"io.imagespec.spec": below});
        let config = serde_json::json!({"architecture": "amd64", "os": "linux", "config": {"Labels": labels}, "rootfs": {"type": "layers", "diff_ids": []}});
        memory.config = Some(config.to_string().into_bytes());
        let memory = build(memory, &[]);
        let warned = memory.warned.lock().unwrap();
        let mut words = warned.iter().map(|one| String::from_utf8_lossy(&one.short));
        let found = words.any(|words| words.starts_with("base-python: r.example/base:1 has Python 3.11"));
        assert_eq!(found, expect, "{spec} {below}");
    };
    let below = r#"{"profile":"plain","python_version":"3.11","packages":["six"]}"#;
    check("packages: [idna]\n", below, true);
    check("packages: [idna]\npython_version: \"3.11\"\n", below, false);
    check("packages: [idna]\npython_exec: /usr/bin/python3\n", below, false);
    check("apt_packages: [git]\n", below, false);
    check(
        "packages: [idna]\n",
        r#"{"profile":"plain","apt_packages":["git"]}"#,
        false,
    );
}
