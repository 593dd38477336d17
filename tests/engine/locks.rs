//! Locks: made, found beside the spec, and of other tools.

use std::path::Path;

use crate::bed::{Engine, Project, bed};
use crate::progress;

const SPEC: &str = "profile: plain\npackages: [humanize, six]\n";

/// The lock of a project, as `--target lock` writes it.
fn locked(project: &Project, directory: &Path) -> String {
    let mut command = project.command("unused");
    command.args(["--target", "lock", "-o", directory.to_str().unwrap()]);
    let output = progress::output(&mut command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["pylock.toml"]);
    std::fs::read_to_string(directory.join("pylock.toml")).unwrap()
}

fn python(line: &str) -> String {
    format!("python -c '{line}'")
}

#[test]
fn a_lock_is_made_used_and_held_against_the_spec() {
    let project = Project::new(SPEC);
    let made = locked(&project, tempfile::tempdir().unwrap().path());
    assert!(
        made.contains("name = \"humanize\"") && made.contains("requirements = [\"humanize\", \"six\"]"),
        "{made}"
    );
    let mut command = project.command("unused");
    command.args(["--progress=none", "--call=lock"]);
    let called = String::from_utf8(progress::output(&mut command).stdout).unwrap();
    assert_eq!(called, made);

    // An older version, which a resolve would not choose; with the marks of other systems.
    let older = Project::new("profile: plain\npackages: [humanize==4.9.0, six]\n");
    let older = locked(&older, tempfile::tempdir().unwrap().path());
    let older = older.replace("\"humanize==4.9.0\"", "\"humanize\"");
    project.file("pylock.toml", format!("\u{feff}{}", older.replace('\n', "\r\n")));
    let built = project.build("engine-locked");
    let mut of_lock = built.steps();
    of_lock.retain(|step| step.starts_with("[lock]"));
    of_lock.sort();
    let expected = [
        "[lock] keep the lock in /usr/share/imagespec",
        "[lock] layer of keep the lock in /usr/share/imagespec",
        "[lock] read the interpreter that pylock.toml is for",
    ];
    assert_eq!(of_lock, expected, "{}", built.log);
    let version = python("import humanize; print(humanize.__version__)");
    assert_eq!(Engine::Main.shell("engine-locked", &version), "4.9.0\n");

    project.spec(&format!("{SPEC}pip_extra_args: --resolution lowest\n"));
    let log = project.fail("engine-locked-other");
    assert!(
        log.contains("`--resolution lowest` is not among the requirements"),
        "{log}"
    );
    project.spec("profile: plain\npackages:\n  - humanize\n  - idna\n");
    let log = project.fail("engine-locked-other");
    assert!(
        log.contains("imageSpec.yaml:5:5: `idna` is not among the requirements"),
        "{log}"
    );
    assert!(log.contains("pylock.toml was also made from `six`"), "{log}");
    assert!(log.contains("--target lock"), "{log}");
    // To lock is to lock anew.
    assert!(locked(&project, tempfile::tempdir().unwrap().path()).contains("name = \"idna\""));

    // A lock of somebody else says only what it has.
    let foreign = older.split("[tool.imagespec]").next().unwrap().to_owned();
    project.file("pylock.toml", &foreign);
    let log = project.fail("engine-locked-foreign");
    assert!(log.contains("`idna` is not in pylock.toml"), "{log}");
    project.spec("profile: plain\npackages: [humanize, \"./libs/mine\"]\n");
    project.file(
        "libs/mine/pyproject.toml",
        "[project]\nname = \"mine\"\nversion = \"1\"\n",
    );
    let log = project.fail("engine-locked-foreign");
    assert!(log.contains("`./libs/mine` is not in pylock.toml"), "{log}");
    project.spec("profile: plain\npackages: [\"humanize>=4.10\"]\n");
    let log = project.fail("engine-locked-foreign");
    assert!(
        log.contains("`humanize>=4.10` does not allow humanize 4.9.0, which pylock.toml has"),
        "{log}"
    );
    project.spec("profile: plain\npackages: [humanize]\npython_version: \"3.11\"\n");
    project.file(
        "pylock.toml",
        foreign.replace("requires-python = \">=3.12", "requires-python = \">=3.13"),
    );
    let log = project.fail("engine-locked-python");
    assert!(
        log.contains("it is for Python >=3.13") && log.contains("the image has 3.11"),
        "{log}"
    );
    let darwin = foreign.replace("py3-none-any.whl", "cp312-cp312-macosx_11_0_arm64.whl");
    let darwin: String = darwin
        .lines()
        .filter(|line| !line.starts_with("sdist"))
        .map(|line| format!("{line}\n"))
        .collect();
    project.file(
        "pylock.toml",
        darwin.replace("requires-python = \">=3.12", "requires-python = \">=3.10"),
    );
    let log = project.fail("engine-locked-platform");
    assert!(
        log.contains("humanize has no file for Python 3.11") && log.contains("macosx"),
        "{log}"
    );
    project.file("pylock.toml", "lock-version = \"1.0\"\n[[packages\n");
    assert!(
        project
            .fail("engine-locked-broken")
            .contains("pylock.toml cannot be installed: line 2")
    );
    project.file("pylock.toml", "#".repeat(33 * 1024 * 1024));
    assert!(
        project
            .fail("engine-locked-large")
            .contains("pylock.toml has more than")
    );
    // Large, but a lock.
    let large = format!(
        "{}{}",
        "# a comment\n".repeat(430_000),
        foreign.replace("requires-python = \">=3.12", "requires-python = \">=3.10")
    );
    assert!(large.len() > 5_000_000);
    project.file("pylock.toml", large);
    project.build("engine-locked-large");
}

