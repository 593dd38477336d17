"""The builder `imagespec` for flytekit 1.13 and later: `ImageSpec(…, builder="imagespec")`.

flytekit loads this module by the entry point `flytekit.plugins`. Nothing happens then but the registration, with priority 0: no
spec changes its builder unless it says so.
"""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import flytekit
from flytekit.image_spec.image_spec import ImageBuildEngine, ImageSpec, ImageSpecBuilder

from imagespec_builder import engine_store, program, requirements
from imagespec_builder.spec import UnwritableValue, explain, plain, to_yaml
from imagespec_builder.stage import Stage, StageError

NAME = "imagespec"
# What is not a matter of the spec, or is staged and said otherwise.
_OTHERWISE = {
    "builder",
    "registry_config",
    "source_root",
    "source_copy_mode",
    "copy",
    "requirements",
    "pip_secret_mounts",
}


class ImagespecBuilder(ImageSpecBuilder):
    """Builds specs with the program `imagespec`, under the names and ids that flytekit computes."""

    def should_build(self, image_spec: ImageSpec) -> bool:
        """Whether the image is not where it would go, or nobody can tell. Raises `click.ClickException`."""
        name = image_spec.image_name()
        if _is_forced(image_spec):
            click.secho(f"Building {name}, whether it exists or not.", fg="blue")
            return True
        if not _tag_says_all(image_spec):
            # The program compares what the tag does not count.
            return True
        found = _exists(image_spec, name)
        if found.is_there:
            click.secho(f"Image {name} found. Skip building.", fg="blue")
            return False
        if found.is_there is False:
            click.secho(f"Image {name} not found. Building it.", fg="blue")
            return True
        words = f"Nobody can tell whether the image {name} exists: {found.reason}."
        if getattr(image_spec, "_fast_fail", False):
            helped = f"  help: {found.help}\n" if found.help else ""
            raise click.ClickException(f"{words}\n{helped}\nFLYTE_IMG_FAST_FAIL is set, so nothing was built.")
        click.secho(f"{words} Building it.", fg="yellow")
        return True

    def build_image(self, image_spec: ImageSpec) -> str | None:
        """Builds the image; `None`, so that it keeps the name that flytekit computes. Raises `click.ClickException`."""
        name = image_spec.image_name()
        with Stage.temporary(image_spec.name, os.getcwd(), image_spec.source_root, image_spec.registry) as stage:
            try:
                text = to_yaml(recipe(image_spec, stage))
            except (UnwritableValue, StageError) as error:
                raise click.ClickException(f"imagespec cannot build {name}\n\n{error}") from error
            _check_name(image_spec, name, "while they were copied")
            file = stage.write_spec(text)
            try:
                built = program.build([*_arguments(image_spec, name), "--file", file, stage.directory])
            except program.Refused as refused:
                paragraphs = [
                    f"imagespec could not build {name}",
                    explain(refused, text),
                    *_unseen_base(image_spec, refused),
                ]
                raise click.ClickException("\n\n".join(paragraphs)) from refused
            except program.ProgramError as error:
                raise click.ClickException(str(error)) from error
        _check_name(image_spec, name, "during the build")
        click.secho(_summary(name, built), fg="blue")
        return None


def recipe(image_spec: ImageSpec, stage: Stage) -> dict[str, Any]:
    """The fields of a spec that builds what flytekit's own builder would, its files staged.

    The recipe has another tag than the spec: flytekit's name and id go beside it. Raises `UnwritableValue` or `StageError`.
    """
    fields = values(image_spec)
    options = fields.get("builder_options") or {}
    is_plain = isinstance(options, dict) and options.get("profile") == "plain"
    named = _requirements(image_spec, stage, fields)
    _source(image_spec, stage, fields)
    _copies(image_spec, stage, fields)
    mounts = getattr(image_spec, "pip_secret_mounts", None)
    if mounts:
        # Where the files lie on this machine is nobody's business: see `_arguments`.
        fields["pip_secret_mounts"] = [{"id": _secret_id(n), "target": target} for n, (_, target) in enumerate(mounts)]
    installs = any(fields.get(field) for field in ("packages", "requirements", "conda_packages"))
    if not fields.get("python_exec") and (installs or not is_plain):
        # As flytekit's own builder: tasks are pickled here and loaded there.
        fields.setdefault("python_version", f"{sys.version_info.major}.{sys.version_info.minor}")
    wanted = [*(fields.get("packages") or []), *named.lines]
    is_locked = requirements.is_lock(image_spec.requirements or "")
    pin = _running_flytekit()
    if pin and not is_plain and not is_locked and not any(requirements.names(line, "flytekit") for line in wanted):
        fields["packages"] = [*(fields.get("packages") or []), pin]
    return fields


