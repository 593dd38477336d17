"""Turns a host's values into a spec in YAML."""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Mapping
from typing import Any

from imagespec_builder.program import Problem, Refused

# What the file of a spec is called that a host writes.
FILE = "imageSpec.yaml"


class UnwritableValue(Exception):
    """A value that has no counterpart in YAML; the message says where it stands."""


def plain(value: object, place: str) -> Any:
    """The same value of the kinds that YAML has: tuples become lists, members of enums and paths become strings.

    `place` is what messages call it. Raises `UnwritableValue`.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, enum.Enum):
        # `Mode.PLAIN = "plain"` means its value; what is only numbered means its name.
        return plain(value.value, place) if isinstance(value.value, str) else value.name
    if isinstance(value, Mapping):
        return {_key(key, place): plain(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{place}[{n}]") for n, item in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item, place) for item in value), key=repr)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    for kind in (str, int, float):
        # Kinds derived from them, such as NumPy's.
        if isinstance(value, kind):
            return kind(value)
    raise UnwritableValue(f"{place}: a value of the type {type(value).__name__} cannot be written in a spec")


def _key(key: object, place: str) -> Any:
    found = plain(key, place)
    if isinstance(found, (dict, list)):
        raise UnwritableValue(f"{place}: a key of the type {type(key).__name__} cannot be written in a spec")
    return found


def to_yaml(fields: Mapping[str, object]) -> str:
    """The text of a spec that hashes as the values do: in their order, in ASCII.

    What is beyond ASCII is escaped, since some characters would be read as white space.
    """
    import yaml

    return yaml.safe_dump(dict(fields), sort_keys=False, width=10_000)


def explain(refused: Refused, text: str | None = None) -> str:
    """All problems, each with its line of the spec `text`, and what to do."""
    lines = text.splitlines() if text is not None else []
    paragraphs: list[str] = []
    for problem in refused.problems:
        # The engine's own words are below then.
        message = re.sub(r"; what \S+ says of it is above$", "", problem.message) if refused.output else problem.message
        shown = [f"  {place}" for place in (_shown(problem, lines),) if place]
        helped = [f"  help: {problem.help}"] if problem.help else []
        paragraphs.append("\n".join([message, *shown, *helped]))
    if refused.output and any(problem.kind == "step" for problem in refused.problems):
        paragraphs.append(refused.output)
    return "\n\n".join(paragraphs)


def _shown(problem: Problem, lines: list[str]) -> str | None:
    """The place of a problem, with what stands there if it is a spec of ours."""
    if problem.file is None:
        return None
    if os.path.basename(problem.file) != FILE or not lines:
        return problem.file if problem.line is None else f"{problem.file}:{problem.line}"
    if problem.line is None or not 0 < problem.line <= len(lines):
        return None
    line = lines[problem.line - 1].strip()
    # An entry of a list is recognised by its field.
    above = (re.match(r"(\w+):", known) for known in reversed(lines[: problem.line]))
    field = next((found.group(1) for found in above if found), "")
    return (
        f"{FILE}:{problem.line}: {line}" if line.startswith(f"{field}:") else f"{FILE}:{problem.line}: {field}: {line}"
    )
