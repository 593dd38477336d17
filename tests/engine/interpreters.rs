//! Interpreters of the base image.

use crate::bed::{Engine, Project, fresh};

#[test]
fn a_virtual_environment_of_the_base_stays_visible() {
    let base = Project::new(
        "profile: plain\napt_packages: [python3, python3-venv]\n\
         env: {PATH: \"/opt/venv/bin:$PATH\", VIRTUAL_ENV: /opt/venv}\n\
         commands:\n  - python3 -m venv --without-pip /opt/venv\n  - |\n    cd /opt/venv/lib/python3*/site-packages\n    \
         echo 'ANSWER = 42' > serving_runtime.py\n    mkdir humanize-4.8.0.dist-info\n    \
         printf 'Metadata-Version: 2.1\\nName: humanize\\nVersion: 4.8.0\\n' > humanize-4.8.0.dist-info/METADATA\n    \
         touch humanize-4.8.0.dist-info/RECORD humanize.py\n",
    );
    base.build("engine-base-venv");
    for exec in ["/opt/venv/bin/python", "python"] {
        let spec =
            format!("base_image: company/serving:1\nprofile: plain\npython_exec: {exec}\npackages: [six, humanize]\n");
        let project =
            Project::new(&spec).with(&["--build-context", "company/serving:1=docker-image://engine-base-venv"]);
        project.build("engine-on-venv");
        let line = "python -c 'import serving_runtime as r, six, sys, importlib.metadata as m; \
                    print(r.ANSWER, sys.prefix, m.version(\"humanize\"))'; echo \"[$VIRTUAL_ENV]\"";
        // What the base has is preferred.
        assert_eq!(
            Engine::Main.shell("engine-on-venv", line),
            "42 /root/.venv 4.8.0\n[/root/.venv]\n",
            "{exec}"
        );
    }
}

#[test]
fn conda_environments_are_activated() {
    let spec = "profile: plain\nconda_packages: [\"python=3.12\", bed-activated]\nenv: {LEVEL: info}\n\
        commands: [\"echo $CONDA_PREFIX $BED_DATA > /said\", \"cat $BED_DATA/table.txt >> /said\"]\n";
    let project = Project::new(&fresh(spec));
    let expect = "/opt/micromamba/envs/runtime /opt/micromamba/envs/runtime/share/bed\nearth\n";
    let said = project.build_and_run(
        "engine-activated",
        "echo $CONDA_PREFIX $BED_DATA; cat $BED_DATA/table.txt",
    );
    assert_eq!(said, expect);
    assert_eq!(Engine::Main.shell("engine-activated", "cat /said"), expect);
    let environment = Engine::Main.shell(
        "engine-activated",
        "echo $PATH; python --version; env | grep -c CONDA_BACKUP || true",
    );
    assert!(
        environment.starts_with("/opt/micromamba/envs/runtime/bed-tools:/opt/micromamba/envs/runtime/bin:"),
        "{environment}"
    );
    assert!(
        environment.contains("\nPython 3.12") && environment.ends_with("\n0\n"),
        "{environment}"
    );
    // What the spec says goes before it, and storeys above have it.
    let nested =
        "profile: plain\nbase_image: {profile: plain, conda_packages: [bed-activated]}\nenv: {BED_DATA: /mine}\n";
    let said = Project::new(&fresh(nested)).build_and_run("engine-activated-nested", "echo $CONDA_PREFIX $BED_DATA");
    assert_eq!(said, "/opt/micromamba/envs/runtime /mine\n");
}

/// conda's packages need not have a RECORD, which says what to remove.
#[test]
fn another_version_replaces_condas_package_as_a_whole() {
    let spec =
        "profile: plain\npython_version: \"3.12\"\nconda_packages: [humanize, tomli]\npackages: [humanize==4.9.0]\n";
    let line = r#"cd /opt/micromamba/envs/runtime/lib/python3*/site-packages; python -c '
import humanize, importlib.util, os, importlib.metadata as m
known = {str(path) for path in m.distribution("humanize").files}
found = {os.path.join(root, file) for root, _, files in os.walk("humanize") for file in files}
found = {importlib.util.source_from_cache(path) if path.endswith("c") else path for path in found}
print(humanize.__version__, [path for path in known if not os.path.exists(path)], found - known)
print(*m.distribution("tomli").read_text("INSTALLER").split())'; ls -d humanize*"#;
    let expect = "4.9.0 [] set()\nconda\nhumanize\nhumanize-4.9.0.dist-info\n";
    for (engine, more, arguments) in [
        (Engine::Main, "", &[][..]),
        (Engine::Main, "layering: single\n", &[]),
        (Engine::Main, "", &["--build-arg", "IMAGESPEC_STRATEGY=chain"]),
        (Engine::Classic, "", &[]),
    ] {
        let project = Project::new(&format!("{spec}{more}")).on(engine).with(arguments);
        let said = project.build_and_run("engine-conda-replaced", line);
        assert_eq!(said, expect, "{engine:?} {more} {arguments:?}");
    }
}
