# Prints where a virtual environment has its packages; nothing for an interpreter that is in none.
import sys
import sysconfig

if sys.prefix != sys.base_prefix:
    print(*dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib")), sep="\n")
