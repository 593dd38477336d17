//! What users are told when a build fails.

use super::*;

/// The first and last lines of all snippets of an error.
fn snippets(error: &Status) -> Vec<(u64, u64)> {
    let sources = error
        .details
        .iter()
        .filter(|detail| detail.type_url.ends_with("/errdefs.Source+json"));
    let lines = sources.filter_map(|detail| {
        let value: serde_json::Value = serde_json::from_slice(&detail.value).unwrap();
        assert_eq!(value["info"]["filename"], "imageSpec.yaml");
        let range = value["ranges"].as_array().unwrap().first()?;
        Some((
            range["start"]["line"].as_u64().unwrap(),
            range["end"]["line"].as_u64().unwrap(),
        ))
    });
    lines.collect()
}

#[test]
fn failures_of_a_field_show_the_field() {
    let check = |memory: Memory, options: &[(&str, &str)], starts: &str, lines: &[(u64, u64)]| {
        let error = error(&build(memory, options));
        assert!(error.message.starts_with(starts), "{}", error.message);
        assert_eq!(snippets(&error), lines, "{}", error.message);
    };
    let without_image = |spec: &str, name: &'static str, message: &str| {
        let mut memory = with_data(spec);
        memory.images.insert(name, CallError::new(UNKNOWN, message, Vec::new()));
        memory
    };
    let image = |spec: &str, name: &'static str| without_image(spec, name, "connection refused");
    check(
        image("profile: plain\nbase_image: acme/base:1\n", "docker.io/acme/base:1"),
        &[],
        "imageSpec.yaml:2:13: cannot load the base image acme/base:1: connection refused\n    help: name another image in `base_image`",
        &[(2, 2)],
    );
    // One that nobody named has no place.
    check(
        image("profile: plain\n", "docker.io/library/debian:bookworm-slim"),
        &[],
        "cannot load the base image debian:bookworm-slim: connection refused",
        &[],
    );
    let digest = format!("sha256:{}", "c".repeat(64));
    let name: &'static str = format!("docker.io/acme/base:1@{digest}").leak();
    check(
        image(
            &format!("profile: plain\nbase_image: acme/base:1\npins: {{\"acme/base:1\": \"{digest}\"}}\n"),
            name,
        ),
        &[],
        "imageSpec.yaml:2:13: cannot load the base image",
        &[(2, 2)],
    );
    check(
        image(
            "packages: [x]\nbuilder_config:\n  uv_image: acme/uv:1\n",
            "docker.io/acme/uv:1",
        ),
        &[],
        "imageSpec.yaml:3:13: cannot load the uv image acme/uv:1: connection refused",
        &[(3, 3)],
    );
    check(
        image(
            "packages: [x]\nbuilder_config: {micromamba_image: acme/mamba:1}\n",
            "docker.io/acme/mamba:1",
        ),
        &[],
        "imageSpec.yaml:2:36: cannot load the micromamba image acme/mamba:1",
        &[(2, 2)],
    );
    let nested = "profile: plain\nbase_image:\n  profile: plain\n  base_image: acme/base:1\n";
    check(
        image(nested, "docker.io/acme/base:1"),
        &[],
        "imageSpec.yaml:4:15: cannot load the base image acme/base:1",
        &[(4, 4)],
    );
    check(
        with_data("profile: plain\nbase_image: acme/base:1\n"),
        &[("context:base", "local:x")],
        "imageSpec.yaml:2:13: --build-context base: `local:` cannot replace an image",
        &[(2, 2)],
    );
    let skip = ("build-arg:IMAGESPEC_IF_EXISTS", "skip");
    let registry = "name: x\nprofile: plain\nregistry: ghcr.io/acme\n";
    let name = "ghcr.io/acme/x:";
    check(
        without_image(registry, name, "unexpected status: 403 Forbidden"),
        &[skip],
        "imageSpec.yaml:3:11: cannot find out whether the image ghcr.io/acme/x:",
        &[(3, 3)],
    );
    check(
        with_data(registry),
        &[("build-arg:IMAGESPEC_IF_EXISTS", "fail")],
        "imageSpec.yaml:3:11: the image ghcr.io/acme/x:",
        &[(3, 3)],
    );
    check(
        with_data("profile: plain\nregistry: \"\"\n"),
        &[skip],
        "imageSpec.yaml:2:11: IMAGESPEC_IF_EXISTS needs `registry`",
        &[(2, 2)],
    );
    check(
        with_data("profile: plain\nplatform: linux/amd64,linux/arm64\npackages: [x]\n"),
        &[("requestid", "frontend.lock")],
        "imageSpec.yaml:2:11: a lock is for one platform",
        &[(2, 2)],
    );
    check(
        with_data("profile: plain\ntag_algorithm: flytekit\ncopy: [../x]\n"),
        &[("requestid", "frontend.tag")],
        "imageSpec.yaml:3:7: `../x` is outside the build context",
        &[(3, 3)],
    );
    check(
        with_data("profile: plain\nrequirements: r.txt\ncopy: [y]\n"),
        &[],
        "2 problems in imageSpec.yaml\nimageSpec.yaml:2:15: `requirements: r.txt` is not in the build context\n    help: ",
        &[(2, 2), (3, 3)],
    );
}