#[test]
fn a_spec_with_a_content_tag_is_locked_first() {
    let project = Project::new("profile: plain\ntag_algorithm: content\npackages: [six]\n");
    let made = locked(&project, tempfile::tempdir().unwrap().path());
    assert!(made.contains("name = \"six\""), "{made}");
}

#[test]
fn a_project_may_leave_its_needs_to_its_build() {
    let project = Project::new("profile: plain\nrequirements: app/pyproject.toml\n");
    project.file(
        "app/pyproject.toml",
        "[project]\nname = \"app\"\nversion = \"1\"\ndynamic = [\"dependencies\"]\n[tool.setuptools]\npy-modules = []\n\
         [tool.setuptools.dynamic]\ndependencies = {file = [\"needs.txt\"]}\n",
    );
    project.file("app/needs.txt", "six\n");
    let made = locked(&project, tempfile::tempdir().unwrap().path());
    assert!(made.contains("name = \"six\""), "{made}");
    // What a build may say is whatever the file says.
    project.file("pylock.toml", &made);
    project.build("engine-dynamic");
    let mut file = std::fs::read_to_string(project.directory.path().join("app/pyproject.toml")).unwrap();
    file.push_str("[tool.other]\nx = 1\n");
    project.file("app/pyproject.toml", file);
    let log = project.fail("engine-dynamic");
    assert!(
        log.contains("app/pyproject.toml is not what pylock.toml was made from"),
        "{log}"
    );
}

#[test]
fn a_wrong_hash_is_an_error() {
    let project = Project::new(SPEC);
    let made = locked(&project, tempfile::tempdir().unwrap().path());
    let wheel = &made[made.find("wheels = ").unwrap()..];
    let begin = wheel.find("sha256 = \"").unwrap();
    let hash = &wheel[begin + 10..begin + 74];
    project.file("pylock.toml", made.replace(hash, &"0".repeat(64)));
    let with_wheels = project.fail("engine-wrong-hash");
    assert!(with_wheels.contains("Hash mismatch for `humanize=="), "{with_wheels}");
    assert!(
        with_wheels.contains(&format!("sha256:{}", "0".repeat(64))),
        "{with_wheels}"
    );
    let hashed = Project::new("profile: plain\nrequirements: r.txt\n");
    hashed.file("r.txt", format!("six==1.17.0 --hash=sha256:{}\n", "0".repeat(64)));
    let log = hashed.fail("engine-wrong-hash");
    assert!(
        log.contains("no file of six that suits this image has one of the hashes"),
        "{log}"
    );
}

