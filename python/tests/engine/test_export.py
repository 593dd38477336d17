"""Specs of a module as files, named by the program itself. No engine is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from flytekit.image_spec.image_spec import ImageSpec

from imagespec_builder.export import main

pytestmark = pytest.mark.engine

MODULE = """
import enum
from pathlib import Path
from flytekit import ImageSpec, task
from flytekit.constants import CopyFileDetection

class Level(enum.Enum):
    HIGH = 1

below = ImageSpec(name="below", packages=["flytekit"], python_version="3.11")
alike = ImageSpec(
    name="Alike", registry="ghcr.io/acme", base_image=below, requirements="r.txt", env={"B": "é", "A": "2"}, copy=["d"],
    pip_secret_mounts=[("netrc", "/root/.netrc")], entrypoint=[], builder="imagespec", tag_format="{spec_hash}-x",
)
unlike = ImageSpec(name="unlike", builder_options={"pair": (1, 2), "level": Level.HIGH, "path": Path("p")})
copied = ImageSpec(name="copied", source_root="d", source_copy_mode=CopyFileDetection.ALL)
"""
TASK = """
@task(container_image=ImageSpec(name="of-task"))
def t() -> int:
    return 1
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of its own name for each test."""
    name = f"specs_{tmp_path.name}"
    (tmp_path / "d").mkdir()
    for file, text in {f"{name}.py": MODULE + TASK, "r.txt": "humanize\n", "d/f": "x"}.items():
        (tmp_path / file).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    return name


def named(file: str) -> str:
    """What the program calls the image of a file."""
    return subprocess.check_output([os.environ["IMAGESPEC"], "name", "-f", file, "."], text=True).strip()


def test_a_file_has_the_name_of_the_spec_where_yaml_can_say_it(module: str) -> None:
    assert main([module, "-o", "out"]) == 1
    specs = vars(sys.modules[module])
    for name in ("below", "alike", "copied", "unlike"):
        spec: ImageSpec = specs[name]
        text = Path(f"out/{name}.yaml").read_text()
        differs = name in ("copied", "unlike")
        assert (named(f"out/{name}.yaml") != spec.image_name()) == differs
        assert (f"{spec.image_name()}, as in flytekit" in text) != differs
    assert Path("out/t.yaml").exists()
    said = Path("out/unlike.yaml").read_text()
    for words in (
        "pair is a tuple",
        "level is a member of the enum Level",
        "path is a PosixPath",
        "python_version is not set",
    ):
        assert words in said
    assert "source_copy_mode is a member of an enum" in Path("out/copied.yaml").read_text()


def test_one_object_is_printed(
    module: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([f"{module}:alike", "-o", "-"]) == 0
    assert "\nname: alike\n" in capsys.readouterr().out
    assert main([f"{module}:gone", "-o", "-"]) == 3
    assert capsys.readouterr().err == f"{module} has no gone\n"
    assert main([module, "-o", "-"]) == 2
    assert "name one of below, alike" in capsys.readouterr().err
    # Without the program a file is written all the same.
    monkeypatch.setenv("IMAGESPEC", "/nowhere")
    assert main([f"{module}:t", "-o", "-"]) == 0
    assert "Whether this file has that name" in capsys.readouterr().out


def test_specs_from_specs_are_flytekits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`imagespec from-env` and `imagespec with` write what `from_env` and `with_packages` make."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("x")
    Path("base.yaml").write_text("# Ours.\nname: n\n")

    def written(file: str, *arguments: str) -> None:
        Path(file).write_text(subprocess.check_output([os.environ["IMAGESPEC"], *arguments], text=True))

    written("env.yaml", "from-env", "-f", "base.yaml", "--python", sys.executable, "--pinned", "click", "PyYAML")
    spec = ImageSpec.from_env(name="n", pinned_packages=["click", "PyYAML"])
    assert named("env.yaml") == spec.image_name()
    written("bare.yaml", "from-env", "--python", sys.executable)
    assert named("bare.yaml") == ImageSpec.from_env().image_name()
    more = ["--packages", "six", "--apt-packages", "git", "--commands", "echo 'a: b'", "--copy", "data"]
    written(
        "more.yaml",
        "with",
        "-f",
        "env.yaml",
        *more,
        "--runtime-packages",
        "debugpy",
        "--builder-options",
        "heavy=[six]",
    )
    spec = spec.with_packages("six").with_apt_packages("git").with_commands("echo 'a: b'").with_copy("data")
    spec = spec.with_runtime_packages(["debugpy"]).with_builder_options({"heavy": ["six"]})
    assert named("more.yaml") == spec.image_name()
