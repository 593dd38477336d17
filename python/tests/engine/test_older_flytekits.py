"""Builds by flytekits whose specs have other fields, other tags and other ids."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from .conftest import Bed

pytestmark = pytest.mark.engine

# VERSION=PYTHON, as `tests/scripts/python` says it.
FLYTEKITS = [pair.partition("=") for pair in os.environ.get("IMAGESPEC_OLDER_FLYTEKITS", "").split()]

BUILD = """
import json, sys
from flytekit.image_spec.image_spec import ImageBuildEngine, ImageSpec
if sys.argv[1] == "also":
    import helpers
spec = ImageSpec(name=sys.argv[2], registry=sys.argv[3], builder="imagespec", requirements="r.txt", source_root=sys.argv[4])
ImageBuildEngine.build(spec)
print(json.dumps([spec.image_name(), getattr(spec, "id", None), ImageSpec().builder]))
"""


def test_there_are_older_flytekits() -> None:
    assert FLYTEKITS, "tests/scripts/python makes their environments"


@pytest.mark.parametrize(("version", "_", "python"), FLYTEKITS, ids=[version for version, _, _ in FLYTEKITS])
def test_an_older_flytekit_builds(bed: Bed, tmp_path: Path, version: str, _: str, python: str) -> None:
    for name, text in {"r.txt": "humanize\n", "build.py": BUILD, "helpers.py": "", "unused.py": ""}.items():
        (tmp_path / name).write_text(text)
    command = [python, "build.py", "also", bed.name("older"), bed.registry, str(tmp_path)]
    first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    name, identity, builder = json.loads(first.stdout.splitlines()[-1])
    assert builder in (None, "default")
    # Before it had ids, a spec was known by its name.
    assert bed.environment(name)["_F_IMG_ID"] == (identity or name)
    ask = "import flytekit, json, os; print(json.dumps([flytekit.__version__, os.listdir('/root')]))"
    found, files = json.loads(bed.run(name, "python", "-c", ask))
    assert found == version
    assert "helpers.py" in files
    # Which files are shipped is flytekit's own matter: all, before 1.14.
    assert ("unused.py" in files) == version.startswith("1.13")
    again = subprocess.run(
        [*command], cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "DOCKER_HOST": "unix:///nowhere"}
    )
    assert f"Image {name} found. Skip building." in again.stdout, again.stderr


@pytest.mark.parametrize(("version", "_", "python"), FLYTEKITS, ids=[version for version, _, _ in FLYTEKITS])
def test_a_spec_of_an_older_flytekit_is_exported(tmp_path: Path, version: str, _: str, python: str) -> None:
    text = 'from flytekit import ImageSpec\none = ImageSpec(name="n", packages=["flytekit"], builder="imagespec")\n'
    (tmp_path / "specs.py").write_text(text)
    command = [python, "-m", "imagespec_builder", "export", "specs", "-o", "-"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    counts_builder = "builder counts in the tag of flytekit before 1.15.3: another tag"
    assert ("as in flytekit" in ended.stdout) == version.startswith("1.13"), ended.stderr
    assert (counts_builder in ended.stdout) != version.startswith("1.13")