def values(image_spec: ImageSpec) -> dict[str, Any]:
    """The fields that are set and are not files, as YAML can have them. Raises `UnwritableValue`."""
    found = ((field.name, getattr(image_spec, field.name)) for field in dataclasses.fields(image_spec))
    # An empty list is not the same as none: it clears an entry point.
    return {name: plain(value, name) for name, value in found if name not in _OTHERWISE and value is not None}


def identity(image_spec: ImageSpec) -> str:
    """What tasks compare `_F_IMG_ID` with: the id, or for flytekit 1.13 the image's name."""
    return str(getattr(image_spec, "id", None) or image_spec.image_name())


def source_files(image_spec: ImageSpec) -> list[str] | None:
    """The files of `source_root` that flytekit ships, which are those that its tag counts; `None` if it copies nothing."""
    root = str(image_spec.source_root or "")
    if not hasattr(image_spec, "source_copy_mode"):
        # Before flytekit 1.14, with a `source_root` everything was copied.
        return _all_files(root) if root else None
    from flytekit.constants import CopyFileDetection
    from flytekit.tools.script_mode import ls_files

    mode = image_spec.source_copy_mode
    if mode is None or mode == CopyFileDetection.NO_COPY:
        return None
    # The arguments are those of `ImageSpec.tag`.
    files, _ = ls_files(root, mode, deref_symlinks=False, ignore_group=_ignored(root))
    return list(files)


def _ignored(root: str) -> Any:
    from flytekit.tools.ignore import DockerIgnore, GitIgnore, IgnoreGroup, StandardIgnore

    return IgnoreGroup(root, [GitIgnore, DockerIgnore, StandardIgnore])


def _all_files(root: str) -> list[str]:
    ignored = _ignored(root)
    files = (os.path.join(here, name) for here, _, names in os.walk(root) for name in names)
    return sorted(
        file for file in files if os.path.exists(file) and not ignored.is_ignored(os.path.relpath(file, root))
    )


def _source(image_spec: ImageSpec, stage: Stage, fields: dict[str, Any]) -> None:
    files = source_files(image_spec)
    if files is None:
        return
    target = _free("_source", image_spec)
    stage.files(str(image_spec.source_root), files, target)
    fields |= {"source_root": target, "source_copy_mode": "all"}


def _copies(image_spec: ImageSpec, stage: Stage, fields: dict[str, Any]) -> None:
    entries: list[str] = []
    for entry in getattr(image_spec, "copy", None) or []:
        path = Path(entry)
        if path.is_absolute() or ".." in path.parts or not path.exists():
            # The program has words for it.
            entries.append(path.as_posix())
            continue
        if path != Path():
            stage.tree(path, path.as_posix())
            entries.append(path.as_posix())
            continue
        # What else stands in the context is not to be copied, so each has its own entry. Docker obeys the ignore file that is
        # shipped then, and no other.
        from flytekit.tools.ignore import DockerIgnore

        ignored = DockerIgnore(".").is_ignored  # type: ignore[arg-type]
        stage.tree(path, ".", ignored)
        entries += [name for name in sorted(os.listdir()) if not ignored(name)]
    if entries:
        fields["copy"] = list(dict.fromkeys(entries))


def _requirements(image_spec: ImageSpec, stage: Stage, fields: dict[str, Any]) -> requirements.Named:
    """Stages a file of requirements and what it names, each where it stands relative to the others."""
    here = Path.cwd()
    named = requirements.Named()
    if image_spec.requirements:
        file = Path(os.path.abspath(image_spec.requirements))
        try:
            named = requirements.read(file)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise StageError(f"requirements: {image_spec.requirements}: {reason}") from error
        paths = [Path(os.path.abspath(path)) for path in (*named.files, *named.directories)]
        base, prefix = here, ""
        if not all(path.is_relative_to(here) for path in paths):
            base = Path(os.path.commonpath([path.parent for path in paths]))
            prefix = f"{_free('_requirements', image_spec)}/"
        for path in paths:
            _local(path, stage, prefix + path.relative_to(base).as_posix())
        fields["requirements"] = prefix + file.relative_to(base).as_posix()
    for package in fields.get("packages") or []:
        local = requirements.local_path(package, here)
        if local is not None and Path(os.path.abspath(local)).is_relative_to(here):
            _local(local, stage, Path(os.path.abspath(local)).relative_to(here).as_posix())
    return named


def _local(path: Path, stage: Stage, target: str) -> None:
    """A local package comes without what git ignores, as source does."""
    if path.is_dir():
        stage.files(str(path), _all_files(str(path)), target)
    else:
        stage.file(path, target)


def _free(name: str, image_spec: ImageSpec) -> str:
    """The name of a directory that nothing in `copy` has."""
    taken = {Path(entry).parts[:1] for entry in getattr(image_spec, "copy", None) or []}
    while (name,) in taken or Path(name).exists():
        name += "_"
    return name


