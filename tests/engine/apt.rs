//! Debian packages: what their steps do, and what is said where one fails.

use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

use crate::bed::{Engine, Project, answering, fresh, host};

#[test]
fn questions_are_answered_before_packages_are_installed() {
    let answers = "debconf:\n  - locales locales/locales_to_be_generated multiselect de_DE.UTF-8 UTF-8\n";
    let project = Project::new(&fresh(&format!("profile: plain\napt_packages: [locales]\n{answers}")));
    let said = project.build_and_run("engine-debconf", "locale -a | grep de_DE");
    assert_eq!(said, "de_DE.utf8\n");
}

#[test]
fn all_wrong_names_are_told_in_one_build() {
    let spec = "profile: plain\napt_packages:\n  - jq\n  - wget=1.0\n  - tree no-such-package\n  - git\n  - hello=9\n";
    let log = Project::new(spec).fail("engine-apt-names");
    for words in [
        "\nERROR: failed to build: failed to solve: 3 problems in imageSpec.yaml\n",
        "\nimageSpec.yaml:5:5: `apt_packages`: Version '1.0' for 'wget' was not found; wget has the versions 1.2",
        "\nimageSpec.yaml:6:5: `apt_packages`: Unable to locate package no-such-package\n",
        "\nimageSpec.yaml:8:5: `apt_packages`: Version '9' for 'hello' was not found; hello has the versions ",
    ] {
        assert!(log.contains(words), "{log}");
    }
}

#[test]
fn a_release_that_is_not_there_is_told_at_its_package() {
    let log = Project::new("profile: plain\napt_packages: [tree, jq, hello/nosuch]\n").fail("engine-apt-suite");
    let words = "imageSpec.yaml:3:26: `apt_packages`: Release 'nosuch' for 'hello' was not found";
    assert!(log.contains(words), "{log}");
}

#[test]
fn no_trace_of_apt_stays_in_the_image() {
    let project = Project::new(&fresh("profile: plain\napt_packages: [jq]\n"));
    project.build("engine-apt-clean");
    let left = "ls -A /var/lib/apt/lists /var/cache/apt/archives /var/log/apt /imagespec 2>/dev/null | grep -v '^/\\|^$\\|partial\\|lock' || true";
    assert_eq!(Engine::Main.shell("engine-apt-clean", left), "");
}

/// A spec on a base with a repository of its own, which has a newer `hello`.
fn with_repository(postinst: &str) -> String {
    let control =
        r"Package: hello\nVersion: 99.0\nArchitecture: all\nMaintainer: bed <bed@example.com>\nDescription: newer\n";
    let commands = [
        "mkdir -p /srv/repository /tmp/package/DEBIAN".to_owned(),
        format!("printf '{control}' > /tmp/package/DEBIAN/control"),
        format!(
            r"printf '#!/bin/sh\n{postinst}\n' > /tmp/package/DEBIAN/postinst && chmod 755 /tmp/package/DEBIAN/postinst"
        ),
        "dpkg-deb --build /tmp/package /srv/repository/hello_99.0_all.deb && rm -r /tmp/package".to_owned(),
        format!(
            r#"cd /srv/repository && {{ printf '{control}'; printf 'Filename: ./hello_99.0_all.deb\nSize: %s\nSHA256: %s\n' "$(stat -c %s hello*)" "$(sha256sum hello* | cut -d ' ' -f 1)"; }} > Packages"#
        ),
        "echo 'deb [trusted=yes] file:/srv/repository ./' > /etc/apt/sources.list.d/bed.list".to_owned(),
    ];
    let commands: Vec<String> = commands.iter().map(|command| format!("    - {command:?}\n")).collect();
    let base = format!("base_image:\n  profile: plain\n  commands:\n{}", commands.concat());
    format!("profile: plain\n{base}apt_packages: [hello]\n")
}

#[test]
fn lists_are_those_of_the_images_own_sources() {
    // Lists of the same base, without the repository, are fresh now.
    Project::new(&fresh("profile: plain\napt_packages: [hello]\n")).build("engine-apt-plain");
    let project = Project::new(&fresh(&with_repository("exit 0")));
    let version = project.build_and_run("engine-apt-own", "dpkg-query -W -f '${Version}' hello");
    assert_eq!(version, "99.0");
}

#[test]
fn a_maintainer_script_that_fails_runs_once_and_is_heard() {
    let project = Project::new(&fresh(&with_repository("echo the licence is not accepted >&2; exit 3")));
    let log = project.fail("engine-apt-refuses");
    let of_step = log.lines().filter(|line| line.starts_with('#'));
    let ran = of_step.filter(|line| line.contains("Setting up hello (99.0)"));
    assert_eq!(ran.count(), 1, "{log}");
    let words = "`apt_packages`: dpkg cannot process package hello (--configure): installed hello package post-installation script subprocess returned error exit status 3 (the licence is not accepted)";
    assert!(log.lines().rev().take(3).any(|line| line.contains(words)), "{log}");
}

