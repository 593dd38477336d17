//! Debian packages: what their steps do, and what is said where one fails.

use crate::bed::{Engine, Project, fresh};

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
