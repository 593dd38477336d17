#!/usr/bin/env bash
# python-tree.sh DIR: DIR/3.12 and DIR/3.11, each a CPython that runs wherever it is put and on any Debian since 2014.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$BED_SOURCE/versions.sh"
out=$1 work=$1/work
mkdir -p "$work"

# The interpreter and its compiled modules come from the wheels of freeze-core, which carry the ones of the manylinux
# project. The standard library's sources are not in them.
for version in 3.12 3.11; do
    fetch_linux_wheel "$work/$version" "$version" "freeze-core==$FREEZE_CORE_VERSION"
done

# Those of 3.12 lie, as a zstd frame, in the shared library of the wheel of componentize-py.
fetch_linux_wheel "$work/componentize" 3.12 "componentize-py==$COMPONENTIZE_VERSION"
python3 -m zipfile -e "$work"/componentize/*.whl "$work/componentize/open"
mkdir "$work/lib-3.12" "$work/lib-3.11"
python3 "$BED_SOURCE/zstd-frames.py" "$work"/componentize/open/componentize_py/*.so |
    while read -r offset; do
        # What follows the frame is no zstd: the complaint about it comes after everything was written.
        tail -c "+$((offset + 1))" "$work"/componentize/open/componentize_py/*.so | zstd -dcq 2>/dev/null |
            tar -xf - -C "$work/lib-3.12" 2>/dev/null || true
        [ ! -e "$work/lib-3.12/os.py" ] || break
    done
[ -e "$work/lib-3.12/os.py" ]

# Those of 3.11 come from Debian's copy of the release, before Debian's patches.
tar -xf "$(piece_dir debian-tree)"/extra/python3.11_*.orig.tar.* -C "$work/lib-3.11" --strip-components=2 --wildcards 'Python-*/Lib/*'

for version in 3.12 3.11; do
    python3 "$BED_SOURCE/python-tree.py" "$version" "$work/$version"/*.whl "$work/lib-$version" "$out/$version"
    bundled=$out/$version/lib/python$version/ensurepip
    # `python -m venv` installs the pip that the library names; the sources of 3.12 come without its wheel.
    pip=$(sed -n 's/^_PIP_VERSION = "\(.*\)"/\1/p' "$bundled/__init__.py")
    [ -d "$bundled/_bundled" ] || fetch_wheel "$bundled/_bundled" "pip==$pip"
    find "$out/$version" -exec touch -h -d '2025-01-01 00:00:00Z' {} +
    env -i PYTHONHASHSEED=0 "$out/$version/bin/python3" -m compileall -q -j 2 -s "$out/$version/" "$out/$version/lib/python$version"
    env -i "$out/$version/bin/python3" -c 'import ssl, sqlite3, ctypes, zlib, bz2, lzma, hashlib, sysconfig, venv'
done
rm -rf "$work"
