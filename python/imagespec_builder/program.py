"""Finds the program `imagespec`, runs it, and says in words what went wrong."""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

# The first version with everything that is asked of it here.
MINIMUM = (0, 1, 0)
_VARIABLE = "IMAGESPEC"
_INSTALL = "pip install --upgrade imagespec-builder"
# How long the program may take to clean up after an interrupt.
_PATIENCE = 10.0


class ProgramError(Exception):
    """The program did not do what it was asked to; the message says why, and what to do."""


class ProgramMissing(ProgramError):
    """The program is not there, cannot be run, or is too old."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """One thing that is wrong, as the program says it."""

    message: str
    kind: str | None = None
    file: str | None = None
    line: int | None = None
    help: str | None = None


class Refused(ProgramError):
    """The program ended with problems.

    `output` is the end of what it wrote to standard error, if that did not go to a terminal.
    """

    def __init__(self, problems: Sequence[Problem], output: str = "") -> None:
        self.problems = tuple(problems)
        self.output = output
        super().__init__("\n".join(problem.message for problem in problems))


@dataclasses.dataclass(frozen=True)
class Existence:
    """Whether an image is in its registry: yes, no, or unknown (`None`) with the reason."""

    is_there: bool | None
    reason: str | None = None
    help: str | None = None


def _places() -> Iterator[Path]:
    """Where installers put a wheel's programs, in the order in which uv looks for its own."""
    name = "imagespec" + (sysconfig.get_config_var("EXE") or "")
    yield Path(sysconfig.get_path("scripts"), name)
    # A virtual environment that sees the packages of the Python it was made from.
    yield Path(sysconfig.get_path("scripts", vars={"base": sys.base_prefix}), name)
    above = Path(__file__).resolve().parent.parents
    programs, up = ("Scripts", 2) if os.name == "nt" else ("bin", 3)
    # pip install --prefix: <prefix>/lib/python3.x/site-packages/<package>.
    if above[0].name == "site-packages" and len(above) > up:
        yield above[up] / programs / name
    # pip install --target: <target>/<package>.
    yield above[0] / programs / name
    yield Path(sysconfig.get_path("scripts", scheme=sysconfig.get_preferred_scheme("user")), name)


def find() -> Path:
    """The program: `$IMAGESPEC`, else the one that was installed with this package, else the one on `PATH`.

    Raises `ProgramMissing`, which says where was looked and what to install.
    """
    named = os.environ.get(_VARIABLE)
    if named:
        found = shutil.which(os.path.expanduser(named))
        if found is None:
            raise ProgramMissing(
                f"{_VARIABLE}={named} is not a program. Let it name one, or unset it to use the one of imagespec-builder."
            )
        return Path(found)
    places = list(dict.fromkeys(_places()))
    for place in places:
        if place.is_file() and os.access(place, os.X_OK):
            return place
    found = shutil.which("imagespec")
    if found is not None:
        return Path(found)
    looked = "\n".join(f"  {place}" for place in places)
    raise ProgramMissing(
        f"The program `imagespec` is missing. Install it: {_INSTALL}\n"
        f"Or let {_VARIABLE} name it. It is neither on PATH nor one of\n{looked}"
    )


def exists(name: str, platform: str | None = None) -> Existence:
    """Asks the registry of an image whether it is there, for all of `platform` (separated by commas).

    Raises `ProgramMissing`, or `Refused` if the name cannot be asked for.
    """
    arguments = ["exists", name, "--json", *(["--platform", platform] if platform else [])]
    program = find()
    try:
        ended = subprocess.run(
            [program, *arguments], capture_output=True, text=True, encoding="utf-8", errors="replace"
        )
    except OSError as error:
        raise _cannot_run(program, error) from error
    said = _said(ended.stdout)
    if "exists" in said:
        return Existence(said["exists"], said.get("reason"), said.get("help"))
    raise _refused(program, ended.returncode, said, ended.stderr)