#[test]
fn a_missing_secret_is_explained_by_the_spec() {
    let failing = |spec: &str| {
        let mut memory = with_data(spec);
        let exit = detail("gatewayapi.ExitMessage", &serde_json::json!({"Code": 97}));
        let words = "process \"/bin/sh\" did not complete successfully: exit code: 97";
        memory.failing = Some(CallError::new(UNKNOWN, words, vec![exit.clone()]));
        let error = error(&build(memory, &[]));
        assert!(error.details.contains(&exit), "what BuildKit said goes on");
        error
    };
    let one = failing("packages: [x]\npip_secret_mounts:\n  - [secrets/netrc, /root/.netrc]\n");
    assert_eq!(
        one.message,
        "imageSpec.yaml:3:5: the secret `secret_0` is missing\n    help: add --secret id=secret_0,src=secrets/netrc to the build command"
    );
    assert_eq!(snippets(&one), [(3, 3)]);
    let two =
        failing("packages: [x]\npip_secret_mounts:\n  - [a, /root/.netrc]\n  - {id: conf, target: /root/pip.conf}\n");
    assert_eq!(
        two.message,
        "imageSpec.yaml:3:5: a secret is missing, one of `secret_0`, `conf`\n    help: add --secret id=secret_0,src=a --secret id=conf,src=FILE to the build command"
    );
    assert_eq!(snippets(&two), [(3, 4)]);
    // Without secrets the status means something else.
    let none = failing("packages: [x]\n");
    assert!(none.message.starts_with("process"), "{}", none.message);
}

#[test]
fn variables_that_a_failed_step_did_not_see_are_named() {
    let failing = |env: &[&str]| {
        let mut memory = with_data("packages: [x]\nenv: {PBR_VERSION: \"1\", CC: gcc, LEVEL: info}\n");
        let details = vec![
            detail("gatewayapi.ExitMessage", &serde_json::json!({"Code": 1})),
            detail(
                "errdefs.Solve",
                &serde_json::json!({"op": {"exec": {"meta": {"env": env}, "mounts": []}}}),
            ),
        ];
        memory.failing = Some(CallError::new(UNKNOWN, "process \"/bin/sh\" did not complete", details));
        error(&build(memory, &[])).message
    };
    let message = failing(&["PATH=/bin", "CC=gcc"]);
    assert!(
        message.ends_with("did not see `PBR_VERSION`, `LEVEL`: what it needs goes into `build_env`"),
        "{message}"
    );
    let message = failing(&["CC=gcc", "PBR_VERSION=1", "LEVEL=info"]);
    assert!(!message.contains("did not see"), "{message}");
}

