"""What code inside of an image can know of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

# Images for tasks have it; flytekit compares its specs with it.
_ID = "_F_IMG_ID"
# Where an image that has Python packages keeps their lock.
_KEPT = Path("/usr/share/imagespec")


class HasId(Protocol):
    """A spec that knows its own id, as flytekit's `ImageSpec` does."""

    @property
    def id(self) -> str:
        """The id."""


class HasName(Protocol):
    """A spec of flytekit 1.13, which has no ids: its images say their names."""

    def image_name(self) -> str:
        """The full name."""


def is_container(image: str | HasId | HasName | None = None) -> bool:
    """Whether this process runs in an image that imagespec or flytekit built; with `image`, whether in that one.

    `image` is an id, as `imagespec id` prints it, or a spec with an attribute `id`. Nothing but the environment is looked at, and flytekit
    is not needed. Outside of images the answer is no, unlike that of flytekit's `ImageSpec.is_container`, which says yes
    wherever no task is executed.
    """
    here = os.environ.get(_ID)
    if image is None:
        return here is not None or _KEPT.is_dir()
    if isinstance(image, str):
        return here == image
    own: str | None = getattr(image, "id", None)
    if own is None and hasattr(image, "image_name"):
        own = image.image_name()
    return own is not None and here == own
