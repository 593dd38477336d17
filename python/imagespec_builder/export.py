"""`python -m imagespec_builder export MODULE[:OBJECT]`: the specs of a Python module as files, to build them without Python."""

from __future__ import annotations

import argparse
import enum
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagespec_builder import requirements
from imagespec_builder.program import ProgramMissing, find
from imagespec_builder.spec import UnwritableValue, plain, to_yaml

if TYPE_CHECKING:
    from flytekit.image_spec.image_spec import ImageSpec

_PATHS = ("requirements", "source_root")


def main(arguments: list[str]) -> int:
    """Writes the files, and says of each which image it is. 1 if one has another tag than in Python, 3 if there is none to write."""
    parser = argparse.ArgumentParser(
        prog="python -m imagespec_builder export",
        description="Writes the ImageSpecs of a Python module as YAML. Paths in them are relative to this directory.",
    )
    parser.add_argument("module", metavar="MODULE[:OBJECT]", help="a module, or an ImageSpec or a task in it")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIRECTORY",
        default=".",
        help="where OBJECT.yaml is written; `-` prints it [default: .]",
    )
    given = parser.parse_args(arguments)
    try:
        found = list(_specs(given.module))
    except _NothingThere as error:
        print(error, file=sys.stderr)
        return 3
    if given.output == "-" and ":" in given.module:
        # Of an object that is named, not what it builds on.
        found = found[:1]
    if given.output == "-" and len(found) > 1:
        names = ", ".join(name for name, _ in found)
        print(f"{given.module} has more than one ImageSpec: name one of {names}, or a directory", file=sys.stderr)
        return 2
    status = 0
    for name, spec in found:
        try:
            text, differs = export(spec, f"{given.module.partition(':')[0]}:{name}")
        except UnwritableValue as error:
            print(f"{name}: {error}", file=sys.stderr)
            status = 1
            continue
        status = status or int(differs)
        if given.output == "-":
            sys.stdout.write(text)
            continue
        file = Path(given.output, f"{name}.yaml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")
        print(file)
        for line in text.splitlines():
            if line.startswith("#"):
                print(f"  {line.lstrip('# ')}")
    return status


class _NothingThere(Exception):
    pass


def _specs(wanted: str) -> Iterator[tuple[str, ImageSpec]]:
    """The specs of a module by their names, the specs that they build on behind them."""
    module_name, _, path = wanted.partition(":")
    # As pyflyte takes it.
    module_name = module_name.removesuffix(".py").replace("/", ".")
    sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise _NothingThere(f"the module {error.name} is not there, seen from {os.getcwd()}") from error
    if path:
        found: Any = module
        for name in path.split("."):
            if not hasattr(found, name):
                raise _NothingThere(f"{module_name} has no {path}")
            found = getattr(found, name)
        candidates = {path: found}
    else:
        candidates = dict(vars(module))
    seen: set[int] = set()
    for name, value in candidates.items():
        spec = _spec_of(value)
        while spec is not None and id(spec) not in seen:
            seen.add(id(spec))
            yield name, spec
            name, spec = f"{name}-base", _spec_of(spec.base_image)
    if not seen:
        what = "is no ImageSpec, nor a task that has one" if path else "has no ImageSpec"
        raise _NothingThere(f"{wanted} {what}")


def _spec_of(value: object) -> ImageSpec | None:
    from flytekit.image_spec.image_spec import ImageSpec

    if not isinstance(value, ImageSpec):
        value = getattr(value, "container_image", None)
    return value if isinstance(value, ImageSpec) else None


def export(spec: ImageSpec, origin: str) -> tuple[str, bool]:
    """The text of a file for a spec, and whether its tag is known to be another than the spec's. Raises `UnwritableValue`."""
    import dataclasses

    notes: list[str] = []
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        # Neither counts in the tag of today's flytekit; one chooses who builds, the other is for another builder.
        if value is None or field.name == "registry_config" or (field.name == "builder" and hasattr(spec, "id")):
            continue
        fields[field.name] = _value(field.name, value, notes)
    _complete(spec, fields, notes)
    text = to_yaml(fields)
    try:
        theirs = spec.image_name()
    except Exception as error:
        # flytekit knows some names only when it registers.
        theirs, why = None, str(error)
    ours = _name_of(text)
    if theirs is None:
        said = f"Has no name in flytekit before it is registered: {why}"
    elif ours is None:
        said = f"{theirs} in flytekit. Whether this file has that name, `imagespec name` tells."
    elif ours == theirs:
        said = f"{theirs}, as in flytekit"
    else:
        said = f"{ours}, but {theirs} in flytekit"
        if spec.builder and not any(note.endswith("another tag") for note in notes):
            notes.append("builder counts in the tag of flytekit before 1.15.3: another tag")
    head = [f"From {origin}, by python -m imagespec_builder export", said, *(f"- {note}" for note in notes)]
    lines = (f"# {line}".encode("ascii", "backslashreplace").decode() for note in head for line in note.splitlines())
    return "\n".join([*lines, text]), ours is not None and theirs is not None and ours != theirs


