"""Builds of one spec each, in this process: most without Python packages, which take a second or two."""

from __future__ import annotations

import enum
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from flytekit.constants import CopyFileDetection
from flytekit.image_spec.image_spec import ImageBuildEngine, ImageSpec

from .conftest import Bed

pytestmark = pytest.mark.engine

Build = Callable[..., ImageSpec]


class Level(enum.Enum):
    HIGH = 1


@pytest.fixture
def build(bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Builds a spec in an empty directory, as flytekit does when it registers a task."""
    monkeypatch.chdir(tmp_path)

    def do(name: str = "one", **fields: Any) -> ImageSpec:
        options = {"profile": "plain", **fields.pop("builder_options", {})}
        spec = ImageSpec(
            **{
                "name": bed.name(name),
                "registry": bed.registry,
                "builder": "imagespec",
                "builder_options": options,
                **fields,
            }
        )
        # What was built in this process is not asked for again.
        ImageBuildEngine.build.cache_clear()
        ImageBuildEngine.build(spec)
        return spec

    return do


@pytest.mark.parametrize(
    "fields",
    [
        {"builder_options": {"level": Level.HIGH}},
        {"builder_options": {"pair": (1, 2), "path": Path("a/b")}},
        {"builder_options": {"labels": {"é": "😀\u2028\x7f"}}, "env": {"B": "ü", "A": "2"}},
        {"tag_format": "{spec_hash:.12}-dev"},
        {"entrypoint": []},
        {"copy": ["d"], "runtime_packages": ["x"], "registry_config": "none.json"},
    ],
    ids=["enum", "tuple-and-path", "unicode", "tag-format", "empty-list", "copy"],
)
def test_an_image_is_under_flytekits_name_whatever_yaml_can_say(bed: Bed, build: Build, fields: dict[str, Any]) -> None:
    Path("d").mkdir()
    Path("d/f").write_text("x")
    spec = build("values", **fields)
    labels = bed.config(spec.image_name())["config"]["Labels"]
    assert labels["io.imagespec.name"] == spec.image_name()
    assert labels["io.imagespec.id"] == spec.id


def test_all_of_a_source_is_flytekits_own_list(bed: Bed, build: Build, tmp_path: Path) -> None:
    for name in ("wf.py", "d/data.csv", "d/unused.py", "debug.log", "x.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / ".gitignore").write_text("*.log\n")
    (tmp_path / "d/data.csv").chmod(0o755)
    subprocess.run(["git", "init", "-q", "."], check=True)
    spec = build("source", source_root=str(tmp_path), source_copy_mode=CopyFileDetection.ALL)
    found = bed.run(spec.image_name(), "find", "/root", "-type", "f", "-printf", "%P %m\n").split("\n")
    ours = [line for line in found if line and not line.startswith((".bash", ".profile"))]
    assert sorted(ours) == [".gitignore 644", "d/data.csv 755", "d/unused.py 644", "wf.py 644"]


def test_force_push_builds_again(
    build: Build, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = build("forced").image_name()
    capfd.readouterr()
    build("forced")
    assert f"Image {name} found. Skip building." in capfd.readouterr().out
    monkeypatch.setenv("FLYTE_FORCE_PUSH_IMAGE_SPEC", "1")
    build("forced")
    assert f"Image {name} built in" in capfd.readouterr().out


def test_a_registry_that_does_not_answer(
    bed: Bed, build: Build, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLYTE_IMG_FAST_FAIL", "1")
    with pytest.raises(click.ClickException, match=r"Nobody can tell whether .* connection refused"):
        build("silent", registry=bed.silent)
    monkeypatch.delenv("FLYTE_IMG_FAST_FAIL")
    # Without it the image is built, and only the push fails.
    with pytest.raises(click.ClickException, match="could not build"):
        build("silent", registry=bed.silent)
    assert "Nobody can tell" in capfd.readouterr().out


def test_what_is_not_pushed_is_in_the_engine(
    bed: Bed, build: Build, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLYTE_PUSH_IMAGE_SPEC", "0")
    name = build("kept").image_name()
    assert bed.manifest(name) is None
    assert bed.run(name, "echo", "there") == "there\n"
    capfd.readouterr()
    build("kept")
    assert "found. Skip building." in capfd.readouterr().out


def test_a_base_without_a_registry_is_in_the_engine(bed: Bed, build: Build) -> None:
    """And what builds on it, too."""
    options = {"profile": "plain"}
    base = ImageSpec(name=bed.name("below"), env={"BELOW": "1"}, builder="imagespec", builder_options=options)
    spec = build("above", base_image=base, registry=None)
    assert bed.run(spec.image_name(), "printenv", "BELOW") == "1\n"


def test_a_password_is_in_no_layer_and_no_history(bed: Bed, build: Build, tmp_path: Path) -> None:
    password = Path(os.environ["IMAGESPEC_BED_PRIVATE_PASSWORD_FILE"]).read_text().strip()
    index = os.environ["IMAGESPEC_BED_PRIVATE_INDEX"]
    host = index.split("/")[2].partition(":")[0]
    (tmp_path / "netrc").write_text(f"machine {host} login imagespec password {password}\n")
    spec = build(
        "secret",
        packages=["bed-private-demo"],
        pip_extra_index_url=[index],
        pip_secret_mounts=[("netrc", "/root/.netrc")],
    )
    name = spec.image_name()
    packages = bed.run(name, "sh", "-c", "ls /opt/micromamba/envs/runtime/lib/python3.*/site-packages")
    assert "bed_private_demo" in packages
    assert password not in str(bed.config(name))
    assert str(tmp_path) not in str(bed.config(name))
    saved = subprocess.run(["docker", "save", name], capture_output=True, check=True).stdout
    # Layers are compressed in what is saved; what is in them is asked of a container.
    assert password.encode() not in saved
    search = f"grep -rlsF -e '{password}' / --exclude-dir=proc --exclude-dir=sys || true"
    assert bed.run(name, "sh", "-c", search) == ""


def test_an_included_file_that_changed_is_built_again(
    bed: Bed, build: Build, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """flytekit's tag does not count it; the image knows what it was made from."""
    (tmp_path / "r.txt").write_text("-r more.txt\n")
    (tmp_path / "more.txt").write_text("humanize==4.13.0\n")
    first = build("included", requirements="r.txt")
    before = bed.layers(first.image_name())
    capfd.readouterr()
    build("included", requirements="r.txt")
    assert "found, made from the same files. Nothing was built." in capfd.readouterr().out
    (tmp_path / "more.txt").write_text("humanize==4.13.0\ntomli\n")
    second = build("included", requirements="r.txt")
    assert second.image_name() == first.image_name()
    after = bed.layers(second.image_name())
    # One layer more for the package, another lock, all else as before.
    assert len(set(after) - set(before)) == 2
    assert len(after) == len(before) + 1
