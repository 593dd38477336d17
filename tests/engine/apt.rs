//! Debian packages: what their steps do, and what is said where one fails.

use crate::bed::{Engine, Project, fresh};

#[test]
fn questions_are_answered_before_packages_are_installed() {
    let answers = "debconf:\n  - tzdata tzdata/Areas select Europe\n  - tzdata tzdata/Zones/Europe select Berlin\n";
    let project = Project::new(&fresh(&format!("profile: plain\napt_packages: [tzdata]\n{answers}")));
    let said = project.build_and_run("engine-debconf", "readlink /etc/localtime");
    assert_eq!(said, "/usr/share/zoneinfo/Europe/Berlin\n");
}

#[test]
fn all_wrong_names_are_told_in_one_build() {
    let spec = "profile: plain\napt_packages:\n  - jq\n  - wget=1.0\n  - tree no-such-package\n  - git\n  - hello=9\n";
    let log = Project::new(spec).fail("engine-apt-names");
    for words in [
        "\nERROR: failed to build: failed to solve: 3 problems in imageSpec.yaml\n",
        "\nimageSpec.yaml:4:5: `apt_packages`: Version '1.0' for 'wget' was not found; wget has the versions 1.2",
        "\nimageSpec.yaml:5:5: `apt_packages`: Unable to locate package no-such-package\n",
        "\nimageSpec.yaml:7:5: `apt_packages`: Version '9' for 'hello' was not found; hello has the versions ",
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
