//! Options beside a lock, stale locks, and names that are not looked up: what images hold is what uv and Poetry install.

use crate::bed::{Built, Engine, Project, bed};

const PYPROJECT: &str = include_str!("../locks/parts/pyproject.toml");
const UV_LOCK: &str = include_str!("../locks/parts/uv.lock");
const POETRY_LOCK: &str = include_str!("../locks/parts/poetry.lock");
/// Prints those of the packages that the project may have, with their versions.
const HELD: &str = "python -c 'from importlib.metadata import distributions as d\n\
    known = {\"idna\", \"colorama\", \"six\", \"iniconfig\", \"humanize\"}\n\
    print(*sorted(p.name + \"=\" + p.version for p in d() if p.name in known))'";

const IDNA: &str = "idna=3.10";
const COLORAMA: &str = "colorama=0.4.6";
const SIX: &str = "six=1.16.0";
const INICONFIG: &str = "iniconfig=2.0.0";

fn project(lock: &str) -> Project {
    let project = Project::new("");
    project.file("pyproject.toml", PYPROJECT);
    project.file("uv.lock", UV_LOCK).file("poetry.lock", POETRY_LOCK);
    project.spec(&format!("profile: plain\nrequirements: {lock}\n"));
    project
}

/// Builds with some options, and checks what the image holds.
fn holds(project: &Project, lock: &str, options: &str, expect: &[&str]) -> Built {
    project.spec(&format!(
        "profile: plain\nrequirements: {lock}\npip_extra_args: {options}\n"
    ));
    let tag = format!("engine-options-{lock}");
    let built = project.build(&tag);
    let mut expect = expect.to_vec();
    expect.sort_unstable();
    let held = Engine::Main.shell(&tag, HELD);
    assert_eq!(held.trim_end(), expect.join(" "), "{lock} {options}\n{}", built.log);
    built
}

#[test]
fn options_beside_uvs_lock_do_what_uv_sync_does() {
    let project = project("uv.lock");
    // Each as `uv sync` says.
    for (options, expect) in [
        ("--extra color --group train", &[IDNA, COLORAMA, SIX][..]),
        (
            "--all-extras --all-groups --no-group train",
            &[IDNA, COLORAMA, INICONFIG],
        ),
        ("--only-group train", &[SIX]),
        (
            "--group dev --group train --no-group train --no-extra color",
            &[IDNA, INICONFIG],
        ),
        ("--no-dev --no-install-project --locked --no-default-groups", &[IDNA]),
        ("--package parts --group train", &[IDNA, SIX]),
        ("--index-url https://pypi.org/simple --extra color", &[IDNA, COLORAMA]),
    ] {
        holds(&project, "uv.lock", options, expect);
    }
    // An index of the spec is where files are looked for, and changes no lock.
    let index = &bed()["IMAGESPEC_BED_EXTRA_INDEX"];
    project.spec(&format!("profile: plain\nrequirements: uv.lock\npip_index: {index}\n"));
    let log = project.fail("engine-options-index");
    let installing = log.split("[packages] uv pip install idna==3.10").nth(1);
    let words = "idna was not found in the package registry";
    assert!(installing.is_some_and(|log| log.contains(words)), "{log}");
    // A lock of other days, which uv does not take.
    project.spec("profile: plain\nrequirements: uv.lock\npip_extra_args: --exclude-newer 2025-03-01T00:00:00Z\n");
    let log = project.fail("engine-options-failing");
    assert!(
        log.contains("The lockfile at `uv.lock` needs to be updated") && log.contains("`uv lock`"),
        "{log}"
    );
    project.file(
        "uv.lock",
        format!("{UV_LOCK}\n[options]\nexclude-newer = \"2025-03-01T00:00:00Z\"\n"),
    );
    holds(&project, "uv.lock", "--exclude-newer 2025-03-01T00:00:00Z", &[IDNA]);
    // Stale, and taken as it is.
    project.file("uv.lock", UV_LOCK);
    project.file(
        "pyproject.toml",
        PYPROJECT.replace("\"idna==3.10\"", "\"idna==3.10\", \"humanize\""),
    );
    let built = holds(&project, "uv.lock", "--frozen", &[IDNA]);
    assert!(
        built.log.contains("`--frozen` takes the lock unchecked"),
        "{}",
        built.log
    );
}