#[test]
fn requirements_files_name_other_files() {
    let project = Project::new("profile: plain\nrequirements: deps/r.txt\n");
    let index = &bed()["IMAGESPEC_BED_EXTRA_INDEX"];
    project.file(
        "deps/r.txt",
        format!("-r more/m.txt\n-c bounds.txt\n-e ../libs/mine\n--extra-index-url {index}\nbed-extra-demo\n"),
    );
    project.file("deps/more/m.txt", "humanize\n");
    project.file("deps/bounds.txt", "humanize<4.10\nsix<1\n");
    project.file(
        "libs/mine/pyproject.toml",
        "[project]\nname = \"mine\"\nversion = \"0.1.0\"\n",
    );
    project.file("libs/mine/mine.py", "X = 7\n");
    let line = python("import humanize, mine, bed_extra_demo; print(humanize.__version__, mine.X, mine.__file__)");
    let said = project.build_and_run("engine-includes", &line);
    assert_eq!(
        said,
        "4.9.0 7 /opt/micromamba/envs/runtime/lib/python3.12/site-packages/mine.py\n"
    );
    let made = locked(&project, tempfile::tempdir().unwrap().path());
    project.file("pylock.toml", made);
    project.build("engine-includes");
    project.file("deps/bounds.txt", "humanize<4.9\nsix<1\n");
    let log = project.fail("engine-includes");
    assert!(log.contains("`-c humanize<4.9` is not among the requirements"), "{log}");
    std::fs::remove_file(project.directory.path().join("pylock.toml")).unwrap();
    project.file("deps/bounds.txt", "--index-url https://${HOST}/simple\n");
    let log = project.fail("engine-includes");
    assert!(
        log.contains("deps/bounds.txt:1: the URL of an index has a variable"),
        "{log}"
    );
    project.file("deps/more/m.txt", "-r gone.txt\n");
    let log = project.fail("engine-includes");
    assert!(
        log.contains("deps/more/m.txt:1: `deps/more/gone.txt`, which it names, is not"),
        "{log}"
    );
    project.file("deps/more/m.txt", "-r ../../../x.txt\nhumanize\nnot a requirement\n");
    let log = project.fail("engine-includes");
    assert!(log.contains("deps/more/m.txt:3: "), "{log}");
}

const PYPROJECT: &str = "[project]\nname = \"mypkg\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11\"\n\
    dependencies = [\"humanize==4.9.0\", \"colorama; sys_platform == 'win32'\"]\n\
    [project.optional-dependencies]\nfast = [\"idna==3.10\"]\n[dependency-groups]\nextra = [\"iniconfig==2.0.0\"]\ndev = [\"six\"]\n";

#[test]
fn a_project_is_resolved_or_taken_from_uvs_lock() {
    let project = Project::new("profile: plain\nrequirements: pyproject.toml\nextras: [fast]\ngroups: [extra]\n");
    let all = python("import humanize, idna, iniconfig; print(humanize.__version__, idna.__version__)");
    let including = PYPROJECT.replace(
        "\"iniconfig==2.0.0\"]",
        "{include-group = \"more\"}]\nmore = [\"iniconfig==2.0.0\", \"side\"]",
    );
    project.file(
        "pyproject.toml",
        format!("{including}[tool.uv.sources]\nside = {{path = \"libs/side\"}}\n"),
    );
    project.file(
        "libs/side/pyproject.toml",
        "[project]\nname = \"side\"\nversion = \"1\"\n",
    );
    project.file("libs/side/side.py", "X = 1\n");
    let side = format!("{all} && {}", python("import side"));
    assert_eq!(project.build_and_run("engine-project", &side), "4.9.0 3.10\n");
    let made = locked(&project, tempfile::tempdir().unwrap().path());
    assert!(made.contains("iniconfig==2.0.0") && made.contains("\"side\""), "{made}");
    std::fs::remove_dir_all(project.directory.path().join("libs")).unwrap();

    project.file("pyproject.toml", PYPROJECT);
    project.file("uv.lock", include_str!("../locks/uv.lock"));
    project.spec("profile: plain\nrequirements: uv.lock\nextras: [fast]\ngroups: [extra]\ninstall_project: true\n");
    project.file("mypkg/__init__.py", "X = 1\n");
    let with_project = format!(
        "{all} && {} && ! {} 2>/dev/null",
        python("import mypkg"),
        python("import six")
    );
    assert_eq!(project.build_and_run("engine-uv-lock", &with_project), "4.9.0 3.10\n");
    // An edit of the project is an edit of its own layer.
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let number = now.as_nanos();
    project.file("mypkg/__init__.py", format!("X = {number}\n"));
    let built = project.build("engine-uv-lock");
    let expected = [
        "[packages] build mypkg",
        "[packages] look for files that several packages have",
        "[packages] uv pip install mypkg",
        "[tag] compute digests of requirements, install_project",
    ];
    assert_eq!(built.ran_anew(), expected, "{}", built.log);
    assert_eq!(
        Engine::Main.shell("engine-uv-lock", &python("import mypkg; print(mypkg.X)")),
        format!("{number}\n")
    );

    project.file("pyproject.toml", PYPROJECT.replace("4.9.0", "4.10.0"));
    let log = project.fail("engine-uv-lock");
    assert!(log.contains("The lockfile at `uv.lock` needs to be updated"), "{log}");
    project.file("uv.lock", "version = 9\n");
    let log = project.fail("engine-uv-lock");
    assert!(
        log.contains("uv.lock has the version 9") && log.contains("uv_image"),
        "{log}"
    );
    project.spec("requirements: uv.lock\n");
    project.file("pyproject.toml", PYPROJECT);
    project.file("uv.lock", include_str!("../locks/uv.lock"));
    let log = project.fail("engine-uv-lock");
    assert!(log.contains("does not have flytekit"), "{log}");
}