#[test]
fn the_command_that_failed_is_shown() {
    let spec =
        "profile: plain\nbase_image:\n  commands:\n    - a\n    - b\ncommands:\n  - one\n  - |\n    two\n    2\n";
    let failing = |lines: serde_json::Value, left: &'static str, absent: Vec<&'static str>| {
        let mut memory = with_data(spec);
        memory.absent = absent;
        let args = ["/bin/sh", "-c", "eval \"$IMAGESPEC_STEP_0\"", "one; two"];
        let op = serde_json::json!({"op": {"exec": {"meta": {"args": args}, "mounts": [{"dest": "/"}, {"dest": "/imagespec/commands"}]}},
            "mountIDs": ["root"]});
        let details = vec![
            detail("gatewayapi.ExitMessage", &serde_json::json!({"Code": 3})),
            detail("errdefs.Solve", &op),
            detail(
                "errdefs.Source",
                &serde_json::json!({"info": {"filename": "imageSpec.yaml"}, "ranges": lines}),
            ),
        ];
        let words = "process \"/bin/sh\" did not complete successfully: exit code: 3";
        memory.unevaluated = Some(CallError::new(UNKNOWN, words, details));
        memory.left.insert(("root", "/imagespec/failed"), left);
        let memory = build(memory, &[]);
        assert!(
            memory.containers.lock().unwrap().is_empty(),
            "containers are given back"
        );
        error(&memory)
    };
    let range = |first: u32, last: u32| serde_json::json!({"start": {"line": first}, "end": {"line": last}});
    let check = |lines: &[(u32, u32)], left, message: &str, snippet: (u64, u64)| {
        let lines = lines.iter().map(|(first, last)| range(*first, *last)).collect();
        let error = failing(lines, left, Vec::new());
        assert!(error.message.starts_with(message), "{}", error.message);
        assert_eq!(snippets(&error), [snippet]);
    };
    let (of_base, of_image) = ([(4, 4), (5, 5)], [(7, 7), (8, 10)]);
    check(
        &of_image,
        "commands\n2\n3\n",
        "imageSpec.yaml:8:5: entry 2 of `commands` did not complete successfully: exit code: 3",
        (8, 10),
    );
    check(
        &of_base,
        "commands\n2\n3\n",
        "imageSpec.yaml:5:7: entry 2 of `commands` did not",
        (5, 5),
    );
    check(
        &of_image,
        "commands\n1\n0\n",
        "imageSpec.yaml:7:5: entry 1 of `commands` ended the shell",
        (7, 7),
    );
    // What is not known is not said.
    check(
        &of_image,
        "commands\ndone\n3\n",
        "the shell of `commands` did not",
        (7, 7),
    );
    check(&of_image, "nonsense", "process \"/bin/sh\" did not complete", (7, 7));
    let old = failing(
        serde_json::json!([range(7, 7)]),
        "commands\n1\n3\n",
        vec!["gateway.exec"],
    );
    assert!(old.message.starts_with("process"), "{}", old.message);
}

