//! The library against known bytes and digests, and against itself.

use crate::llb::*;
use crate::oci::Platform;
use crate::proto::pb;

fn alpine() -> Output {
    Image {
        reference: "docker.io/library/alpine:3.20".into(),
        platform: Platform::linux_amd64(),
        resolve_mode: ResolveMode::Default,
    }
    .output(Metadata::named("base"))
}

#[test]
fn the_check_vector_has_the_bytes_and_digest_of_go() {
    let alpine = alpine();
    let hex: String = alpine.vertex.bytes().iter().map(|b| format!("{b:02x}")).collect();
    let identifier: String = b"docker-image://docker.io/library/alpine:3.20"
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert_eq!(hex, format!("520e0a05616d64363412056c696e75785a001a2e0a2c{identifier}"));
    assert_eq!(
        alpine.vertex.digest(),
        "sha256:52ad980af60eade03cf05fce2206c19483941c8d9a53f43a293199ac3344a235"
    );
}

#[test]
fn every_op_has_metadata_and_the_terminal_op_is_last() {
    let exec = Exec {
        args: vec!["true".into()],
        cwd: "/".into(),
        ..Exec::default()
    };
    let ran = exec.run(Some(&alpine()), &Platform::linux_amd64(), Metadata::default());
    let merged = merge(
        &[alpine(), diff(Some(&alpine()), &ran, Metadata::default())],
        Metadata::default(),
    );
    let definition = Definition::new(merged.as_ref()).0;
    for bytes in &definition.def {
        assert!(definition.metadata.contains_key(&digest_of(bytes)));
    }
    let last: pb::Op = prost::Message::decode(definition.def.last().unwrap().as_slice()).unwrap();
    assert!(last.op.is_none());
    assert_eq!(last.inputs.len(), 1);
    assert_eq!(definition.def.len(), 5, "alpine is there once");
}

#[test]
fn all_mount_kinds_and_file_actions_render() {
    let platform = Platform::linux_amd64();
    let context = Local {
        name: "context".into(),
        session: "s".into(),
        shared_key_hint: "context".into(),
        follow_paths: vec!["a<b".into()],
        exclude_patterns: vec!["*.pyc".into()],
        ..Local::default()
    }
    .output(Metadata::named("[internal] load build context"));
    let file = std::sync::Arc::new(SourceFile {
        filename: "spec.yaml".into(),
        data: b"x".to_vec(),
        language: "YAML".into(),
        definition: None,
    });
    let exec = Exec {
        args: vec!["/bin/sh".into(), "-c".into(), "set -e\ntrue\n".into()],
        environment: vec![("B".into(), "1".into()), ("A".into(), "2".into())],
        cwd: "/".into(),
        mounts: vec![
            Mount::read_only("/run/tool", &context, "/tool"),
            Mount::Bind {
                target: "/scratch".into(),
                source: None,
                selector: String::new(),
                readonly: false,
                discard: true,
                by_content: true,
            },
            Mount::Cache {
                target: "/cache".into(),
                id: "/cache".into(),
                sharing: Sharing::Locked,
                source: None,
                selector: String::new(),
            },
            Mount::Tmpfs {
                target: "/tmp".into(),
                size: 1024,
            },
            Mount::secret("/root/.netrc", "secret_0", false),
        ],
        network: Network::Host,
        ..Exec::default()
    };
    let metadata = Metadata {
        locations: vec![Location {
            file,
            ranges: vec![LineRange { first: 3, last: 5 }, LineRange { first: 9, last: 9 }],
        }],
        ignore_cache: true,
        ..Metadata::named("[run] everything")
    };
    let ran = exec.run(Some(&alpine()), &platform, metadata);
    let files = FileActions::new()
        .set_directory(SetDirectory {
            path: "/srv".into(),
            mode: 0o755,
            owner: Some(Owner {
                user: "app".into(),
                group: "1000".into(),
            }),
            time: 0,
        })
        .set_directory(SetDirectory {
            path: "/root".into(),
            mode: 0o755,
            owner: None,
            time: 0,
        })
        .copy(Copy {
            contents: true,
            create_target_parents: true,
            exclude: vec!["**/*.pyc".into()],
            mode: Some("u=rwX".into()),
            time: Some(1),
            ..Copy::new(&context, "/src", "/srv")
        })
        .make_file(MakeFile {
            path: "/srv/x".into(),
            mode: 0o644,
            data: b"abc".to_vec(),
            owner: None,
            time: None,
        })
        .apply(Some(&ran), Metadata::named("[copy] src"));
    let git = Git {
        url: "https://example.com/a/b.git".into(),
        reference: "v1".into(),
        subdirectory: "sub".into(),
        keeps_git: false,
    }
    .output(Metadata::default());
    let http = Http {
        url: "https://example.com/x.tar".into(),
        filename: "x.tar".into(),
    }
    .output(Metadata::default());
    let merged = merge(&[files, git, http], Metadata::named("merge"));
    insta::assert_snapshot!(render(&Definition::new(merged.as_ref()).0));
}

#[test]
fn platforms_are_normalised() {
    let check = |input: &str, expect: &str| assert_eq!(input.parse::<Platform>().unwrap().to_string(), expect);
    check("linux/x86_64", "linux/amd64");
    check("linux/aarch64", "linux/arm64");
    check("linux/arm64/v8", "linux/arm64");
    check("linux/arm", "linux/arm/v7");
    check("Linux/AMD64", "linux/amd64");
    for bad in ["", "linux", "linux/", "linux/amd64/v1/x", "linux /amd64"] {
        assert!(bad.parse::<Platform>().is_err(), "{bad}");
    }
}

#[test]
fn a_graph_of_others_keeps_its_digests() {
    let image = Image {
        reference: "docker.io/library/alpine@sha256:0".into(),
        platform: Platform::linux_amd64(),
        resolve_mode: ResolveMode::Default,
    };
    let base = image.output(Metadata::default());
    let step = Exec {
        args: vec!["/bin/true".into()],
        cwd: "/".into(),
        ..Exec::default()
    };
    let output = step.run(Some(&base), &Platform::linux_amd64(), Metadata::default());
    let bytes = prost::Message::encode_to_vec(&Definition::new(Some(&output)).0);
    let imported = import(&bytes, "again", &["source.image"]).unwrap();
    assert_eq!(imported.vertex.digest(), output.vertex.digest());
    assert_eq!(imported.index, output.index);
    assert_eq!(imported.vertex.inputs()[0].capabilities().len(), 1);
    assert!(import(b"no definition", "again", &[]).is_err());
    assert!(import(&[], "again", &[]).is_err());
}