#[test]
fn packages_come_from_the_indexes_of_their_lock() {
    let index = &bed()["IMAGESPEC_BED_EXTRA_INDEX"];
    let project = Project::new("profile: plain\nrequirements: uv.lock\n");
    project.file(
        "pyproject.toml",
        format!(
            "[project]\nname = \"private\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11\"\n\
             dependencies = [\"bed-extra-demo\", \"idna==3.10\"]\n[tool.uv.sources]\nbed-extra-demo = {{ index = \"extra\" }}\n\
             [[tool.uv.index]]\nname = \"extra\"\nurl = \"{index}\"\nexplicit = true\n"
        ),
    );
    project.file(
        "uv.lock",
        include_str!("../locks/uv-index.lock").replace("EXTRA_INDEX", index),
    );
    let said = project.build_and_run(
        "engine-lock-index",
        &python("import bed_extra_demo, idna; print(idna.__version__)"),
    );
    assert_eq!(said, "3.10\n");
    // The index and how it is asked, by arguments.
    let spec = format!(
        "profile: plain\npackages: [bed-extra-demo]\npip_extra_args: --extra-index-url {index} --index-strategy unsafe-best-match\n"
    );
    let said = Project::new(&spec).build_and_run("engine-lock-index", &python("import bed_extra_demo"));
    assert_eq!(said, "");
}

#[test]
fn a_lock_of_poetrys_is_read() {
    let project = Project::new("profile: plain\nrequirements: poetry.lock\nextras: [fast]\n");
    project.file("pyproject.toml", PYPROJECT);
    project.file("poetry.lock", include_str!("../locks/poetry.lock"));
    let line = format!(
        "{} && ! {} 2>/dev/null && ! {} 2>/dev/null",
        python("import humanize, idna; print(humanize.__version__)"),
        python("import iniconfig"),
        python("import poetry")
    );
    assert_eq!(project.build_and_run("engine-poetry", &line), "4.9.0\n");
    project.file(
        "poetry.lock",
        include_str!("../locks/poetry.lock").replace("lock-version = \"2.1\"", "lock-version = \"2.0\""),
    );
    assert!(project.fail("engine-poetry").contains("Poetry 2 writes 2.1"));
}

#[test]
fn pins_are_printed_as_a_spec_has_them() {
    let project = Project::new("profile: plain\npackages: [six]\n");
    let mut command = project.command("unused");
    command.args(["--progress=none", "--call=pin"]);
    let pins = String::from_utf8(progress::output(&mut command).stdout).unwrap();
    // The product names the versions that the bed has (tests/bed/versions.sh).
    let published = |variable: &str, organisation: &str| bed()[variable].replace("imagespec-bed", organisation);
    for image in [
        "debian:bookworm-slim",
        &published("IMAGESPEC_BED_UV_IMAGE", "ghcr.io/astral-sh"),
        &published("IMAGESPEC_BED_MICROMAMBA_IMAGE", "mambaorg"),
    ] {
        assert!(pins.contains(&format!("  \"{image}\": \"sha256:")), "{pins}");
    }
    // What is printed can be put into the spec.
    project.spec(&format!("profile: plain\npackages: [six]\n{pins}"));
    project.build("engine-pinned");
}
