#!/usr/bin/env bash
# image-micromamba.sh DIR: imagespec-bed/micromamba:TAG. The certificates in it are this machine's: the real image has the
# public ones, which is no help behind a company's own authority, and this bed is to work there.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$BED_SOURCE/versions.sh"
out=$1 layer=$1/layer

install -D -m 755 "$(piece_dir micromamba)/micromamba" "$layer/usr/bin/micromamba"
install -D -m 644 "$(ca_bundle)" "$layer/etc/ssl/certs/ca-certificates.crt"
tar -C "$layer" --sort=name --owner=0 --group=0 --mtime='2025-01-01 00:00:00Z' --format=gnu -cf "$out/layer.tar" .
cat >"$out/config.json" <<'EOT'
{"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "MAMBA_ROOT_PREFIX=/opt/conda"]}
EOT
python3 "$BED_SOURCE/image.py" "$out/image.tar" "imagespec-bed/micromamba:$MICROMAMBA_TAG" "$out/config.json" "$out/layer.tar"
rm -r "$layer" "$out/layer.tar"
