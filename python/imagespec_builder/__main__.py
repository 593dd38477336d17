"""`python -m imagespec_builder`: the program itself, and `export`."""

from __future__ import annotations

import os
import subprocess
import sys

from imagespec_builder.program import ProgramMissing, find


def main() -> int:
    """Runs the program with the same arguments; `export` is done here, since it needs the host's Python."""
    if sys.argv[1:2] == ["export"]:
        from imagespec_builder.export import main as export

        return export(sys.argv[2:])
    try:
        program = find()
    except ProgramMissing as error:
        print(error, file=sys.stderr)
        return 5
    command = [str(program), *sys.argv[1:]]
    if os.name == "nt":
        return subprocess.run(command).returncode
    try:
        os.execv(program, command)
    except OSError as error:
        print(f"{program} cannot be run: {error.strerror}", file=sys.stderr)
        return 5


if __name__ == "__main__":
    sys.exit(main())