def build(arguments: Sequence[str | os.PathLike[str]]) -> Mapping[str, Any]:
    """Runs `imagespec build --json` with more arguments. Progress goes to standard error as it comes.

    Returns what the program says of the image: `built`, `name`, `digest`, `warnings` and so on.
    Raises `ProgramMissing` or `Refused`; on an interrupt it waits for the program's own end.
    """
    program = find()
    with tempfile.TemporaryFile() as answer:
        code, output = _run([program, "build", "--json", *arguments], answer)
        answer.seek(0)
        said = _said(answer.read().decode("utf-8", "replace"))
    if code == 0 and "built" in said:
        return said
    raise _refused(program, code, said, output)


def _run(command: Sequence[str | os.PathLike[str]], answer: IO[bytes]) -> tuple[int, str]:
    """Runs a command; its exit code, and the end of its standard error if that is not a terminal."""
    on_terminal = _is_terminal()
    tail: collections.deque[str] = collections.deque(maxlen=200)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=None if on_terminal else subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise _cannot_run(Path(command[0]), error) from error
    try:
        # A notebook's standard error is no file: what the program says is handed on.
        for line in process.stderr or ():
            tail.append(line.rstrip("\n"))
            sys.stderr.write(line)
            sys.stderr.flush()
        code = process.wait()
    except BaseException:
        _end(process)
        raise
    return code, _end_of(tail)


def _is_terminal() -> bool:
    try:
        return sys.stderr.fileno() == 2 and sys.stderr.isatty()
    except (AttributeError, OSError, ValueError):
        return False


def _end(process: subprocess.Popen[str]) -> None:
    """After an interrupt: the program had it too, if it came from a terminal, and has an engine to stop."""
    for harder in (process.terminate, process.kill):
        try:
            process.wait(_PATIENCE)
            return
        except subprocess.TimeoutExpired:
            harder()
    process.wait()


def _end_of(lines: Iterable[str]) -> str:
    """What an engine says last of a failure: the failed step with its output, and the lines of the spec."""
    all_lines = list(lines)
    start = next((n for n, line in enumerate(all_lines) if line == "------"), max(0, len(all_lines) - 10))
    # The engine's last line repeats the command of the step, which stands above.
    return "\n".join(
        line for line in all_lines[start:] if not line.startswith("ERROR: failed to build: failed to solve: process")
    )


def _said(text: str) -> Mapping[str, Any]:
    """The object that the program printed; nothing if it printed none."""
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _refused(program: Path, code: int, said: Mapping[str, Any], output: str) -> ProgramError:
    problems = [
        Problem(one["message"], one.get("kind"), one.get("file"), one.get("line"), one.get("help"))
        for one in said.get("problems", ())
        if one.get("severity") != "warning"
    ]
    if problems:
        return Refused(problems, output)
    # Without an answer it did not understand what it was asked: it may be of another version.
    old = _too_old(program) if code >= 0 else None
    if old is not None:
        return ProgramMissing(old)
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    last = output.strip()
    return Refused([Problem(f"{program} {how}" + (f":\n{last}" if last else ""))])


def _too_old(program: Path) -> str | None:
    """Says so if the program is older than what is asked of it, or is none of ours."""
    asked = subprocess.run(
        [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    found = re.fullmatch(r"imagespec (\d+)\.(\d+)\.(\d+)\S*\s*", asked.stdout)
    needed = ".".join(map(str, MINIMUM))
    if found is None:
        return (
            f"{program} is another program than this package needs, imagespec {needed} or later. Install it: {_INSTALL}"
        )
    if tuple(map(int, found.groups())) >= MINIMUM:
        return None
    way_out = (
        f"Unset {_VARIABLE}, or let it name a newer one."
        if os.environ.get(_VARIABLE)
        else f"Install a newer one: {_INSTALL}"
    )
    return f"{program} is {found.group().strip()}, too old: {needed} or later is needed. {way_out}"


def _cannot_run(program: Path, error: OSError) -> ProgramMissing:
    return ProgramMissing(f"{program} cannot be run: {error.strerror}. Install it anew: {_INSTALL}")