/// Its image has a signed repository in `/srv/repository`, with a newer `hello`, and its key.
const REPOSITORY: &str = r#"profile: plain
apt_packages: [gnupg apt-utils]
commands:
  - mkdir -p /srv/repository/pool /srv/repository/dists/stable/main/binary-amd64 /tmp/package/DEBIAN
  - |
    printf 'Package: hello\nVersion: 98.0\nArchitecture: all\nMaintainer: bed <bed@example.com>\nDescription: newer\n' > /tmp/package/DEBIAN/control
  - dpkg-deb --build /tmp/package /srv/repository/pool/hello_98.0_all.deb
  - cd /srv/repository && apt-ftparchive packages pool > dists/stable/main/binary-amd64/Packages
  - apt-ftparchive -o APT::FTPArchive::Release::Suite=stable -o APT::FTPArchive::Release::Components=main release dists/stable > dists/stable/Release
  - gpg --batch --passphrase '' --quick-gen-key bed@example.com rsa2048 sign never
  - gpg --batch --clearsign -o dists/stable/InRelease dists/stable/Release
  - gpg --armor --export bed@example.com > key.asc
  - gpg --export bed@example.com > /usr/share/keyrings/bed.gpg
  - rm -r /tmp/package
"#;

/// Makes the image of [`REPOSITORY`], once, and gives the key: armored, and as bytes.
fn key() -> &'static (String, Vec<u8>) {
    static KEY: OnceLock<(String, Vec<u8>)> = OnceLock::new();
    KEY.get_or_init(|| {
        Project::new(REPOSITORY).build("engine-apt-repository");
        let armored = Engine::Main.shell("engine-apt-repository", "cat /srv/repository/key.asc");
        (armored, bytes_of("/usr/share/keyrings/bed.gpg"))
    })
}