def _value(name: str, value: object, notes: list[str]) -> Any:
    if name == "base_image" and _spec_of(value) is not None:
        base = _spec_of(value)
        assert base is not None
        notes.append("base_image is an ImageSpec: build it first, or put its fields here, which changes the tag")
        return base.image_name()
    if name in _PATHS and isinstance(value, (str, os.PathLike)):
        return _relative(name, value, notes)
    if name == "pip_secret_mounts" and isinstance(value, list):
        return [[_relative(name, source, notes), target] for source, target in value]
    if name != "source_copy_mode":
        notes.extend(_unlike(name, value))
    return plain(value, name)


def _relative(name: str, path: str | os.PathLike[str], notes: list[str]) -> str:
    """A path as a build context has it: relative to this directory."""
    relative = os.path.relpath(path)
    if not relative.startswith(".."):
        return relative
    if name != "pip_secret_mounts":
        notes.append(f"{name}: {os.fspath(path)} is not below this directory: a build does not see it")
    return os.path.abspath(path)


def _unlike(place: str, value: object) -> Iterator[str]:
    """The values that YAML cannot say so that they hash alike."""
    kind = type(value).__name__
    if isinstance(value, enum.Enum):
        yield f"{place} is a member of the enum {kind} in Python and text here: another tag"
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _unlike(f"{place}.{key}", item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        if not isinstance(value, list):
            yield f"{place} is a {kind} in Python and a list here: another tag"
        for n, item in enumerate(value):
            yield from _unlike(f"{place}[{n}]", item)
    elif isinstance(value, os.PathLike):
        yield f"{place} is a {kind} in Python and text here: another tag"


def _complete(spec: ImageSpec, fields: dict[str, Any], notes: list[str]) -> None:
    """What flytekit takes from whoever builds cannot be in the file without changing the tag: it is said instead."""
    mode = getattr(spec, "source_copy_mode", None)
    if mode is not None:
        if not spec.source_root and getattr(mode, "name", "") != "NO_COPY":
            fields["source_root"] = "."
            notes.append("source_root is this directory here; flytekit takes the project's when it registers")
        if getattr(mode, "name", "") == "NO_COPY" and not spec.source_root:
            del fields["source_copy_mode"]
        notes.append("source_copy_mode is a member of an enum in Python and text here: another tag")
        if getattr(mode, "name", "") == "LOADED_MODULES":
            notes.append("source_copy_mode: here all of source_root is copied, not only the modules that are loaded")
    if not hasattr(spec, "id"):
        fields["tag_algorithm"] = "flytekit-1.13"
    if not spec.python_version and not getattr(spec, "python_exec", None):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        notes.append(
            f"python_version is not set: an image of this file has Python 3.12, one that flytekit builds here {version}"
        )
    packages = list(spec.packages or [])
    if spec.requirements:
        try:
            packages += requirements.read(Path(spec.requirements)).lines
        except (OSError, UnicodeError) as error:
            notes.append(f"requirements: {spec.requirements} cannot be read: {error}")
    options = getattr(spec, "builder_options", None) or {}
    if options.get("profile") != "plain" and not any(requirements.names(line, "flytekit") for line in packages):
        notes.append(
            "packages do not name flytekit: an image of this file has the newest, one that flytekit builds here its own"
        )


def _name_of(text: str) -> str | None:
    """What the program calls the image of a spec; `None` if it is not there or does not know."""
    try:
        command = [str(find()), "name", "--json", "-f", "-", "."]
        ended = subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8")
        name = json.loads(ended.stdout).get("name")
    except (ProgramMissing, OSError, ValueError):
        return None
    return str(name) if name else None
