"""Images without a registry: they are in the store of Docker's engine only."""

from __future__ import annotations

import shutil
import subprocess

from imagespec_builder.program import Existence


def exists(name: str) -> Existence:
    """Asks Docker whether it has an image. Without Docker, or if it does not answer, the answer is unknown."""
    docker = shutil.which("docker")
    if docker is None:
        return Existence(None, "there is no program `docker`", "install Docker, or start it")
    command = [docker, "image", "inspect", "--format", "{{.Id}}", name]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Existence(None, str(error), "start Docker, and check DOCKER_HOST")
    if ended.returncode == 0:
        return Existence(True)
    if "no such image" in ended.stderr.lower():
        return Existence(False)
    return Existence(None, ended.stderr.strip().rstrip("."), "start Docker, and check DOCKER_HOST")
