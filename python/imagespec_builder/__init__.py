"""The program `imagespec`, and builders for programs that make container images.

Importing this package imports no host (flytekit and others): each has a module of its own, which the host loads by an entry point.
"""

from __future__ import annotations

from imagespec_builder.container import is_container
from imagespec_builder.program import ProgramError, ProgramMissing, find

__all__ = ["ProgramError", "ProgramMissing", "find", "is_container"]
