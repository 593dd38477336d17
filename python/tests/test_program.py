"""Finding the program, and what is said when it does not do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from imagespec_builder import program
from imagespec_builder.program import ProgramMissing, Refused

from .conftest import Recorder


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_variable_goes_before_what_is_installed_and_that_before_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = executable(tmp_path / "a/other-name")
    installed = executable(tmp_path / "b/imagespec")
    on_path = executable(tmp_path / "c/imagespec")
    monkeypatch.setattr(program, "_places", lambda: iter([tmp_path / "none/imagespec", installed]))
    monkeypatch.setenv("PATH", str(on_path.parent))
    monkeypatch.setenv("IMAGESPEC", str(named))
    assert program.find() == named
    monkeypatch.delenv("IMAGESPEC")
    assert program.find() == installed
    installed.chmod(0o644)
    assert program.find() == on_path


def test_all_places_of_installers_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A venv's own, the base's, --prefix, --target and the user's."""
    module = tmp_path / "lib/python3.11/site-packages/imagespec_builder/program.py"
    monkeypatch.setattr(program, "__file__", str(module))
    places = list(program._places())
    assert places[0] == Path(sys.executable).parent / "imagespec"
    assert places[2] == tmp_path / "bin/imagespec"
    assert places[3] == tmp_path / "lib/python3.11/site-packages/bin/imagespec"
    assert len(places) == 5


def test_a_missing_program_says_what_was_looked_for_and_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_places", lambda: iter([Path("/nowhere/imagespec")]))
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("IMAGESPEC", raising=False)
    with pytest.raises(ProgramMissing, match=r"pip install --upgrade imagespec-builder\n(.|\n)*/nowhere/imagespec"):
        program.find()
    monkeypatch.setenv("IMAGESPEC", "/gone")
    with pytest.raises(ProgramMissing, match="IMAGESPEC=/gone is not a program"):
        program.find()


def test_existence_has_three_answers(recorder: Recorder) -> None:
    recorder.answer("exists", {"exists": True})
    assert program.exists("n", "linux/amd64").is_there is True
    recorder.answer("exists", {"exists": False, "reason": "MANIFEST_UNKNOWN"}, code=1)
    assert program.exists("n").is_there is False
    recorder.answer("exists", {"exists": None, "reason": "connection refused", "help": "check"}, code=4)
    assert program.exists("n") == program.Existence(None, "connection refused", "check")
    assert recorder.calls == [
        ["exists", "n", "--json", "--platform", "linux/amd64"],
        ["exists", "n", "--json"],
        ["exists", "n", "--json"],
    ]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("imagespec 0.0.9\n", r"is imagespec 0\.0\.9, too old: 0\.1\.0 or later is needed\. Unset IMAGESPEC"),
        ("pictures for e-paper, version 4", "is another program than this package needs, imagespec 0.1.0 or later"),
    ],
)
def test_an_old_program_and_another_one_are_told(recorder: Recorder, said: str, words: str) -> None:
    recorder.answer("exists", "", code=2, error="error: unrecognized subcommand 'exists'")
    recorder.answer("--version", said)
    with pytest.raises(ProgramMissing, match=words):
        program.exists("n")


def test_a_program_that_says_nothing_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGESPEC", "true")
    with pytest.raises(ProgramMissing, match="true is another program than this package needs"):
        program.exists("n")


def test_a_wrong_command_line_of_the_right_version_is_shown(recorder: Recorder, tmp_path: Path) -> None:
    recorder.answer("build", "", code=2, error="error: unexpected argument '--nope' found\n")
    recorder.answer("--version", "imagespec 0.1.0\n")
    with pytest.raises(Refused, match=r"exit code 2:\nerror: unexpected argument '--nope' found"):
        program.build(["--file", __file__, str(tmp_path)])


def test_a_file_that_is_no_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGESPEC", str(executable(tmp_path / "imagespec", "\x7fELF nonsense")))
    with pytest.raises(ProgramMissing, match=r"cannot be run: Exec format error\. Install it anew"):
        program.exists("n")
    with pytest.raises(ProgramMissing, match="cannot be run"):
        program.build([])


def test_progress_is_handed_on_and_the_end_of_it_is_kept(
    recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = "#1 going\n------\n > [lock] uv\n0.4 no such package\n------\n"
    problem = {"message": "the build failed", "kind": "step", "severity": "error"}
    recorder.answer("build", {"problems": [problem]}, code=1, error=progress)
    with pytest.raises(Refused) as caught:
        program.build(["--file", __file__, str(tmp_path)])
    assert capsys.readouterr().err == progress
    assert caught.value.output == "------\n > [lock] uv\n0.4 no such package\n------"


def test_the_module_runs_the_program(recorder: Recorder) -> None:
    recorder.answer("tag", "a tag", code=3)
    command = [sys.executable, "-m", "imagespec_builder", "tag", "-f", "x.yaml"]
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert (ended.stdout, ended.returncode) == ("a tag", 3)
    assert recorder.calls == [["tag", "-f", "x.yaml"]]


def test_importing_the_package_imports_no_host() -> None:
    code = "import sys, imagespec_builder; print([m for m in ('flytekit', 'click', 'yaml') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