#[test]
fn the_program_that_failed_is_heard() {
    let spec = "profile: plain\napt_packages:\n  - jq\n  - wget=1.0\npackages: [x]\n";
    let failing = |title: &str, lines: &[u32], left: Option<&'static str>| {
        let mut memory = with_data(spec);
        let args = ["/bin/sh", "-c", "eval \"$IMAGESPEC_STEP_0\"", title];
        let op = serde_json::json!({"op": {"exec": {"meta": {"args": args}, "mounts": [{"dest": "/"}, {"dest": "/tmp"}]}},
            "mountIDs": ["root"]});
        let ranges: Vec<_> = lines
            .iter()
            .map(|line| serde_json::json!({"start": {"line": line}, "end": {"line": line}}))
            .collect();
        let source = serde_json::json!({"info": {"filename": "imageSpec.yaml"}, "ranges": ranges});
        let details = vec![
            detail("gatewayapi.ExitMessage", &serde_json::json!({"Code": 100})),
            detail("errdefs.Solve", &op),
            detail("errdefs.Source", &source),
        ];
        let words = "process \"/bin/sh\" did not complete successfully: exit code: 100";
        memory.failing = Some(CallError::new(UNKNOWN, words, details));
        memory
            .left
            .extend(left.map(|left| (("root", "/imagespec/failed"), left)));
        error(&build(memory, &[]))
    };
    let title = "apt-get install jq wget=1.0";
    let said = "E: Version '1.0' for 'wget' was not found\n";
    let named = failing(title, &[3, 4], Some(said));
    assert_eq!(
        named.message,
        "imageSpec.yaml:4:5: `apt_packages`: Version '1.0' for 'wget' was not found"
    );
    assert_eq!(snippets(&named), [(4, 4)]);
    // Without its words, at least the step and its first line, and no shell of ours.
    let silent = failing(title, &[3, 4], None);
    assert_eq!(
        silent.message,
        "imageSpec.yaml:3:5: `apt_packages`: `apt-get install jq wget=1.0` did not complete successfully: exit code: 100"
    );
    // A part of a name is another name.
    let other = failing(title, &[3, 4], Some("E: Unable to locate package wget-tools\n"));
    assert!(other.message.starts_with("imageSpec.yaml:3:5: "), "{}", other.message);
    assert!(
        other.message.contains("\n    help: check the name"),
        "{}",
        other.message
    );
    let of_uv = failing("uv pip compile x", &[5], Some("error: no x\n"));
    assert!(
        of_uv.message.starts_with("imageSpec.yaml:5:12: `packages`: no x"),
        "{}",
        of_uv.message
    );
}

#[test]
fn a_failure_that_is_of_no_line_shows_none() {
    let error = error(&build(with_data(SPEC), &[("target", "foo")]));
    let [one] = error.details.as_slice() else {
        panic!("{:?}", error.details)
    };
    let value: serde_json::Value = serde_json::from_slice(&one.value).unwrap();
    assert_eq!(
        (&one.type_url, &value["ranges"]),
        (
            &"github.com/moby/buildkit/errdefs.Source+json".to_owned(),
            &serde_json::json!([])
        )
    );
}

#[test]
fn a_panic_is_an_error() {
    let mut memory = with_data(SPEC);
    memory.panics = true;
    assert!(
        error(&build(memory, &[]))
            .message
            .contains("imagespec stopped unexpectedly")
    );
}

#[test]
fn all_problems_are_in_the_message_and_ten_have_snippets() {
    let spec: String = (0..50).map(|n| format!("field_{n}: https://u:secret{n}@h\n")).collect();
    let error = error(&build(Memory::with_spec(&spec), &[]));
    assert!(error.message.starts_with("50 problems in imageSpec.yaml\n"));
    assert!(error.message.contains("imageSpec.yaml:50:1: unknown field `field_49`"));
    assert_eq!(error.details.len(), 10);
    for detail in &error.details {
        assert_eq!(detail.type_url, "github.com/moby/buildkit/errdefs.Source+json");
        let value: serde_json::Value = serde_json::from_slice(&detail.value).unwrap();
        let data = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            value["info"]["data"].as_str().unwrap(),
        )
        .unwrap();
        assert_eq!(data.len(), spec.len());
        assert!(!String::from_utf8(data).unwrap().contains("secret"));
    }
    assert!(!error.message.contains("secret"));
}

#[test]
fn a_password_reaches_nothing_that_is_sent() {
    // In a comment it is no error, but the file travels with every graph.
    let memory = build(
        with_data(&format!("# https://u:hunter22@h\n{SPEC}pythn: 1\n").replace("pythn: 1\n", "")),
        &[],
    );
    result(&memory);
    for request in memory.solved.lock().unwrap().iter() {
        let bytes = request.encode_to_vec();
        assert!(!bytes.windows(8).any(|window| window == b"hunter22"));
    }
    let memory = build(
        with_data(&format!("{SPEC}env: {{A: \"postgres://u:hunter22@h/db\"}}\n")),
        &[],
    );
    let error = error(&memory);
    assert!(
        error.message.contains("postgres://**********@h/db"),
        "{}",
        error.message
    );
}
