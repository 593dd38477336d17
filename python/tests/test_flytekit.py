"""What flytekit's specs become: with flytekit's own classes, and a program that writes down what it is asked."""

from __future__ import annotations

import dataclasses
import enum
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import flytekit
import pytest
import yaml
from flytekit.constants import CopyFileDetection
from flytekit.image_spec.image_spec import ImageBuildEngine, ImageSpec

from imagespec_builder.flytekit import ImagespecBuilder

from .conftest import Recorder

Write = Callable[[dict[str, str]], None]
pytestmark = pytest.mark.usefixtures("project")

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
PIN = f"flytekit=={version('flytekit')}"


class Level(enum.Enum):
    HIGH = 1


def spec(**fields: Any) -> ImageSpec:
    return ImageSpec(**{"name": "n", "registry": "localhost:5000", "builder": "imagespec", **fields})


def build(recorder: Recorder, **fields: Any) -> dict[str, Any]:
    """Builds a spec, and gives the one that the program got."""
    assert ImagespecBuilder().build_image(spec(**fields)) is None
    found = yaml.safe_load(recorder.text)
    assert isinstance(found, dict)
    return found


def test_the_builder_is_there_and_no_spec_has_it_unasked() -> None:
    _, priority = ImageBuildEngine.get_registry()["imagespec"]
    assert priority == 0
    assert ImageSpec().builder == "default"


@pytest.mark.parametrize("first", ["imagespec_builder.flytekit", "flytekit"])
def test_either_may_be_imported_first(first: str) -> None:
    code = f"import {first}, flytekit, imagespec_builder.flytekit as f; print(f.NAME)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "imagespec\n"


def test_name_and_id_are_flytekits(recorder: Recorder) -> None:
    given = spec(
        packages=["x"], builder_options={"level": Level.HIGH, "pair": (1, 2), "at": Path("a"), "é": "😀\u2028"}
    )
    ImagespecBuilder().build_image(given)
    assert recorder.build[:-3] == [
        *("build", "--json", "--tag", given.image_name(), f"--id={given.id}", "--push"),
        *("--platform", "linux/amd64", "--force"),
    ]
    assert recorder.build[-3] == "--file"
    options = yaml.safe_load(recorder.text)["builder_options"]
    assert options == {"level": "HIGH", "pair": [1, 2], "at": "a", "é": "😀\u2028"}


def test_a_nested_base_is_its_name_and_the_id_stays_that_of_the_whole(recorder: Recorder) -> None:
    base = spec(name="base")
    given = spec(base_image=base)
    expect = given.id
    ImageBuildEngine.build(given)
    builds = [call for call in recorder.calls if call[0] == "build"]
    assert [call[call.index("--tag") + 1] for call in builds] == [base.image_name(), given.image_name()]
    assert f"--id={expect}" in builds[1]
    assert expect != dataclasses.replace(given, base_image=base.image_name()).id
    assert yaml.safe_load(recorder.text)["base_image"] == base.image_name()


def test_fields_come_in_flytekits_order_and_empty_ones_stay(recorder: Recorder) -> None:
    found = build(recorder, entrypoint=[], env={"B": "1", "A": "2"}, commands=["x"], registry_config="c.json")
    assert list(found["env"]) == ["B", "A"]
    assert found["entrypoint"] == []
    names = [field.name for field in dataclasses.fields(ImageSpec)]
    ours = [name for name in found if name not in ("packages", "python_version")]
    assert ours == sorted(ours, key=names.index)
    assert "builder" not in found
    assert "registry_config" not in found


def test_python_and_flytekit_are_those_of_whoever_builds(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    found = build(recorder, packages=["humanize"])
    assert (found["python_version"], found["packages"]) == (HERE, ["humanize", PIN])
    monkeypatch.setattr(flytekit, "__version__", "0.0.0+develop")
    (recorder.home / "calls").unlink()
    assert "packages" not in build(recorder)


@pytest.mark.parametrize(
    ("fields", "python", "packages"),
    [
        ({"python_version": "3.12"}, "3.12", [PIN]),
        ({"python_exec": "/usr/bin/python3"}, None, [PIN]),
        ({"packages": ["flytekit>=1"]}, HERE, ["flytekit>=1"]),
        ({"requirements": "r.txt"}, HERE, None),
        ({"requirements": "uv.lock"}, HERE, None),
        ({"builder_options": {"profile": "plain"}}, None, None),
        ({"builder_options": {"profile": "plain"}, "packages": ["x"]}, HERE, ["x"]),
    ],
)
def test_what_the_spec_says_goes_before_the_caller(
    recorder: Recorder, write: Write, fields: dict[str, Any], python: str | None, packages: list[str] | None
) -> None:
    write({"r.txt": "-r sub/more.txt\n", "sub/more.txt": "flytekit==1.2\n", "uv.lock": "", "pyproject.toml": ""})
    found = build(recorder, **fields)
    assert (found.get("python_version"), found.get("packages")) == (python, packages)


def test_loaded_modules_are_staged_and_nothing_else(
    recorder: Recorder, project: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"staged_here.py": "", "unused.py": "", "data.csv": "", ".dockerignore": "*", "package/__init__.py": ""})
    monkeypatch.syspath_prepend(str(project))
    __import__("staged_here")
    __import__("package")
    mode = CopyFileDetection.LOADED_MODULES
    found = build(recorder, source_root=str(project), source_copy_mode=mode)
    assert (found["source_root"], found["source_copy_mode"]) == ("_source", "all")
    assert recorder.staged == ["_source/package/__init__.py", "_source/staged_here.py"]


