"""What a build context holds."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from imagespec_builder.stage import Stage, StageError


def tree(directory: Path) -> dict[str, str]:
    """All paths below a directory, with what they are."""
    found = {}
    for path in sorted(directory.rglob("*")):
        what = f"-> {os.readlink(path)}" if path.is_symlink() else "/" if path.is_dir() else path.read_text()
        found[str(path.relative_to(directory))] = what
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    for name in ("a.txt", "d/b.txt", "d/run.sh"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    (source / "d/run.sh").chmod(0o755)
    os.utime(source / "a.txt", (1, 1))
    (source / "inside").symlink_to("d/b.txt")
    (source / "absolute").symlink_to(source / "d")
    (source / "dangling").symlink_to("gone")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/c.txt").write_text("c")
    (source / "outside").symlink_to(tmp_path / "out")
    (source / "empty").mkdir()
    return source


def test_a_tree_keeps_modes_times_and_links_that_stay_within(source: Path, tmp_path: Path) -> None:
    stage = Stage(tmp_path / "context")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(source / "s"))
        stage.tree(source, "x")
    assert tree(tmp_path / "context/x") == {
        "a.txt": "a.txt",
        "absolute": "-> d",
        "d": "/",
        "d/b.txt": "d/b.txt",
        "d/run.sh": "d/run.sh",
        "dangling": "-> gone",
        "empty": "/",
        "inside": "-> d/b.txt",
        "outside": "/",
        "outside/c.txt": "c",
    }
    assert os.access(tmp_path / "context/x/d/run.sh", os.X_OK)
    assert (tmp_path / "context/x/a.txt").stat().st_mtime == 1


def test_files_are_those_of_the_list(source: Path, tmp_path: Path) -> None:
    stage = Stage(tmp_path / "context")
    stage.files(str(source), [str(source / name) for name in ("a.txt", "inside")], "_source")
    # What the link leads to is not staged, so its content is.
    assert tree(tmp_path / "context") == {"_source": "/", "_source/a.txt": "a.txt", "_source/inside": "d/b.txt"}
    stage.files(str(source), [str(source / name) for name in ("d/b.txt", "inside")], "linked")
    assert tree(tmp_path / "context/linked") == {"d": "/", "d/b.txt": "d/b.txt", "inside": "-> d/b.txt"}
    stage.files(str(source), [], "none")
    assert (tmp_path / "context/none").is_dir()


def test_what_is_left_out_stays_out(source: Path, tmp_path: Path) -> None:
    Stage(tmp_path / "context").tree(source, ".", lambda name: name in ("d/b.txt", "outside", "inside"))
    assert sorted(tree(tmp_path / "context")) == ["a.txt", "absolute", "d", "d/run.sh", "dangling", "empty"]


def test_what_cannot_be_staged_is_named(source: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    context = tmp_path_factory.mktemp("context")
    os.mkfifo(source / "pipe")
    with pytest.raises(StageError, match=r"pipe.* is a named pipe"):
        Stage(tmp_path / "context").tree(source, "x")
    (source / "pipe").unlink()
    (source / "outside").unlink()
    with pytest.raises(StageError, match="holds the directory for temporary files"):
        Stage(source / "tmp/context").tree(source, "x")
    (source / "d/up").symlink_to(source.parent)
    with pytest.raises(StageError, match="is a link to a directory that it is in itself"):
        Stage(context).tree(source, "x")


def test_a_closed_directory_is_removed_with_its_stage(source: Path, tmp_path: Path) -> None:
    (source / "d").chmod(0o555)
    Stage(tmp_path / "context").tree(source, "x")
    assert (tmp_path / "context/x/d").stat().st_mode & 0o777 == 0o755
