//! Holds `proto/` against an independent copy of the contracts: same numbers, same types.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may stop at the first surprise, their helpers too"
)]

use std::path::PathBuf;
use std::process::Command;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, GoogleFileResolver, IncludeFileResolver};

/// What BuildKit has and the other copy does not have yet.
const NEWER: [&str; 2] = ["pb.Op.passthrough", "pb.OpMetadata.linux_resources"];
/// Messages that are declared as far as they are needed.
const PARTIAL: [&str; 3] = [
    "moby.buildkit.v1.frontend.NewContainerRequest",
    "moby.buildkit.v1.frontend.ExecMessage",
    "moby.buildkit.v1.frontend.InitMessage",
];

fn ours() -> DescriptorPool {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("proto");
    let files = protox::compile(["gateway.proto"], [root]).unwrap();
    DescriptorPool::from_file_descriptor_set(files).unwrap()
}

/// The contracts that the crate `bollard-buildkit-proto` was generated from.
fn theirs() -> DescriptorPool {
    // What other platforms need has not been downloaded.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--offline",
            "--locked",
            "--filter-platform",
        ])
        .arg(platform)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let package = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|package| package["name"] == "bollard-buildkit-proto")
        .unwrap();
    let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap());
    let root = manifest.parent().unwrap().join("resources");
    // The well-known types come with the compiler: its copy of them is of another edition.
    let mut resolver = ChainFileResolver::new();
    resolver.add(GoogleFileResolver::new());
    resolver.add(IncludeFileResolver::new(root));
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.open_file("moby/buildkit/v1/frontend/gateway.proto").unwrap();
    compiler.include_imports(true);
    DescriptorPool::from_file_descriptor_set(compiler.file_descriptor_set()).unwrap()
}

fn shape(field: &FieldDescriptor) -> String {
    let kind = match field.kind() {
        Kind::Message(message) if message.is_map_entry() => {
            let value = shape(&message.map_entry_value_field());
            format!("map of {:?} to {value}", message.map_entry_key_field().kind())
        }
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(values) => {
            let values: Vec<String> = values
                .values()
                .map(|v| format!("{}={}", v.name(), v.number()))
                .collect();
            format!("{} {}", values.join(","), field.cardinality() as i32)
        }
        kind => format!("{kind:?}"),
    };
    let oneof = field.containing_oneof().map(|oneof| oneof.name().to_lowercase());
    format!(
        "{} {kind} {:?} packed {} {oneof:?}",
        field.number(),
        field.cardinality(),
        field.is_packed()
    )
}

fn plain(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

fn compare(ours: &MessageDescriptor, theirs: &MessageDescriptor, differences: &mut Vec<String>) {
    for field in theirs.fields() {
        let path = format!("{}.{}", theirs.full_name(), field.name());
        match ours.get_field(field.number()) {
            None if PARTIAL.contains(&ours.full_name()) => {}
            None => differences.push(format!("{path} is missing")),
            Some(own) if plain(own.name()) != plain(field.name()) => {
                differences.push(format!("{path} is called {}", own.name()));
            }
            Some(own) if shape(&own) != shape(&field) => {
                differences.push(format!("{path}: {} instead of {}", shape(&own), shape(&field)));
            }
            Some(_) => {}
        }
    }
    for own in ours.fields() {
        let path = own.full_name();
        if theirs.get_field(own.number()).is_none() && !NEWER.contains(&path) {
            differences.push(format!("{path} is of our making"));
        }
    }
}

#[test]
fn the_contracts_agree_with_an_independent_copy() {
    let (ours, theirs) = (ours(), theirs());
    let mut differences = Vec::new();
    let mut compared = 0;
    for message in ours.all_messages().filter(|message| !message.is_map_entry()) {
        match theirs.get_message_by_name(message.full_name()) {
            Some(other) => {
                compare(&message, &other, &mut differences);
                compared += 1;
            }
            None if matches!(message.full_name(), "pb.PassthroughOp" | "pb.LinuxResources") => {}
            None => differences.push(format!("{} is of our making", message.full_name())),
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(compared > 80, "only {compared} messages were compared");
}

#[test]
fn every_call_has_its_types() {
    let (ours, theirs) = (ours(), theirs());
    let name = "moby.buildkit.v1.frontend.LLBBridge";
    let theirs = theirs.get_service_by_name(name).unwrap();
    for method in ours.get_service_by_name(name).unwrap().methods() {
        let other = theirs.methods().find(|other| other.name() == method.name()).unwrap();
        assert_eq!(method.input().full_name(), other.input().full_name());
        assert_eq!(method.output().full_name(), other.output().full_name());
    }
}