/// A file of the image with the repository.
fn bytes_of(path: &str) -> Vec<u8> {
    let in_hex = Engine::Main.shell("engine-apt-repository", &format!("od -A n -v -t x1 {path}"));
    let bytes = in_hex.split_whitespace();
    bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// A context whose spec takes `hello` from [`REPOSITORY`], with what it says of the key.
fn from_repository(key: &str, packages: &str) -> Project {
    let project = Project::new(&fresh(&format!(
        "profile: plain\nbase_image: bed/repository\napt_sources:\n  - uri: file:/srv/repository\n    suites: stable\n{key}apt_packages: {packages}\n"
    )));
    project.with(&[
        "--build-context",
        "bed/repository=docker-image://docker.io/library/engine-apt-repository",
    ])
}

const INSTALLED: &str =
    "dpkg-query -W -f '${Version} ' hello && cat /etc/apt/sources.list.d/srv-repository-stable-*.sources | grep Signed";

#[test]
fn repositories_are_signed_by_keys_of_all_kinds() {
    let (armored, bytes) = key();
    let sha256 = base16ct::lower::encode_string(&Sha256::digest(armored.as_bytes()));
    let address = served(armored);
    let block = armored.replace('\n', "\n      ");
    let cases = [
        (
            "image",
            "    key: /usr/share/keyrings/bed.gpg\n".to_owned(),
            "/usr/share/keyrings/bed.gpg",
        ),
        ("file", "    key: keys/bed.gpg\n".to_owned(), "/etc/apt/keyrings/srv-"),
        // As a checkout on Windows has it.
        (
            "armored",
            "    key: keys/bed.asc\n".to_owned(),
            "/etc/apt/keyrings/srv-",
        ),
        ("text", format!("    key: |\n      {block}\n"), "/etc/apt/keyrings/srv-"),
        (
            "address",
            format!("    key: {{url: \"{address}\", sha256: {sha256}}}\n"),
            "/etc/apt/keyrings/srv-",
        ),
    ];
    for (name, key, place) in cases {
        let project = from_repository(&key, "[hello]");
        let of_windows = armored.replace('\n', "\r\n");
        project.file("keys/bed.gpg", bytes).file("keys/bed.asc", of_windows);
        let said = project.build_and_run(&format!("engine-apt-key-{name}"), INSTALLED);
        assert!(said.starts_with(&format!("98.0 Signed-By: {place}")), "{name}: {said}");
    }
    let left = "ls -A /var/lib/apt/lists /var/cache/apt/archives /var/log/apt /imagespec 2>/dev/null | grep -v '^/\\|^$\\|partial\\|lock' || true";
    assert_eq!(Engine::Main.shell("engine-apt-key-address", left), "");
}

/// Serves a text at an address that containers reach.
fn served(text: &str) -> String {
    format!("http://{}:{}/key.asc", host(), answering("200 OK", text))
}

#[test]
fn what_is_wrong_with_a_repository_is_told_at_its_entry() {
    let (armored, _) = key();
    let address = served(armored);
    let check = |name: &str, key: &str, expect: &str| {
        let project = from_repository(key, "[hello]");
        project.file("keys/page.asc", "<html>no key</html>\n");
        let log = project.fail(&format!("engine-apt-{name}"));
        assert!(log.lines().rev().take(4).any(|line| line.contains(expect)), "{log}");
    };
    check(
        "component",
        "    components: [main, universe]\n    key: /usr/share/keyrings/bed.gpg\n",
        "doesn't have the component 'universe'",
    );
    check(
        "unsigned",
        "",
        "`apt_sources`: The repository 'file:/srv/repository stable InRelease' is not signed",
    );
    check(
        "other-key",
        "    key: /usr/share/keyrings/debian-archive-keyring.gpg\n",
        "`apt_sources`: The repository 'file:/srv/repository stable InRelease' is not signed (NO_PUBKEY ",
    );
    check(
        "page",
        "    key: keys/page.asc\n",
        "`apt_sources`: the key keys/page.asc is no OpenPGP key",
    );
    check(
        "no-key",
        "    key: /usr/share/keyrings/none.gpg\n",
        "`apt_sources`: the key /usr/share/keyrings/none.gpg is not in the image",
    );
    let digest = "0".repeat(64);
    check(
        "digest",
        &format!("    key: {{url: \"{address}\", sha256: \"{digest}\"}}\n"),
        &format!("`apt_sources`: the key {address} has another SHA-256 than the entry says"),
    );
    check(
        "missing",
        "    key: keys/none.asc\n",
        "`apt_sources: keys/none.asc` is not in the build context",
    );
}

#[test]
fn entries_of_one_repository_stand_side_by_side() {
    key();
    let more = "    key: /usr/share/keyrings/bed.gpg\n  - {uri: \"file:/srv/repository\", suites: [stable], components: [main], architectures: [amd64], key: /usr/share/keyrings/bed.gpg}\n";
    let said = from_repository(more, "[hello]").build_and_run(
        "engine-apt-two",
        "ls /etc/apt/sources.list.d | grep -c ^srv-repository-stable-",
    );
    assert_eq!(said, "2\n");
}

#[test]
fn an_answer_that_nobody_asks_for_is_an_error() {
    let log =
        Project::new("profile: plain\napt_packages: [tzdata]\ndebconf: [\"tzdata tzdata/Areas select Europe\"]\n")
            .fail("engine-debconf-late");
    let words = "imageSpec.yaml:4:11: `debconf`: debconf: tzdata is in the base image already";
    assert!(log.contains(words), "{log}");
}

#[test]
fn files_of_the_context_are_installed_as_packages() {
    key();
    let spec = "profile: plain\napt_packages: [jq, \"deb:vendor/hello all.deb\"]\n";
    let project = Project::new(&fresh(spec));
    project.file(
        "vendor/hello all.deb",
        bytes_of("/srv/repository/pool/hello_98.0_all.deb"),
    );
    let said = project.build_and_run("engine-apt-file", "dpkg-query -W -f '${Version}' hello && ls /tmp");
    assert_eq!(said, "98.0");
}

#[test]
fn a_held_package_is_named_with_a_way_out() {
    let held = "base_image:\n  profile: plain\n  apt_packages: [hello]\n  commands: [apt-mark hold hello]\n";
    // Asking for what is held changes nothing.
    Project::new(&fresh(&format!("profile: plain\n{held}apt_packages: [hello, jq]\n"))).build("engine-apt-held");
    // The base holds another version than the one that is asked for.
    key();
    let base = "base_image:\n  profile: plain\n  base_image: bed/repository\n  apt_packages: [hello]\n  commands: [apt-mark hold hello]\n";
    let project = from_repository("    key: /usr/share/keyrings/bed.gpg\n", "[hello=98.0]");
    let spec = std::fs::read_to_string(project.directory.path().join("imageSpec.yaml")).unwrap();
    project.file("imageSpec.yaml", spec.replace("base_image: bed/repository\n", base));
    let log = project.fail("engine-apt-held-other");
    let words = "`apt_packages`: Held packages were changed and -y was used without --allow-change-held-packages";
    assert!(log.contains(words) && log.contains("apt-mark unhold"), "{log}");
}
