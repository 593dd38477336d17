//! One failing spec per rule, as a user sees it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may stop at the first surprise, their helpers too"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use imagespec::image_spec::parse;
use imagespec::text::Text;

const CASES: &[(&str, &str)] = &[
    ("yaml-syntax", "packages: [a, b\nenv: {}\n"),
    ("yaml-syntax", "env:\n\tA: b\n"),
    ("yaml-syntax", "packages: *nothing\n"),
    ("empty-file", "# nothing but a comment\n"),
    ("several-documents", "name: a\n---\nname: b\n"),
    ("not-a-mapping", "- packages\n"),
    ("not-a-mapping", "just words\n"),
    ("merge-key", "<<: 3\n"),
    (
        "too-deep",
        "builder_options: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n",
    ),
    ("key-not-text", "1: a\n"),
    ("unknown-field", "pakages: [a]\n"),
    ("unknown-field", "something_else: [a]\n"),
    ("unknown-field", "base_image:\n  apt_package: [git]\n"),
    ("repeated-field", "name: a\nname: b\n"),
    (
        "python-version",
        "python_version: \"3.12\"\nconda_packages: [numpy, conda-forge::python=3.11]\n",
    ),
    (
        "debconf",
        "apt_packages: [x]\ndebconf: [\"x x/licence\", \"x x/key password hush\", \"x x/licence boolean true\"]\n",
    ),
    (
        "apt-source",
        "apt_sources:\n  - deb [signed-by=/usr/share/keyrings/a.gpg] https://a.example/deb stable main\n  - ppa:deadsnakes/ppa\n  - {uri: example.com/deb, suites: []}\n  - {suites: [a b], components: main}\n  - {uri: http://a.example/deb, suites: [./, stable], components: main}\n",
    ),
    (
        "apt-key",
        "apt_sources:\n  - {uri: http://a.example/deb, suites: a, key: \"https://a.example/key.asc\"}\n  - {uri: http://a.example/deb, suites: a, key: {url: \"https://a.example/key.asc\"}}\n  - {uri: http://a.example/deb, suites: a, key: {url: key.asc, sha256: abc}}\n  - uri: http://a.example/deb\n    suites: a\n    key: |\n      -----BEGIN PGP PRIVATE KEY BLOCK-----\n",
    ),
    (
        "unknown-key",
        "apt_sources: [{uri: http://a.example/deb, suite: stable, trusted: yes}]\n",
    ),
    (
        "context-path",
        "apt_sources: [{uri: http://a.example/deb, suites: a, key: ../key.asc}]\napt_packages: [\"deb:/a.deb\"]\n",
    ),
    (
        "apt-package",
        "apt_packages: [./a.deb, \"deb:a.rpm\", \"https://a.example/a.deb\"]\n",
    ),
    (
        "apt-source",
        "apt_sources: [{uri: http://a.example/deb, suites: [\"$(lsb_release -cs)-pgdg\"], architectures: [x86_64]}]\n",
    ),
    (
        "credential-in-url",
        "apt_sources: [{uri: \"http://me:pw@a.example/deb\", suites: [a]}]\n",
    ),
    ("requirement", "packages: [requirements.txt]\n"),
    ("wrong-kind", "packages: requirements.txt\n"),
    ("debconf-unused", "debconf: [\"x x/licence boolean true\"]\n"),
    ("unknown-builder-option", "builder_options: {some_option: true}\n"),
    ("unknown-builder-config", "builder_config: {uv_imag: x}\n"),
    (
        "field-in-two-places",
        "profile: plain\nbuilder_options: {profile: flyte}\n",
    ),
    ("wrong-kind", "packages: pandas\n"),
    ("unknown-value", "mode: \"0600\"\n"),
    ("wrong-kind", "packages: null\n"),
    ("wrong-kind", "apt_packages:\n"),
    ("wrong-kind", "env: [A, B]\n"),
    ("wrong-kind", "cuda: 12\n"),
    ("wrong-kind", "name: 3\n"),
    ("wrong-kind", "base_image: [a]\n"),
    ("entry-not-text", "packages: [pandas, 3]\n"),
    ("entry-not-text", "commands: [ls, null]\n"),
    ("value-not-text", "env: {A: null}\n"),
    ("value-not-text", "env:\n  A: {b: c}\n"),
    ("value-not-text", "env: {DEBUG: yes}\n"),
    ("python-version-number", "python_version: 3.10\n"),
    ("python-version", "python_version: three\n"),
    (
        "python-version-unused",
        "python_version: \"3.12\"\npython_exec: /usr/bin/python3\n",
    ),
    ("python-exec", "python_exec: --version\n"),
    (
        "python-exec-with-conda",
        "python_exec: /usr/bin/python3\nconda_packages: [gcc]\n",
    ),
    ("nul", "commands: [\"a\\0b\"]\n"),
    ("secret-mount", "pip_secret_mounts: [.netrc]\n"),
    ("secret-target", "pip_secret_mounts: [[a, root/.netrc]]\n"),
    ("secret-id", "pip_secret_mounts: [{id: \"a b\", target: /x}]\n"),
    ("unknown-value", "source_root: .\nsource_copy_mode: al\n"),
    ("unknown-value", "profile: flite\n"),
    ("wrong-kind", "copy: data\n"),
    ("wrong-kind", "copy: [{src: a, owner: [b]}]\n"),
    ("entry-not-text", "copy: [3, [a]]\n"),
    ("copy-entry", "copy: [{dst: /x}]\n"),
    ("unknown-key", "copy: [{src: a, dest: /x}]\n"),
    ("unknown-value", "copy: [{src: a, mode: 0999}, {src: a, mode: gti}]\n"),
    ("absolute-path", "copy: [{src: a, dst: ../x}]\n"),
    ("absolute-path", "copy: [{src: a, dst: ~/x}]\n"),
    ("copy-target", "copy: [{src: a, dst: /dev/shm/x}]\n"),
    ("unknown-key", "copy: [{src: a, chown: app, chmod: 0644}]\n"),
    ("context-path", "copy: [{src: /etc/passwd}]\n"),
    ("user", "copy: [{src: a, owner: 'a b'}]\n"),
    ("wrong-kind", "secrets: {id: a}\n"),
    ("secret", "secrets: [token]\n"),
    ("secret", "secrets: [{env: TOKEN}]\n"),
    ("secret", "secrets: [{id: a, env: A, target: /a}]\ncommands: [ls]\n"),
    ("wrong-kind", "secrets: [{id: a, required: 1}]\ncommands: [ls]\n"),
    ("unknown-key", "secrets: [{id: a, source: b}]\ncommands: [ls]\n"),
    (
        "unknown-value",
        "secrets: [{id: a, steps: [comands]}]\ncommands: [ls]\n",
    ),
    ("secret-id", "secrets: [{id: 'a,b'}]\ncommands: [ls]\n"),
    ("secret-target", "secrets: [{id: a, target: a}]\ncommands: [ls]\n"),
    (
        "secret-target",
        "secrets: [{id: a}, {id: b, target: /run/secrets/a}]\ncommands: [ls]\n",
    ),
    (
        "secret-target",
        "pip_secret_mounts: [[a, /a]]\nsecrets: [{id: b, target: /a, steps: [packages]}]\n",
    ),
    ("variable-name", "secrets: [{id: a, env: A-B}]\ncommands: [ls]\n"),
    ("variable-name", "secrets: [{id: a, env: PATH}]\ncommands: [ls]\n"),
    (
        "variable-name",
        "secrets: [{id: a, env: A}]\nenv: {A: b}\ncommands: [ls]\n",
    ),
    ("unknown-builder-option", "builder_options: {heavvy: [torch]}\n"),
    ("secret-unused", "secrets: [{id: a, env: A, steps: [apt]}]\n"),
    ("secret-unused", "secrets: [{id: a, env: A, steps: []}]\n"),
    ("port", "expose: [80/http, 0, [1]]\n"),
    ("wrong-kind", "expose: 80\n"),
    ("yaml-value", "builder_options: {[a]: b}\n"),
    (
        "credential-in-url",
        "pip_index: https://me:hunter2@example.com/simple\n",
    ),
    ("registry", "registry: https://ghcr.io/acme\n"),
    ("image-reference", "base_image: Debian:12\n"),
    ("image-reference", "builder_config: {uv_image: \"a:b:c\"}\n"),
    (
        "uv-too-old",
        "builder_config: {uv_image: \"ghcr.io/astral-sh/uv:0.5.1\"}\n",
    ),
    ("platform", "platform: amd64\n"),
    ("platform", "platform: windows/amd64\n"),
    ("tag-format", "tag_format: \"{hash}-dev\"\n"),
    ("tag-format", "tag_format: \"{spec_hash\"\n"),
    ("tag-format-short", "tag_format: v1\n"),
    ("tag-format-short", "tag_format: \"{spec_hash:.3}-dev\"\n"),
    ("builder-ignored", "builder: envd\n"),
    ("cuda", "cuda: \"12.1\"\n"),
    ("cuda", "cudnn: \"8\"\n"),
    ("apt-package", "apt_packages: [\"curl; touch /pwned\"]\n"),
    ("empty-entry", "packages: [\"\"]\n"),
    ("option-as-entry", "conda_packages: [--file=/etc/passwd]\n"),
    ("line-break", "packages: [\"a\\nb\"]\n"),
    ("runtime-package", "runtime_packages: [\"numpy >= 1\"]\n"),
    ("pip-extra-args", "pip_extra_args: \"--x 'y\"\n"),
    ("pip-extra-args", "pip_extra_args: \"--frob --target /x\"\n"),
    ("requirement", "packages: [\"a b\", \"# x\"]\n"),
    ("requirement", "packages: [\"--frob x\", \"-e\", \"numpy 1.26\"]\n"),
    ("other-file", "requirements: deploy/environment.yml\n"),
    ("no-project", "packages: [a]\nmembers: [x]\n"),
    ("packages-with-lock", "requirements: uv.lock\npackages: [a]\n"),
    (
        "pip-extra-args",
        "requirements: uv.lock\npip_extra_args: --without train --extra --group train\n",
    ),
    (
        "pip-extra-args",
        "requirements: poetry.lock\npip_extra_args: --frob --package a\n",
    ),
    (
        "pip-extra-args",
        "requirements: uv.lock\ngroups: [dev]\npip_extra_args: --only-group train --no-install-project\ninstall_project: true\n",
    ),
    (
        "pip-extra-args",
        "requirements: pylock.toml\npip_extra_args: --only-group train\nlayering: single\n",
    ),
    (
        "pip-extra-args",
        "requirements: requirements.txt\npip_extra_args: --package a --no-dev\n",
    ),
    (
        "decided-by-lock",
        "requirements: poetry.lock\npip_extra_args: --pre -U --exclude-newer 2025-01-01 -c bounds.txt\n",
    ),
    ("frozen-lock", "requirements: uv.lock\npip_extra_args: --frozen\n"),
    ("no-project", "requirements: r.txt\npip_extra_args: --extra a\n"),
    (
        "no-project",
        "packages: [a]\nextras: [x]\ngroups: [y]\ninstall_project: true\n",
    ),
    ("unknown-value", "layering: automatic\n"),
    ("wrong-kind", "install_project: \"yes\"\n"),
    ("context-path", "copy: [/etc/passwd, ../up, \"\"]\n"),
];

