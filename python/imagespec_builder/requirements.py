"""What a file of Python requirements names: other files, local packages, and packages by name."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path

LOCKS = ("uv.lock", "poetry.lock")
_OPTION = re.compile(r"(?P<option>-r|--requirement|-c|--constraint|-e|--editable)[\s=]*(?P<value>.+)")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclasses.dataclass
class Named:
    """Files and directories that have to be there, and the lines that install something."""

    files: list[Path] = dataclasses.field(default_factory=list)
    directories: list[Path] = dataclasses.field(default_factory=list)
    lines: list[str] = dataclasses.field(default_factory=list)


def is_lock(path: str | os.PathLike[str]) -> bool:
    """Whether a file decides on all packages itself."""
    name = os.path.basename(path)
    return name in LOCKS or re.fullmatch(r"pylock(\.[^.]+)?\.toml", name) is not None


def read(path: Path) -> Named:
    """Reads a file of requirements, and those that it includes. Raises `OSError` or `UnicodeError`.

    Locks and projects name their own: beside a lock of a project its `pyproject.toml` has to be there.
    """
    named = Named(files=[path])
    if path.name in LOCKS:
        project = path.parent / "pyproject.toml"
        named.files += [project] if project.is_file() else []
    elif path.name == "pyproject.toml" or is_lock(path):
        named.lines += re.findall(r"""["'](flytekit\b[^"']*)""", path.read_text(encoding="utf-8"))
    else:
        _read_lines(path, named)
    return named


def _read_lines(path: Path, named: Named) -> None:
    for line in _logical_lines(path.read_text(encoding="utf-8-sig")):
        option = _OPTION.fullmatch(line)
        if option and option["option"].lstrip("-")[0] in "rc":
            included = Path(os.path.normpath(path.parent / _unquoted(option["value"])))
            if not _URL.match(option["value"]) and included not in named.files and included.is_file():
                named.files.append(included)
                _read_lines(included, named)
            continue
        text = option["value"] if option else line
        named.lines.append(text)
        local = local_path(text, path.parent)
        if local is not None:
            (named.directories if local.is_dir() else named.files).append(local)


def local_path(requirement: str, directory: Path) -> Path | None:
    """The file or directory that a requirement is taken from, if it is one that is there."""
    text = re.split(r"\s;|\s--", requirement)[0].strip()
    text = re.sub(r"^[\w.-]+\s*(\[[^]]*])?\s*@\s*", "", text)
    text = re.sub(r"^file:(//)?", "", text)
    if _URL.match(text) or ("/" not in text and not text.startswith(".")):
        return None
    path = Path(os.path.normpath(directory / re.sub(r"\[[^]/]*]$", "", text)))
    return path if path.exists() else None


def names(requirement: str, package: str) -> bool:
    """Whether a requirement is of that package: by name, or as a repository that is called so."""
    found = re.match(r"[A-Za-z0-9][\w.-]*", requirement)
    if found and re.sub(r"[-_.]+", "-", found.group()).lower() == package:
        return True
    return re.search(rf"[/=]{re.escape(package)}(\.git)?([@#&]|$)", requirement) is not None


def _logical_lines(text: str) -> Iterator[str]:
    """Lines without comments and with what continues them; options of a requirement stay behind it."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if line:
            yield line


def _unquoted(text: str) -> str:
    return text.strip().strip("\"'")