#[test]
fn options_beside_poetrys_lock_do_what_poetry_install_does() {
    let project = project("poetry.lock");
    for (options, expect) in [
        ("--extra color --group train", &[IDNA, COLORAMA, SIX][..]),
        ("--extras color --no-root", &[IDNA, COLORAMA]),
        ("--with train --without dev", &[IDNA, SIX]),
        ("--without train", &[IDNA, INICONFIG]),
        ("--only train", &[SIX]),
        ("--only main,train --all-extras", &[IDNA, COLORAMA, SIX]),
        ("--all-groups --all-extras", &[IDNA, COLORAMA, SIX, INICONFIG]),
        ("--no-dev --locked", &[IDNA]),
    ] {
        holds(&project, "poetry.lock", options, expect);
    }
    project.file(
        "pyproject.toml",
        PYPROJECT.replace("\"idna==3.10\"", "\"idna==3.10\", \"humanize\""),
    );
    let log = project.fail("engine-options-failing");
    assert!(
        log.contains("poetry.lock does not fit pyproject.toml") && log.contains("run `poetry lock`"),
        "{log}"
    );
}

#[test]
fn options_beside_a_pylock_do_what_uv_does() {
    let project = project("pylock.toml");
    let wheel = |name: &str| {
        let file = UV_LOCK
            .lines()
            .skip_while(|line| *line != format!("name = \"{name}\""))
            .find(|line| line.contains(".whl"));
        let file = file
            .unwrap()
            .trim()
            .trim_end_matches(',')
            .replace("hash = \"sha256:", "hashes = {sha256 = \"");
        let end = file.find("\", size").unwrap();
        format!("{}\"}}}}", &file[..end])
    };
    let package = |name: &str, version: &str, marker: &str| {
        format!(
            "[[packages]]\nname = \"{name}\"\nversion = \"{version}\"\n{marker}wheels = [{}]\n",
            wheel(name)
        )
    };
    let lock = [
        "lock-version = \"1.0\"\ncreated-by = \"x\"\nextras = [\"color\"]\ndependency-groups = [\"train\", \"dev\"]\ndefault-groups = [\"dev\"]\n".to_owned(),
        package("idna", "3.10", ""),
        package("colorama", "0.4.6", "marker = \"'color' in extras\"\n"),
        package("six", "1.16.0", "marker = \"'train' in dependency_groups\"\n"),
        package("iniconfig", "2.0.0", "marker = \"'dev' in dependency_groups\"\n"),
    ];
    project.file("pylock.toml", lock.concat());
    for (options, expect) in [
        ("--exclude-newer 2020-01-01", &[IDNA, INICONFIG][..]),
        ("--all-extras", &[IDNA, COLORAMA, INICONFIG]),
        ("--extra color --group train", &[IDNA, COLORAMA, SIX]),
        ("--no-default-groups", &[IDNA]),
        ("--no-dev", &[IDNA]),
    ] {
        holds(&project, "pylock.toml", options, expect);
    }
}