def _arguments(image_spec: ImageSpec, name: str) -> list[str]:
    pushes = _pushes(image_spec)
    # An id may begin with a hyphen.
    arguments = ["--tag", name, f"--id={identity(image_spec)}", "--push" if pushes else "--load"]
    if image_spec.platform:
        arguments += ["--platform", str(image_spec.platform)]
    if pushes and (_is_forced(image_spec) or _tag_says_all(image_spec)):
        # `should_build` has decided.
        arguments.append("--force")
    for secret, source in _secrets(image_spec):
        path = os.path.abspath(os.path.expanduser(source))
        field = f"src={path}"
        # A line of CSV.
        quoted = '"' + field.replace('"', '""') + '"' if re.search('[,"]', field) else field
        arguments += ["--secret", f"id={secret},{quoted}"]
    return arguments


def _secrets(image_spec: ImageSpec) -> Iterator[tuple[str, str]]:
    """The ids and files of secrets. Paths are relative to this directory, and the program would look beside its file."""
    for n, (source, _) in enumerate(getattr(image_spec, "pip_secret_mounts", None) or []):
        yield _secret_id(n), source
    options = getattr(image_spec, "builder_options", None)
    own = options.get("secrets") if isinstance(options, dict) else None
    for secret in own if isinstance(own, (list, tuple)) else []:
        if isinstance(secret, dict) and isinstance(secret.get("id"), str) and isinstance(secret.get("src"), str):
            yield secret["id"], secret["src"]


def _secret_id(index: int) -> str:
    return f"secret_{index}"


def _pushes(image_spec: ImageSpec) -> bool:
    return bool(image_spec.registry) and os.environ.get("FLYTE_PUSH_IMAGE_SPEC", "true").lower() in ("true", "1")


def _is_forced(image_spec: ImageSpec) -> bool:
    forced = getattr(image_spec, "_is_force_push", False)
    # Before flytekit 1.15 it is what the variable says.
    return forced.lower() not in ("false", "0", "off", "no") if isinstance(forced, str) else bool(forced)


def _exists(image_spec: ImageSpec, name: str) -> program.Existence:
    """Asks where the image would go: its registry, or the engine's store."""
    try:
        if _pushes(image_spec):
            return program.exists(name, image_spec.platform)
        return engine_store.exists(name)
    except program.Refused as refused:
        raise click.ClickException(explain(refused)) from refused
    except program.ProgramError as error:
        raise click.ClickException(str(error)) from error


def _unseen_base(image_spec: ImageSpec, refused: program.Refused) -> list[str]:
    """What to do where the base is in Docker's own store, which a builder in a container does not see."""
    base = str(image_spec.base_image or "")
    # On a terminal nobody knows what the engine said.
    is_named = not refused.output or base in refused.output
    is_step = any(problem.kind == "step" for problem in refused.problems)
    if not base or "/" in base or not is_named or not is_step or not engine_store.exists(base).is_there:
        return []
    words = f"`base_image` is {base}, which is in Docker and in no registry."
    way_out = "give its ImageSpec a `registry`, or take Docker's own builder: `docker buildx use default`"
    return [f"{words} A builder that runs in a container does not see it.\n  help: {way_out}"]


def _tag_says_all(image_spec: ImageSpec) -> bool:
    """Whether images of one name have one content, as far as files go.

    flytekit's tag counts a file of requirements, not the files and directories that are named in it.
    """
    if "{spec_hash" not in (image_spec.tag_format or "{spec_hash"):
        return False
    if any(requirements.local_path(package, Path()) for package in image_spec.packages or []):
        return False
    if not image_spec.requirements:
        return True
    try:
        named = requirements.read(Path(image_spec.requirements))
    except (OSError, UnicodeError):
        return True
    return len(named.files) == 1 and not named.directories


def _running_flytekit() -> str | None:
    """The requirement of the flytekit that runs, if it is one that others have, too."""
    version = getattr(flytekit, "__version__", None)
    return f"flytekit=={version}" if version and "dev" not in version else None


def _check_name(image_spec: ImageSpec, name: str, when: str) -> None:
    """Fails if files were edited: flytekit registers the name that it computes afterwards."""
    image_spec.__dict__.pop("tag", None)
    now = image_spec.image_name()
    if now != name:
        raise click.ClickException(f"Files changed {when}: the image {name} would be {now} now. Run it again.")


def _summary(name: str, built: Any) -> str:
    if not built["built"]:
        return f"Image {name} found, made from the same files. Nothing was built."
    words = [f"Image {name} built"]
    if built.get("seconds") is not None:
        words.append(f" in {built['seconds']:.1f} s")
    layers = built.get("layers")
    if layers:
        words.append(f", {layers['reused']} of {layers['total']} layers were there")
    if built.get("pushed") is not None:
        words.append(f", {built['pushed'] / 1e6:.1f} MB pushed")
    return "".join(words)


ImageBuildEngine.register(NAME, ImagespecBuilder(), priority=0)