def test_all_is_flytekits_own_list(recorder: Recorder, project: Path, write: Write) -> None:
    files = {"a.py": "", "b/c.txt": "", "b/ignored.log": "", "x.pyc": "", ".dockerignore": "b/secret", "b/secret": ""}
    write({**files, ".gitignore": "*.log\n"})
    subprocess.run(["git", "init", "-q", "."], check=True)
    (project / "a.py").chmod(0o755)
    build(recorder, source_root=str(project), source_copy_mode=CopyFileDetection.ALL)
    assert recorder.staged == ["_source/.dockerignore", "_source/.gitignore", "_source/a.py", "_source/b/c.txt"]
    assert os.access(recorder.context / "_source/a.py", os.X_OK)


@pytest.mark.parametrize("mode", [None, CopyFileDetection.NO_COPY])
def test_without_a_mode_nothing_is_copied(recorder: Recorder, mode: CopyFileDetection | None) -> None:
    found = build(recorder, source_copy_mode=mode)
    assert "source_root" not in found
    assert "source_copy_mode" not in found
    assert recorder.staged == []


def test_a_source_of_no_loaded_module_is_an_empty_directory(recorder: Recorder, project: Path) -> None:
    build(recorder, source_root=str(project), source_copy_mode=CopyFileDetection.LOADED_MODULES)
    assert (recorder.context / "_source").is_dir()


def test_copies_stand_where_they_stood(recorder: Recorder, project: Path, write: Write) -> None:
    write({"a/b/f.txt": "", "a/other": "", "d/e": "", "_source/x": "", "m.py": ""})
    found = build(recorder, copy=["a/b", "d/e", "_source"], source_root=str(project), source_copy_mode="all")
    assert found["copy"] == ["a/b", "d/e", "_source"]
    assert found["source_root"] == "_source_"
    assert [name for name in recorder.staged if not name.startswith("_source_")] == ["_source/x", "a/b/f.txt", "d/e"]


def test_this_directory_is_copied_as_docker_would(recorder: Recorder, write: Write) -> None:
    write({"a.txt": "", "d/b.txt": "", "d/no.txt": "", "no/c": "", ".dockerignore": "no\nd/no.txt\n", "r.txt": "x"})
    found = build(recorder, copy=["."], requirements="r.txt")
    assert found["copy"] == [".dockerignore", "a.txt", "d", "r.txt"]
    assert recorder.staged == [".dockerignore", "a.txt", "d/b.txt", "r.txt"]
    assert found["requirements"] == "r.txt"


def test_requirements_are_staged_with_what_they_name(recorder: Recorder, write: Write, tmp_path: Path) -> None:
    write({"deps/r.txt": "-c ../c.txt\n./lib\n", "c.txt": "", "deps/lib/setup.py": "", "unused": ""})
    assert build(recorder, requirements="deps/r.txt")["requirements"] == "deps/r.txt"
    assert recorder.staged == ["c.txt", "deps/lib/setup.py", "deps/r.txt"]
    (recorder.home / "calls").unlink()
    # As tasks have them often: by an absolute path, or above this directory.
    (tmp_path / "above.txt").write_text("-r project/c.txt\n")
    assert build(recorder, requirements=str(tmp_path / "above.txt"))["requirements"] == "_requirements/above.txt"
    assert recorder.staged == ["_requirements/above.txt", "_requirements/project/c.txt"]


def test_a_local_package_is_staged(recorder: Recorder, write: Write) -> None:
    write({"libs/mine/pyproject.toml": "", "libs/mine/x.pyc": ""})
    assert build(recorder, packages=["./libs/mine"])["packages"] == ["./libs/mine", PIN]
    assert recorder.staged == ["libs/mine/pyproject.toml"]


