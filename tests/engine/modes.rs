//! Two checkouts of one commit differ in modes that git does not keep.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::bed::{Engine, Project, fresh, now};
use crate::tree::layers;

/// Gives everything in a directory the modes of a checkout with a umask, as git does.
fn check_out(directory: &Path, umask: u32, setgid: bool) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_symlink() {
            continue;
        }
        let mode = if meta.is_dir() {
            check_out(&path, umask, setgid);
            0o777 & !umask | if setgid { 0o2000 } else { 0 }
        } else if meta.permissions().mode() & 0o100 != 0 {
            0o777 & !umask
        } else {
            0o666 & !umask
        };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

const PROJECT: &str = "[project]\nname = \"job\"\nversion = \"0.1.0\"\ndependencies = [\"humanize==4.9.0\"]\n\
                       [build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n";

/// What ran, but for the digests: they are computed from the files themselves.
fn ran(built: &crate::bed::Built) -> Vec<String> {
    let ran = built.ran().into_iter();
    ran.filter(|name| !name.starts_with("[tag] ")).collect()
}

#[test]
fn a_umask_changes_no_layer_and_runs_nothing() {
    let spec = "profile: plain\napt_packages: [python3]\npython_exec: /usr/bin/python3\nrequirements: pyproject.toml\ninstall_project: true\ncopy: [bin, notes.txt]\n\
                source_root: src\nsource_copy_mode: all\nuser: \"1001\"\ncommands: [\"cat /root/notes.txt > /seen\"]\n";
    // No step on these files has run before.
    let now = now();
    // The other store makes its layers anew from every merge, so it gets the umask alone that differs most.
    let umasks = [(0o077, false), (0o002, false), (0o022, true)];
    for (engine, umasks) in [(Engine::Main, &umasks[..]), (Engine::Classic, &umasks[..1])] {
        let project = Project::new(spec).on(engine);
        project.file(".dockerignore", "imageSpec.yaml\n");
        project.file("pyproject.toml", format!("{PROJECT}# {now}\n"));
        project.file("src/job/__init__.py", format!("NAME = '{now}'\n"));
        project
            .file("notes.txt", format!("notes {now}\n"))
            .file("bin/run.sh", format!("#!/bin/sh\necho run {now}\n"));
        symlink("run.sh", project.directory.path().join("bin/link")).unwrap();
        let run = project.directory.path().join("bin/run.sh");
        fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).unwrap();
        check_out(project.directory.path(), 0o022, false);
        let first = project.build("engine-umask-ci");
        let kept = layers(engine, "engine-umask-ci");
        for &(umask, setgid) in umasks {
            check_out(project.directory.path(), umask, setgid);
            let again = project.build("engine-umask-laptop");
            assert_eq!(ran(&again), [""; 0], "{umask:o} {engine:?}: {}", again.log);
            assert_eq!(layers(engine, "engine-umask-laptop"), kept, "{umask:o} {engine:?}");
        }
        let look = "cd /root; stat -c '%a %n' bin bin/run.sh notes.txt job job/__init__.py; bin/link; cat /seen; python -c 'import job'";
        let said = engine.shell("engine-umask-laptop", look);
        assert_eq!(
            said,
            format!("755 bin\n755 bin/run.sh\n644 notes.txt\n755 job\n644 job/__init__.py\nrun {now}\nnotes {now}\n")
        );
        // What git keeps counts.
        fs::set_permissions(
            project.directory.path().join("notes.txt"),
            fs::Permissions::from_mode(0o755),
        )
        .unwrap();
        let executable = project.build("engine-umask-laptop");
        assert!(
            ran(&executable).contains(&"[source] copy notes.txt to /root/notes.txt".to_owned()),
            "{}",
            first.log
        );
        assert_eq!(
            engine.shell("engine-umask-laptop", "stat -c %a /root/notes.txt"),
            "755\n"
        );
    }
}

#[test]
fn modes_are_kept_where_that_is_asked_for() {
    let project = Project::new("profile: plain\ncopy: [key.pem, conf]\ncopy_to: /app\nmode: keep\n");
    project.file("key.pem", "key").file("conf/x", "1");
    for (path, mode) in [("key.pem", 0o600), ("conf/x", 0o640)] {
        fs::set_permissions(project.directory.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    let said = project.build_and_run("engine-mode-keep", "stat -c %a /app/key.pem /app/conf/x");
    assert_eq!(said, "600\n640\n");
}

#[test]
fn only_the_content_of_requirements_counts() {
    let spec =
        fresh("profile: plain\npython_version: \"3.12\"\nrequirements: deps/all.txt\npip_extra_args: -c bounds.txt\n");
    let project = Project::new(&spec);
    project
        .file("deps/all.txt", "-r base.txt\nhumanize\n")
        .file("deps/base.txt", "idna\n");
    project.file("bounds.txt", "humanize==4.9.0\n");
    let said = project.build_and_run(
        "engine-content",
        "python -c 'import humanize, idna; print(humanize.__version__)'",
    );
    assert_eq!(said, "4.9.0\n");
    check_out(project.directory.path(), 0o077, false);
    project.file("deps/all.txt", "# ours\n\n-r base.txt\r\nhumanize  # for people\n");
    project.file("deps/base.txt", "# base\nidna\n");
    project.file("bounds.txt", "humanize==4.9.0  # until 5\n");
    let again = project.build("engine-content");
    assert_eq!(ran(&again), [""; 0], "{}", again.log);
    project.file("bounds.txt", "humanize==4.8.0\n");
    assert!(
        ran(&project.build("engine-content"))
            .iter()
            .any(|name| name.starts_with("[lock] "))
    );
    // A bad line is told before any step.
    project.file("deps/all.txt", "# ours\n\n-r base.txt\n\nhumanize\n--bogus\n");
    let log = project.fail("engine-content");
    assert!(log.contains("deps/all.txt:6: `--bogus` is not an option"), "{log}");
}
