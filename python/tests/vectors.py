"""Recorded specs of flytekit, each built by the plug-in: `python vectors.py FILE` says how many there were, and what went wrong.

The names were recorded in other processes, so this is what one process builds and another looks for.
"""

from __future__ import annotations

import base64
import copy
import datetime
import functools
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from flytekit.image_spec import image_spec
from flytekit.image_spec.image_spec import ImageSpec

from imagespec_builder import engine_store, program
from imagespec_builder.flytekit import ImagespecBuilder


class Asked:
    """What the plug-in asked of the program."""

    def __init__(self) -> None:
        self.name = ""
        self.build: list[str] = []


def decoded(value: Any) -> Any:
    """A value of a recorded call, of the kind that it had in Python."""
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1 or not next(iter(value)).startswith("$"):
        return {key: decoded(item) for key, item in value.items()}
    kind, content = next(iter(value.items()))
    if kind == "$enum":
        from flytekit.constants import CopyFileDetection

        return CopyFileDetection[content]
    makers: dict[str, Any] = {
        "$tuple": lambda items: tuple(decoded(item) for item in items),
        "$float": float,
        "$int": int,
        "$imagespec": lambda fields: ImageSpec(**decoded(fields)),
        "$codepoints": lambda points: "".join(map(chr, points)),
        "$date": datetime.date.fromisoformat,
        "$datetime": datetime.datetime.fromisoformat,
        "$bytes_b64": base64.b64decode,
        "$set": lambda items: {decoded(item) for item in items},
        "$dict": lambda pairs: {decoded(key): decoded(item) for key, item in pairs},
    }
    return makers[kind](content)


def lay_out(case: dict[str, Any], directory: Path) -> None:
    """The files of a case."""
    for name, content in case.get("files", {}).items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if "dir" in content:
            file.mkdir(exist_ok=True)
        elif "symlink" in content:
            file.symlink_to(content["symlink"])
        else:
            file.write_bytes(content["text"].encode() if "text" in content else base64.b64decode(content["b64"]))
    for name in case.get("git_init", []):
        subprocess.run(["git", "init", "--quiet", str(directory / name)], check=True)


def problem(case: dict[str, Any], asked: Asked) -> str | None:
    """What is wrong with what the plug-in does with a spec; the directory of the process is the case's."""
    expected = case["expected"]
    spec = ImageSpec(**decoded(case["kwargs"]))
    for method, argument in case.get("ops", []):
        change = getattr(spec, method)
        spec = change() if method == "force_push" else change(decoded(argument))
    wanted = spec.id if hasattr(spec, "id") else spec.image_name()
    base = spec.base_image
    if isinstance(base, ImageSpec):
        # As flytekit hands it to builders.
        spec = copy.deepcopy(spec)
        spec.base_image = base.image_name()
    builder = ImagespecBuilder()
    if builder.should_build(spec) and asked.name and asked.name != expected["image_name"]:
        return f"{asked.name} was asked for"
    try:
        builder.build_image(spec)
    except click.ClickException as error:
        # Values that YAML does not have, and files that are not there, are told; nothing is built under another name.
        return None if not asked.build and error.message.startswith("imagespec cannot build") else error.message
    given = dict(itertools.pairwise(asked.build))
    if wanted not in (expected["id"], expected["image_name"]):
        return f"the id is {wanted}"
    if given["--tag"] != expected["image_name"] or f"--id={wanted}" not in asked.build:
        return f"{asked.build} was asked for"
    return None


def main(path: str) -> int:
    """Runs the cases that flytekit accepts and whose names do not depend on where they lie; the number of failures.

    Prints how many were built, and of how many was told why not.
    """
    asked = Asked()

    def exists(name: str, platform: str | None = None) -> program.Existence:  # noqa: ARG001
        asked.name = name
        return program.Existence(False)

    def build(arguments: list[Any]) -> dict[str, Any]:
        asked.build = [str(argument) for argument in arguments]
        return {"built": True}

    program.exists = exists
    engine_store.exists = exists
    program.build = build  # type: ignore[assignment]
    for name in [name for name in os.environ if name.startswith("FLYTE_")]:
        del os.environ[name]
    built, told, failures = 0, 0, 0
    for case in json.loads(Path(path).read_text(encoding="utf-8"))["cases"]:
        is_placed = case["root"] in json.dumps(case["kwargs"]) or "loaded_modules" in case
        if "error" in case["expected"] or is_placed:
            continue
        machine = case.get("machine", "x86_64")
        platform.machine = functools.partial(str, machine)
        asked.name, asked.build = "", []
        # flytekit 1.13 takes specs that are equal for one, whatever their files.
        for function in vars(image_spec).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()
        with tempfile.TemporaryDirectory() as directory:
            lay_out(case, Path(directory))
            os.chdir(directory)
            found = problem(case, asked)
            os.chdir("/")
        built += bool(asked.build)
        told += not asked.build
        if found:
            failures += 1
            print(f"{case['name']}: {found}, not {case['expected']['image_name']}", file=sys.stderr)
    print(built, told)
    return failures


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1]), 100))
