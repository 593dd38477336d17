"""What several tests use."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Stands in for the program where only its command line and its answer count. It keeps the spec that it was given.
RECORDER = """#!{python}
import json, os, pathlib, shutil, sys
home = pathlib.Path({home!r})
arguments = sys.argv[1:]
with open(home / "calls", "a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
if arguments[0] == "build":
    shutil.copy(arguments[arguments.index("--file") + 1], home / "imageSpec.yaml")
    shutil.rmtree(home / "context", ignore_errors=True)
    shutil.copytree(arguments[-1], home / "context", symlinks=True)
answer = json.loads((home / "answers").read_text()).get(arguments[0])
if answer:
    sys.stderr.write(answer.get("error", ""))
    sys.stdout.write(answer.get("output", ""))
    sys.exit(answer.get("code", 0))
"""


class Recorder:
    """A program that writes down how it was called."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.program = home / "imagespec"
        self.program.write_text(RECORDER.format(python=sys.executable, home=str(home)))
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)
        self.answers: dict[str, dict[str, Any]] = {}
        self.answer("exists", {"exists": False})
        self.answer("build", {"built": True, "name": "n", "warnings": []})

    def answer(self, command: str, said: object, code: int = 0, error: str = "") -> None:
        output = said if isinstance(said, str) else json.dumps(said)
        self.answers[command] = {"output": output, "code": code, "error": error}
        (self.home / "answers").write_text(json.dumps(self.answers))

    @property
    def calls(self) -> list[list[str]]:
        file = self.home / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def build(self) -> list[str]:
        """The arguments of the one build."""
        (found,) = [call for call in self.calls if call[0] == "build"]
        return found

    @property
    def text(self) -> str:
        return (self.home / "imageSpec.yaml").read_text()

    @property
    def context(self) -> Path:
        return self.home / "context"

    @property
    def staged(self) -> list[str]:
        files = (path for path in self.context.rglob("*") if path.is_symlink() or not path.is_dir())
        return sorted(str(path.relative_to(self.context)) for path in files)


@pytest.fixture
def recorder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    found = Recorder(tmp_path_factory.mktemp("recorder"))
    monkeypatch.setenv("IMAGESPEC", str(found.program))
    return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that the process is in."""
    for name in [name for name in os.environ if name.startswith(("FLYTE_", "IMAGESPEC_BUILD"))]:
        monkeypatch.delenv(name)
    directory = tmp_path / "project"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture
def write(project: Path) -> Callable[[dict[str, str]], None]:
    """Writes files of the project: a name with a `/` for each directory, and what is in it."""

    def write_files(content: dict[str, str]) -> None:
        for name, text in content.items():
            file = project / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    return write_files
