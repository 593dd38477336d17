#!/usr/bin/env bash
# image-uv.sh DIR: imagespec-bed/uv:VERSION, the binaries of uv's PyPI wheel at / as in the published image.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$BED_SOURCE/versions.sh"
out=$1

fetch_wheel "$out/wheel" "uv==$UV_VERSION" --platform manylinux_2_17_x86_64
python3 -m zipfile -e "$out"/wheel/uv-*.whl "$out/open"
mkdir "$out/layer"
for name in uv uvx; do
    found=$(find "$out/open" -path "*.data/scripts/$name")
    [ -z "$found" ] || install -m 755 "$found" "$out/layer/$name"
done
[ -x "$out/layer/uv" ]
tar -C "$out/layer" --sort=name --owner=0 --group=0 --mtime='2025-01-01 00:00:00Z' --format=gnu -cf "$out/layer.tar" .
cat >"$out/config.json" <<'EOT'
{"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Entrypoint": ["/uv"], "WorkingDir": "/io"}
EOT
python3 "$BED_SOURCE/image.py" "$out/image.tar" "imagespec-bed/uv:$UV_VERSION" "$out/config.json" "$out/layer.tar"
rm -r "$out/wheel" "$out/open" "$out/layer" "$out/layer.tar"