def test_secrets_are_handed_over_by_file_and_not_named_in_the_spec(recorder: Recorder, write: Write) -> None:
    write({"netrc": "", 'a,"b': ""})
    mounts = [("netrc", "/root/.netrc"), ('a,"b', "/x")]
    found = build(recorder, pip_secret_mounts=mounts)
    expect = [{"id": "secret_0", "target": "/root/.netrc"}, {"id": "secret_1", "target": "/x"}]
    assert found["pip_secret_mounts"] == expect
    here = os.getcwd()
    given = [recorder.build[n + 1] for n, word in enumerate(recorder.build) if word == "--secret"]
    assert given == [f"id=secret_0,src={here}/netrc", f'id=secret_1,"src={here}/a,""b"']


def test_files_of_secrets_are_relative_to_this_directory(recorder: Recorder) -> None:
    options = {"secrets": [{"id": "token", "src": "token", "env": "TOKEN"}, {"id": "given", "env": "GIVEN"}]}
    build(recorder, builder_options=options)
    given = [recorder.build[n + 1] for n, word in enumerate(recorder.build) if word == "--secret"]
    assert given == [f"id=token,src={os.getcwd()}/token"]


def test_one_line_of_output_is_the_summary(recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    layers = {"total": 41, "reused": 37}
    recorder.answer("build", {"built": True, "seconds": 1.5, "layers": layers, "pushed": 2_100_000, "warnings": []})
    build(recorder)
    assert capsys.readouterr().out.endswith(" built in 1.5 s, 37 of 41 layers were there, 2.1 MB pushed\n")


@pytest.mark.parametrize(
    ("variables", "exists", "expect"),
    [
        ({}, True, False),
        ({}, False, True),
        ({}, None, True),
        ({"FLYTE_FORCE_PUSH_IMAGE_SPEC": "1"}, True, True),
        ({"FLYTE_IMG_FAST_FAIL": "1"}, True, False),
        ({"FLYTE_IMG_FAST_FAIL": "1"}, False, True),
        ({"FLYTE_IMG_FAST_FAIL": "1"}, None, click.ClickException),
    ],
)
def test_what_is_unknown_is_never_taken_for_yes(
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    exists: bool | None,
    expect: Any,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    recorder.answer("exists", {"exists": exists, "reason": "connection refused"})
    given = spec()
    if expect is click.ClickException:
        with pytest.raises(click.ClickException, match="connection refused"):
            ImagespecBuilder().should_build(given)
        return
    assert ImagespecBuilder().should_build(given) is expect
    asked = [] if "FLYTE_FORCE_PUSH_IMAGE_SPEC" in variables else [["exists", given.image_name(), "--json"]]
    assert [call[:3] for call in recorder.calls] == asked


def test_force_push_of_a_spec_counts(recorder: Recorder) -> None:
    recorder.answer("exists", {"exists": True})
    assert ImagespecBuilder().should_build(spec().force_push()) is True


@pytest.mark.parametrize(
    ("registry", "variable", "expect"),
    [
        ("localhost:5000", None, "--push"),
        ("localhost:5000", "True", "--push"),
        ("localhost:5000", "1", "--push"),
        ("localhost:5000", "0", "--load"),
        ("localhost:5000", "yes", "--load"),
        (None, None, "--load"),
    ],
)
def test_pushing_needs_a_registry_and_leave(
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    registry: str | None,
    variable: str | None,
    expect: str,
) -> None:
    if variable is not None:
        monkeypatch.setenv("FLYTE_PUSH_IMAGE_SPEC", variable)
    build(recorder, registry=registry)
    found = [word for word in recorder.build if word in ("--push", "--load", "--force")]
    assert found == (["--push", "--force"] if expect == "--push" else ["--load"])


def test_where_the_tag_does_not_count_all_files_the_program_decides(recorder: Recorder, write: Write) -> None:
    write({"r.txt": "-r more.txt\n", "more.txt": "x\n"})
    for fields in ({"requirements": "r.txt"}, {"tag_format": "fixed"}):
        given = spec(**fields)
        assert ImagespecBuilder().should_build(given) is True
        ImagespecBuilder().build_image(given)
    assert [call[0] for call in recorder.calls] == ["build", "build"]
    assert not any("--force" in call for call in recorder.calls)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a `docker` of one line of shell first on the path."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory), prepend=os.pathsep)

    def put(line: str) -> None:
        (directory / "docker").write_text(f"#!/bin/sh\n{line}\n")
        (directory / "docker").chmod(0o755)

    return put


@pytest.mark.parametrize(("there", "expect"), [("exit 0", True), ("echo 'No such image' >&2; exit 1", False)])
def test_a_base_that_a_builder_in_a_container_does_not_see_is_told(
    recorder: Recorder, docker: Callable[[str], None], there: str, expect: bool
) -> None:
    docker(there)
    problem = {"message": "the build failed", "kind": "step", "severity": "error"}
    error = "ERROR: docker.io/library/below:tag: pull access denied\n"
    recorder.answer("build", {"problems": [problem]}, code=1, error=error)
    with pytest.raises(click.ClickException) as caught:
        ImagespecBuilder().build_image(spec(base_image="below:tag"))
    assert ("in Docker and in no registry" in caught.value.message) is expect


@pytest.mark.parametrize(
    ("answer", "expect"),
    [
        ("exit 0", False),
        ("echo 'Error response from daemon: No such image: n' >&2; exit 1", True),
        ("echo 'Cannot connect to the Docker daemon' >&2; exit 1", True),
    ],
)
def test_an_image_without_a_registry_is_looked_for_in_docker(
    recorder: Recorder, docker: Callable[[str], None], answer: str, expect: bool
) -> None:
    docker(answer)
    assert ImagespecBuilder().should_build(spec(registry=None)) is expect
    assert recorder.calls == []


def test_problems_become_one_exception_with_field_and_value(recorder: Recorder) -> None:
    ImagespecBuilder().build_image(spec(packages=["a", "b c"]))
    line = recorder.text.splitlines().index("- b c") + 1
    problem = {"message": "not a requirement", "file": "/tmp/x/imageSpec.yaml", "line": line, "help": "write `b`"}
    warning = {"message": "not so good", "severity": "warning"}
    recorder.answer("build", {"problems": [{**problem, "severity": "error"}, warning]}, code=3)
    with pytest.raises(click.ClickException) as caught:
        ImagespecBuilder().build_image(spec(packages=["a", "b c"]))
    expect = f"not a requirement\n  imageSpec.yaml:{line}: packages: - b c\n  help: write `b`"
    assert caught.value.message.split("\n\n", 1)[1] == expect


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"builder_options": {"a": object()}}, "builder_options.a: a value of the type object"),
        ({"requirements": "gone.txt"}, "requirements"),
    ],
)
@pytest.mark.usefixtures("recorder")
def test_what_cannot_be_written_or_read_is_one_exception(fields: dict[str, Any], words: str) -> None:
    given = spec()
    name = given.image_name()
    for field, value in fields.items():
        setattr(given, field, value)
    # The name is known; what flytekit says of it is not of interest here.
    given.__dict__["tag"] = name.rpartition(":")[2]
    with pytest.raises(click.ClickException, match=words):
        ImagespecBuilder().build_image(given)