const MORE_CASES: [(&str, &str); 20] = [
    (
        "index-url",
        "pip_index: pypi.org/simple\npip_extra_index_url: [example.com]\n",
    ),
    ("entry-not-text", "commands:\n  - echo a: b\n"),
    ("source-not-copied", "source_root: src\n"),
    ("source-root-missing", "source_copy_mode: all\n"),
    ("absolute-path", "workdir: app\ncopy_to: /a/../b\n"),
    ("variable-name", "env: {\"A B\": c}\n"),
    ("label-name", "labels: {\"\": c}\n"),
    ("user", "user: \"a b\"\n"),
    ("too-many-values", ""),
    ("surrogate", "packages: [\"\\ud83d\\ude00\"]\n"),
    ("surrogate", "packages: [\"\\ud800\"]\n"),
    ("yaml-syntax", "packages: [\"a\u{1}b\"]\n"),
    ("yaml-syntax", "packages: [!!str,a]\n"),
    ("yaml-syntax", "packages:\n  [a,\n   !b,c]\n"),
    (
        "requirement",
        "packages: [\"scikit- learn\", \"numpy->=1\", \"dask[array- ]\"]\n",
    ),
    ("yaml-syntax", "name: \"\\"),
    ("yaml-value", "!foo\nname: x\n"),
    ("credential-in-url", "registry: \"me:hunter2@ghcr.io/x\"\n"),
    ("pin", "pins: {\"debian:bookworm-slim\": \"sha256:12\"}\n"),
    ("unknown-value", "tag_algorithm: contents\n"),
];

