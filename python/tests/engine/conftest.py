"""The test bed, as builds see it."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


class Bed:
    """The engine and the registry of the test bed."""

    def __init__(self) -> None:
        self.registry = os.environ["IMAGESPEC_BED_REGISTRY"]
        # A registry of nobody.
        self.silent = "127.0.0.1:9"
        self.suffix = secrets.token_hex(4)
        images = {"debian:bookworm-slim": "DEBIAN", "uv": "UV", "micromamba": "MICROMAMBA"}
        flags = [f"--secret=id=ca-certificates,src={os.environ['IMAGESPEC_BED_CA_BUNDLE']}"]
        for name, variable in images.items():
            flags.append(f"--build-context={name}=docker-image://{os.environ[f'IMAGESPEC_BED_{variable}_IMAGE']}")
        self.flags = shlex.join(flags)

    def name(self, name: str) -> str:
        """A name that no earlier run has used."""
        return f"{name}-{self.suffix}"

    def manifest(self, image: str) -> dict[str, Any] | None:
        """What the registry has under a name."""
        repository, _, tag = image.removeprefix(f"{self.registry}/").rpartition(":")
        found = self._get(f"{repository}/manifests/{tag}")
        return json.loads(found) if found is not None else None

    def config(self, image: str) -> dict[str, Any]:
        """The image's configuration, of the registry."""
        manifest = self.manifest(image)
        assert manifest is not None, f"{image} is not in the registry"
        repository = image.removeprefix(f"{self.registry}/").rpartition(":")[0]
        found = self._get(f"{repository}/blobs/{manifest['config']['digest']}")
        assert found is not None
        return dict(json.loads(found))

    def environment(self, image: str) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.config(image)["config"]["Env"])

    def layers(self, image: str) -> list[str]:
        manifest = self.manifest(image)
        assert manifest is not None, f"{image} is not in the registry"
        return [layer["digest"] for layer in manifest["layers"]]

    def run(self, image: str, *command: str) -> str:
        """Runs a command in an image; what it prints."""
        ended = subprocess.run(["docker", "run", "--rm", image, *command], capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def _get(self, path: str) -> bytes | None:
        request = urllib.request.Request(f"http://{self.registry}/v2/{path}", headers={"Accept": _MANIFESTS})
        try:
            with urllib.request.urlopen(request) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise


@pytest.fixture(scope="session")
def bed() -> Bed:
    return Bed()


@pytest.fixture(scope="session", autouse=True)
def variables(bed: Bed) -> Iterator[None]:
    """Before fixtures of a module, which build, too."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("FLYTE_")]:
            patch.delenv(name)
        patch.setenv("IMAGESPEC_BUILD_FLAGS", bed.flags)
        yield


class Project:
    """A directory with a workflow, and `pyflyte` in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            file = self.directory / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def pyflyte(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        # Wide, so that no box breaks what tests look for.
        environment = {**os.environ, "COLUMNS": "400", **variables}
        command = [str(Path(sys.executable).with_name("pyflyte")), *arguments]
        return subprocess.run(command, cwd=self.directory, env=environment, capture_output=True, text=True)