def test_an_edit_during_the_build_is_told(recorder: Recorder, write: Write) -> None:
    write({"r.txt": "x\n"})
    given = spec(requirements="r.txt")
    before = given.image_name()
    write({"r.txt": "y\n"})
    with pytest.raises(click.ClickException, match="Files changed while they were copied"):
        ImagespecBuilder().build_image(given)
    assert before != given.image_name()
    assert recorder.calls == []


def test_nothing_is_left_behind(recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    build(recorder)
    assert list(temporary.iterdir()) == []
    assert Path(recorder.build[-1]).parent.parent == temporary
    # A context is called alike each time, for what an engine has of it already.
    name = Path(recorder.build[-1]).name
    (recorder.home / "calls").unlink()
    build(recorder)
    assert Path(recorder.build[-1]).name == name


@pytest.mark.parametrize(("release", "least"), [("current", 295), ("1.13", 135)])
def test_recorded_specs_are_built_under_the_names_that_others_compute(release: str, least: int) -> None:
    """For every spec that flytekit accepts: what one process builds is what another looks for."""
    python = sys.executable
    if release != "current":
        older = dict(pair.split("=", 1) for pair in os.environ.get("IMAGESPEC_OLDER_FLYTEKITS", "").split())
        python = next((path for version, path in older.items() if version.startswith(release)), "")
        if not python:
            pytest.skip("flytekit 1.13 is not there: tests/scripts/python installs it")
    tests = Path(__file__).resolve().parent
    recorded = tests.parents[1] / "tests" / "vectors" / f"flytekit-{release}.json"
    ended = subprocess.run([python, tests / "vectors.py", recorded], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-4000:]
    built, told = map(int, ended.stdout.splitlines()[-1].split())
    assert built >= least
    # Bytes, dates, keys that are tuples.
    assert told <= 8