#[test]
fn a_lock_that_is_older_than_a_package_of_the_context_is_an_error() {
    let manifest =
        "[project]\nname = \"pricing\"\nversion = \"1\"\ndependencies = [\"idna\"]\n[tool.setuptools]\npackages = []\n";
    let newer = manifest.replace("[\"idna\"]", "[\"idna\", \"humanize>=4\"]");
    let project = Project::new("profile: plain\npackages: [./libs/pricing]\n");
    project.file("libs/pricing/pyproject.toml", manifest);
    let directory = tempfile::tempdir().unwrap();
    let mut command = project.command("unused");
    command.args(["--target", "lock", "-o", directory.path().to_str().unwrap()]);
    assert!(crate::progress::output(&mut command).status.success());
    let lock = std::fs::read_to_string(directory.path().join("pylock.toml")).unwrap();
    project.file("pylock.toml", &lock);
    project.build("engine-older-lock");
    project.file("libs/pricing/pyproject.toml", &newer);
    let log = project.fail("engine-older-lock");
    assert!(
        log.contains("libs/pricing/pyproject.toml is not what pylock.toml was made from"),
        "{log}"
    );
    assert!(log.contains("--target lock"), "{log}");
    // Another tool's lock says nothing of manifests: what is installed does, also where that is all there is.
    let foreign = lock.split("[tool.imagespec]").next().unwrap().to_owned();
    project.file("pylock.toml", &foreign);
    let log = project.fail("engine-older-lock");
    let says = "pylock.toml is older than pricing: pricing needs humanize>=4, which is not there";
    assert!(log.contains(says), "{log}");
    let alone = "lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"pricing\"\ndirectory = {path = \"libs/pricing\"}\n";
    project.file("pylock.toml", alone);
    assert!(
        project
            .fail("engine-older-lock")
            .contains("pricing needs idna, which is not there")
    );
    // What the interpreter has already is there; what the project does without was decided.
    project.spec(
        "profile: plain\nbase_image:\n  profile: plain\n  packages: [idna, humanize]\npackages: [./libs/pricing]\n",
    );
    let built = project.build("engine-older-lock");
    assert!(!built.log.contains("unmet-requirement"), "{}", built.log);
    project.spec("profile: plain\npackages: [./libs/pricing]\npip_extra_args: --frozen\n");
    let built = project.build("engine-older-lock");
    assert!(
        built
            .log
            .contains("unmet-requirement: pricing needs idna, which is not there"),
        "{}",
        built.log
    );
}

#[test]
fn a_package_without_what_it_needs_is_named() {
    let project = Project::new("profile: plain\npackages: [\"jinja2==3.1.4\", six]\npip_extra_args: --no-deps\n");
    let built = project.build("engine-unmet");
    assert!(!built.log.contains("unmet-requirement"), "{}", built.log);
    let files = Engine::Main.shell("engine-unmet", "ls /usr/share/imagespec");
    assert_eq!(files, "interpreter.json\npylock.toml\nshared-files.json\n");
    let lock = Engine::Main.shell("engine-unmet", "cat /usr/share/imagespec/pylock.toml");
    project.file("pylock.toml", lock.split("[tool.imagespec]").next().unwrap());
    project.spec("profile: plain\npackages: [\"jinja2==3.1.4\", six]\n");
    let built = project.build("engine-unmet");
    assert!(
        built.log.contains("jinja2 needs MarkupSafe>=2.0, which is not there"),
        "{}",
        built.log
    );
}

/// What has such a name on an index may be anybody's, and its build would run.
#[test]
fn a_name_that_another_tool_takes_from_the_context_is_not_looked_up() {
    let project = Project::new("profile: plain\npython_version: \"3.12\"\nrequirements: pyproject.toml\n");
    project.file(
        "libs/money/pyproject.toml",
        "[project]\nname = \"money\"\nversion = \"0.3.0\"\n",
    );
    let manifest = "[project]\nname = \"shop\"\nversion = \"1.0\"\ndependencies = [\"money\"]\n";
    project.file(
        "pyproject.toml",
        format!("{manifest}[tool.pixi.pypi-dependencies]\nmoney = {{path = \"libs/money\"}}\n"),
    );
    let log = project.fail("engine-others-name");
    assert!(log.contains("`money` comes from libs/money"), "{log}");
    assert!(!log.contains("[lock] "), "{log}");
    project.file("libs/money/money.py", "HERE = True\n");
    let line = "python -c 'import money, importlib.metadata as m; print(money.HERE, m.version(\"money\"))'";
    // uv is told what these say.
    for table in [
        "[tool.poetry.dependencies]\nmoney = {path = \"libs/money\"}\n",
        "[tool.uv.sources]\nmoney = {path = \"libs/money\"}\n",
    ] {
        project.file("pyproject.toml", format!("{manifest}{table}"));
        assert_eq!(project.build_and_run("engine-others-name", line), "True 0.3.0\n");
    }
}
