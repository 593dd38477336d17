//! Versions of projects that come from git.

use std::process::Command;

use crate::bed::{Engine, Project, fresh};

const SPEC: &str = "profile: plain\npython_exec: python3\napt_packages: [python3, git]\npackages: [./services/api]\n";
const MANIFEST: &str = "[project]\nname = \"api\"\ndynamic = [\"version\"]\n\n[build-system]\nrequires = [\"setuptools>=75\", \"setuptools-scm>=8\"]\n\
    build-backend = \"setuptools.build_meta\"\n\n[tool.setuptools_scm]\nroot = \"../..\"\n";

/// A project below the root of a repository, with files that builds do not see, at the tag v2.3.0.
fn checkout() -> Project {
    let project = Project::new(&fresh(SPEC));
    project
        .file("services/api/pyproject.toml", MANIFEST)
        .file("services/api/src/api/__init__.py", "")
        .file("docs/index.md", "not for builds")
        .file(".dockerignore", "docs\n")
        .file(".gitignore", "*.log\n");
    git(
        &project,
        "git init -q -b main && git add -A && git commit -qm first && git tag v2.3.0",
    );
    project
}

fn git(project: &Project, line: &str) {
    let output = Command::new("/bin/sh")
        .args(["-c", line])
        .current_dir(project.directory.path())
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_DATE"), "2025-01-02T00:00:00Z")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "dev")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "dev@example.com")))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const VERSION: &str = "python -c 'import importlib.metadata as m; print(m.version(\"api\"))'";

#[test]
fn a_version_from_git_is_that_of_the_checkout() {
    let project = checkout();
    assert_eq!(project.build_and_run("engine-git-version", VERSION), "2.3.0\n");
    // What git notes for itself builds nothing again.
    git(
        &project,
        "git status >/dev/null; touch services/api/src/api/__init__.py; git status >/dev/null",
    );
    let again = project.build("engine-git-version");
    assert!(
        again.ran().iter().all(|step| !step.contains("build api")),
        "{}",
        again.log
    );
    // A change is one, with the day of the commit and not of the build.
    project.file("services/api/src/api/__init__.py", "changed = True\n");
    let changed = project.build_and_run("engine-git-version", VERSION);
    assert!(
        changed.starts_with("2.3.1.dev0+g") && changed.ends_with(".d20250102\n"),
        "{changed}"
    );
    git(&project, "git commit -qam second && git tag v2.4.0");
    project.build("engine-git-version");
    assert_eq!(Engine::Main.shell("engine-git-version", VERSION), "2.4.0\n");
}

#[test]
fn a_version_that_git_cannot_give_is_an_error_with_a_way_out() {
    // Without the repository.
    let project = checkout();
    project.file(".dockerignore", "docs\n.git\n");
    let log = project.fail("engine-git-version-none");
    let last = log.lines().rev().take(2).collect::<Vec<_>>();
    assert!(
        last[0].contains("SETUPTOOLS_SCM_PRETEND_VERSION") && last[1].contains("imageSpec.yaml:"),
        "{log}"
    );
    // Without git.
    let project = checkout();
    project.spec(&fresh(&SPEC.replace(", git]", "]")));
    let log = project.fail("engine-git-version-none");
    assert!(log.contains("apt_packages: [git]"), "{log}");
    // A worktree has its repository elsewhere.
    let project = checkout();
    git(
        &project,
        "mv .git ../git-of-test-$$ && echo gitdir: ../git-of-test-$$ > .git; rm -rf ../git-of-test-$$",
    );
    let log = project.fail("engine-git-version-none");
    assert!(log.contains("a file that leads to a repository elsewhere"), "{log}");
}
