"""Stages a build context: a directory with exactly the files that a host ships.

Files are copied, not linked: what is built is what was hashed, whatever is edited meanwhile. Modes and times are kept, so that
an engine that has seen a file is not sent it again. Links stay links where what they lead to is staged as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from imagespec_builder.spec import FILE


class StageError(Exception):
    """A file that cannot be staged; the message names it."""


class Stage:
    """A build context in a directory of its own, with a spec beside it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.spec = directory.parent / FILE
        directory.mkdir(parents=True, exist_ok=True)

    @classmethod
    @contextlib.contextmanager
    def temporary(cls, name: str, *of: object) -> Iterator[Stage]:
        """A stage that is removed afterwards, called `name` and after what the context is `of`.

        An engine knows a context by its name: with the same one it asks only for files that it does not have.
        """
        key = hashlib.sha256("\0".join(map(str, of)).encode()).hexdigest()[:12]
        with tempfile.TemporaryDirectory(prefix="imagespec-") as directory:
            yield cls(Path(directory, f"{name.replace('/', '-')}-{key}"))

    def write_spec(self, text: str) -> Path:
        """Writes the spec, so that what is staged is what the image gets: no ignore file filters it again."""
        self.spec.with_name(f"{FILE}.dockerignore").touch()
        self.spec.write_text(text, encoding="ascii")
        return self.spec

    def file(self, source: Path, target: str) -> None:
        """One file; links are followed."""
        self._copy(source, self._place(target))

    def files(self, root: str, files: Iterable[str], target: str) -> None:
        """Files below `root`, each by its path, to the same places below `target`."""
        all_files = list(files)
        shipped = {os.path.relpath(file, root) for file in all_files}
        real_root = os.path.realpath(root)
        (self.directory / target).mkdir(parents=True, exist_ok=True)
        for file in all_files:
            place = self._place(f"{target}/{os.path.relpath(file, root)}")
            leads_to = os.path.relpath(os.path.realpath(file), real_root) if os.path.islink(file) else None
            if leads_to is not None and leads_to in shipped:
                self._link(self.directory / target / leads_to, place)
            else:
                self._copy(Path(file), place)

    def tree(self, source: Path, target: str, leaves_out: Callable[[str], bool] | None = None) -> None:
        """A file, or a directory with all in it, but for paths below it that `leaves_out` knows."""
        if not source.is_dir():
            self.file(source, target)
            return
        self._directory(source, source.resolve(), PurePosixPath("."), target, leaves_out, ())

    def _directory(
        self,
        source: Path,
        root: Path,
        below: PurePosixPath,
        target: str,
        leaves_out: Callable[[str], bool] | None,
        above: tuple[Path, ...],
    ) -> None:
        here = source.resolve()
        if any(path.is_relative_to(here) for path in above):
            raise StageError(f"{source} is a link to a directory that it is in itself")
        if self.directory.resolve().is_relative_to(here):
            raise StageError(f"{source} holds the directory for temporary files: let TMPDIR name one elsewhere")
        place = self.directory / target / below
        place.mkdir(parents=True, exist_ok=True)
        # Ours to remove, whatever its mode.
        place.chmod(stat.S_IMODE(source.stat().st_mode) | stat.S_IRWXU)
        for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
            path, name = Path(entry.path), below / entry.name
            if leaves_out is not None and leaves_out(str(name)):
                continue
            if entry.is_symlink():
                real = path.resolve()
                if not real.exists():
                    self._link_as_it_is(path, place / entry.name)
                    continue
                if real.is_relative_to(root):
                    self._link(self.directory / target / real.relative_to(root), place / entry.name)
                    continue
            if entry.is_dir():
                self._directory(path, root, name, target, leaves_out, (*above, here))
            elif not stat.S_ISSOCK(entry.stat().st_mode):
                self._copy(path, place / entry.name)

    def _place(self, target: str) -> Path:
        place = self.directory / target
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _copy(self, source: Path, place: Path) -> None:
        try:
            shutil.copy2(source, place)
        except (OSError, shutil.SpecialFileError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise StageError(f"{source}: {reason}") from error

    def _link(self, to: Path, place: Path) -> None:
        # Two entries may bring the same file.
        place.unlink(missing_ok=True)
        place.symlink_to(os.path.relpath(to, place.parent))

    def _link_as_it_is(self, source: Path, place: Path) -> None:
        place.unlink(missing_ok=True)
        place.symlink_to(os.readlink(source))
