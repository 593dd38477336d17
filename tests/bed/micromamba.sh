#!/usr/bin/env bash
# micromamba.sh DIR: DIR/micromamba, one file that holds a Python, rattler and micromamba.py, and unpacks itself for each
# run into a temporary directory. It needs a shell, tail, tar and mktemp where it runs.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$BED_SOURCE/versions.sh"
out=$1 tree=$1/tree

# Only what the program imports: all of it is written out anew for each run.
library=$tree/lib/python3.12
mkdir -p "$tree/bin" "$library"
cp -a "$(piece_dir python-tree)/3.12/bin/python3.12" "$tree/bin/"
cp -a "$(piece_dir python-tree)/3.12/lib/python3.12/." "$library"
(
    cd "$library"
    rm -r ensurepip lib2to3 pydoc_data unittest xmlrpc curses dbm sqlite3 wsgiref venv distutils 2>/dev/null || true
    mv lib-dynload all
    mkdir lib-dynload
    for name in array binascii fcntl grp math mmap select unicodedata _asyncio _bisect _contextvars _datetime _heapq _json \
        _md5 _opcode _pickle _posixsubprocess _queue _random _sha1 _sha2 _socket _struct; do
        mv "all/$name".* lib-dynload/
    done
    rm -r all
)
fetch_linux_wheel "$out/wheel" 3.12 "py-rattler==$PY_RATTLER_VERSION"
fetch_wheel "$out/wheel" "certifi==$CERTIFI_VERSION" --platform any
for wheel in "$out"/wheel/*.whl; do python3 -m zipfile -e "$wheel" "$library/site-packages"; done
PYTHONHASHSEED=0 "$tree/bin/python3.12" -m compileall -q "$library/site-packages"
cp "$BED_SOURCE/micromamba.py" "$tree/"
cp "$BED_SOURCE/micromamba_options.py" "$library/site-packages/"

cat >"$out/micromamba" <<'EOT'
#!/bin/sh
dir=$(mktemp -d "${TMPDIR:-/tmp}/micromamba.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP
tail -n +9 "$0" | tar -xf - -C "$dir" || exit 1
"$dir/bin/python3.12" -I -B "$dir/micromamba.py" "$@"
exit $?

EOT
[ "$(wc -l <"$out/micromamba")" = 8 ]
tar -C "$tree" --sort=name --owner=0 --group=0 --mtime='2025-01-01 00:00:00Z' --format=gnu -cf - . >>"$out/micromamba"
chmod 755 "$out/micromamba"
"$out/micromamba" --version
rm -r "$tree" "$out/wheel"
