//! `--check`: what a build would find before its first step.

use serde_json::Value;

use super::locks::PROJECT;
use super::{Memory, build, render, result};

/// What a check says of a spec and its files: JSON, text and status code. It runs no step.
fn checked(spec: &str, files: &[(&str, &str)], options: &[(&str, &str)]) -> (Value, String, String) {
    let mut memory = Memory::with_spec(spec);
    for (path, content) in files {
        memory.file("context", path, content);
    }
    let memory = build(memory, &[&[("requestid", "frontend.lint")], options].concat());
    let result = result(&memory);
    for request in memory.solved.lock().unwrap().iter() {
        let graph = request.definition.as_ref().map(render).unwrap_or_default();
        assert!(!graph.contains("exec"), "{graph}");
    }
    let text = |name: &str| String::from_utf8(result.metadata[name].clone()).unwrap();
    let value = serde_json::from_str(&text("result.json")).unwrap();
    (value, text("result.txt"), text("result.statuscode"))
}

#[test]
fn what_files_and_options_say_is_known_without_a_build() {
    let check = |spec: &str, files: &[(&str, &str)], options: &[(&str, &str)], expect: &[&str]| {
        let (value, text, code) = checked(spec, files, options);
        for line in expect {
            assert!(text.contains(line), "{text}");
        }
        assert_eq!(code, "1", "{text}");
        value
    };
    // All of them at once.
    let found = check(
        "name: bad name\nrequirements: no.txt\ncopy: [nothing]\n",
        &[],
        &[("target", "imgae"), ("build-arg:IMAGESPEC_IF_EXIST", "skip")],
        &[
            "imageSpec.yaml:1:7: `name: bad name` makes no name that registries take",
            "imageSpec.yaml:2:15: `requirements: no.txt` is not in the build context",
            "imageSpec.yaml:3:8: `copy: nothing` is not in the build context",
            "did you mean `image`?",
            "did you mean `IMAGESPEC_IF_EXISTS`?",
        ],
    );
    assert_eq!(found["warnings"][0]["ruleName"], "unused-build-arg");
    assert!(
        found["buildError"]["message"]
            .as_str()
            .unwrap()
            .starts_with("4 problems")
    );
    for (spec, files, options, expect) in [
        (
            "requirements: r.txt\nprofile: plain\n",
            &[("r.txt", "six\nname: x\n")][..],
            &[][..],
            "r.txt:2: `name: x`",
        ),
        (
            "requirements: pyproject.toml\nprofile: plain\nbuilder_config: {}\nextras: [nope]\n",
            &[("pyproject.toml", PROJECT)],
            &[],
            "imageSpec.yaml:4:10: ",
        ),
        ("profile: plain\n", &[], &[("platform", "linux/amd46")], "`amd46`"),
        (
            "profile: plain\n",
            &[],
            &[("build-arg:IMAGESPEC_IF_EXISTS", "skip")],
            "IMAGESPEC_IF_EXISTS needs `registry`",
        ),
        (
            "requirements: r.txt\nprofile: plain\n",
            &[("r.txt", "--require-hashes\nsix\n")],
            &[],
            "r.txt:2: `six` has no hash",
        ),
        (
            "requirements: uv.lock\nprofile: plain\n",
            &[
                ("pyproject.toml", PROJECT),
                (
                    "uv.lock",
                    "version = 1\n[manifest]\nmembers = [\"shop\", \"api\"]\n[[package]]\nname = \"shop\"\nsource = { virtual = \".\" }\n[[package]]\nname = \"api\"\nsource = { virtual = \"api\" }\n",
                ),
                ("api/pyproject.toml", "[project]\nname = \"api\"\n"),
            ],
            &[],
            "its members are api",
        ),
        (
            "profile: plain\nplatform: linux/amd46\n",
            &[],
            &[],
            "imageSpec.yaml:2:11: ",
        ),
        (
            "profile: plain\n",
            &[],
            &[("target", "apt")],
            "this image has no stage `apt`; it has base, image",
        ),
        (
            "profile: plain\nenv: {A: b}\n",
            &[],
            &[("build-arg:BUILDKIT_MULTI_PLATFORM", "maybe")],
            "is neither true nor false",
        ),
        (
            "profile: plain\ntag_format: v1\n",
            &[],
            &[],
            "imageSpec.yaml:2:13: tag_format gives all images",
        ),
    ] {
        check(spec, files, options, &[expect]);
    }
}

#[test]
fn what_only_a_build_finds_out_is_listed() {
    let spec = "apt_packages: [jq]\npackages: [six]\npip_secret_mounts: [[a, /b]]\ncommands: ['true']\ncopy: [d]\n";
    let (value, text, code) = checked(&format!("{spec}profile: plain\n"), &[("d/x", "1")], &[]);
    assert_eq!(code, "0", "{text}");
    assert!(
        text.contains("not checked: imageSpec.yaml:1:15: `apt_packages`: whether apt has"),
        "{text}"
    );
    let left = value["notChecked"].as_array().unwrap();
    assert_eq!(left.len(), 6, "{left:?}");
    // What is locked is not looked up.
    let (_, text, _) = checked("profile: plain\nenv: {A: b}\nbase_image: scratch\n", &[], &[]);
    assert_eq!(text, "");
}
