"""What a file of requirements names."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagespec_builder import requirements


def test_included_files_and_local_packages_are_found(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "lib").mkdir()
    (tmp_path / "w.whl").touch()
    (tmp_path / "sub/bounds.txt").write_text("numpy<2\n-r ../r.txt\n")
    (tmp_path / "r.txt").write_text(
        "# comment\npandas \\\n  >=2  # why\n-c sub/bounds.txt\n-r gone.txt\n--requirement=https://x.example/r.txt\n"
        "-e ./lib[extra]\nw @ file:./w.whl\n./lib ; python_version > '3'\nflytekit[all]==1.2\n"
    )
    found = requirements.read(tmp_path / "r.txt")
    assert found.files == [tmp_path / "r.txt", tmp_path / "sub/bounds.txt", tmp_path / "w.whl"]
    assert found.directories == [tmp_path / "lib", tmp_path / "lib"]
    assert found.lines[0] == "pandas    >=2"
    assert any(requirements.names(line, "flytekit") for line in found.lines)


def test_a_lock_needs_its_project_beside_it(tmp_path: Path) -> None:
    for name in ("uv.lock", "pyproject.toml", "pylock.dev.toml"):
        (tmp_path / name).write_text('dependencies = ["flytekit>=1"]')
    assert requirements.read(tmp_path / "uv.lock").files == [tmp_path / "uv.lock", tmp_path / "pyproject.toml"]
    assert requirements.read(tmp_path / "pylock.dev.toml").files == [tmp_path / "pylock.dev.toml"]
    assert requirements.read(tmp_path / "pyproject.toml").lines == ["flytekit>=1"]
    assert requirements.is_lock("a/uv.lock")
    assert requirements.is_lock("pylock.dev.toml")
    assert not requirements.is_lock("requirements.txt")


@pytest.mark.parametrize(
    ("requirement", "expect"),
    [
        ("flytekit", True),
        ("Flytekit>=1.2", True),
        ("flytekit[x] ; python_version > '3'", True),
        ("flytekit @ git+https://x.example/y", True),
        ("git+https://github.com/flyteorg/flytekit.git@main", True),
        ("git+https://github.com/flyteorg/flytekit", True),
        ("flytekitplugins-spark", False),
        ("flytekit-tools", False),
        ("flyteidl", False),
        ("git+https://github.com/flyteorg/flytekitplugins", False),
    ],
)
def test_a_package_is_known_by_name_or_repository(requirement: str, expect: bool) -> None:
    assert requirements.names(requirement, "flytekit") is expect