/// Aliases that refer to aliases, nine levels deep.
fn billion_laughs() -> String {
    let mut yaml = String::from("builder_options:\n  a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..9 {
        let before = level - 1;
        writeln!(
            yaml,
            "  a{level}: &a{level} [{}]",
            vec![format!("*a{before}"); 10].join(", ")
        )
        .unwrap();
    }
    yaml
}

#[test]
fn every_rule_says_what_is_wrong_where_and_what_to_do() {
    let mut seen = BTreeSet::new();
    let mut out = String::new();
    for (rule, yaml) in CASES.iter().chain(&MORE_CASES) {
        let laughs = billion_laughs();
        let yaml = if *rule == "too-many-values" {
            laughs.as_str()
        } else {
            yaml
        };
        let text = Text::new("imageSpec.yaml", yaml);
        let parsed = parse(&text);
        let found: Vec<_> = parsed.diagnostics.iter().filter(|d| d.rule == *rule).collect();
        assert!(!found.is_empty(), "{rule}: {yaml}: {:#?}", parsed.diagnostics);
        for diagnostic in &parsed.diagnostics {
            seen.insert(diagnostic.rule);
            let snippet = diagnostic.snippet(&text);
            assert!(!snippet.contains("hunter2"), "{snippet}");
            writeln!(out, "{snippet}\n").unwrap();
        }
    }
    insta::assert_snapshot!(out);
    let large = Text::new("imageSpec.yaml", "#".repeat(1_100_000));
    seen.extend(parse(&large).diagnostics.iter().map(|d| d.rule));
    // Rules that no case shows would be found here.
    let mut known = BTreeSet::new();
    for file in [
        "text/yaml.rs",
        "image_spec/read.rs",
        "image_spec/check.rs",
        "image_spec/check_packages.rs",
    ] {
        let source = std::fs::read_to_string(format!("{}/src/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        for part in source.split(['(', ',']) {
            let word = part.trim().trim_matches('"');
            let quoted = part.trim().starts_with('"');
            if quoted
                && word.contains('-')
                && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
                && !word.starts_with('-')
            {
                known.insert(word.to_owned());
            }
        }
    }
    let unseen: Vec<&String> = known.iter().filter(|rule| !seen.contains(rule.as_str())).collect();
    assert!(unseen.is_empty(), "no case for {unseen:?}");
}

#[test]
fn what_flytekit_accepts_has_a_name_though_it_may_not_build() {
    use imagespec::text::Operation;
    for yaml in [
        "copy: [../x]\n",
        "cuda: 12\n",
        "packages: null\n",
        "python_exec: x\nconda_packages: [y]\n",
        "base_image: NOT AN IMAGE\n",
        "platform: nonsense\n",
        "pip_index: https://u:p@h\n",
        "source_copy_mode: whatever\n",
        "env: {A: {b: c}}\n",
    ] {
        let parsed = parse(&Text::new("s", yaml));
        assert_eq!(
            parsed.errors(Operation::Naming).count(),
            0,
            "{yaml}: {:#?}",
            parsed.diagnostics
        );
        assert!(parsed.errors(Operation::Building).count() > 0, "{yaml}");
        let spec = parsed.spec.unwrap();
        let naming = imagespec::name::Naming::new(&spec, &imagespec::name::NamingOptions::default());
        assert_eq!(naming.unwrap().id().len(), 22);
    }
}

#[test]
fn lines_point_at_the_entry() {
    let text = Text::new("s.yaml", "# é\nname: x\npackages:\n  - a\n  - b: c\nenv:\n  - no\n");
    let parsed = parse(&text);
    let lines: Vec<String> = parsed.diagnostics.iter().map(|d| d.line(&text)).collect();
    assert!(
        lines[0].starts_with("s.yaml:5:5: `packages` takes a list of strings"),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("s.yaml:7:3: `env` takes a mapping"), "{lines:?}");
}
