#!/usr/bin/env bash
# image-debian.sh DIR: imagespec-bed/debian:bookworm-slim. In front of the official image it has one thing, the file that
# sends the channel name conda-forge to the bed's own channel.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$BED_SOURCE/services.sh"
out=$1

cp "$(piece_dir debian-tree)/layer.tar" "$out/layer.tar"
mkdir -p "$out/more/etc/conda"
echo "channel_alias: http://$(server_address)/conda" >"$out/more/etc/conda/.condarc"
tar -C "$out/more" --sort=name --owner=0 --group=0 --mtime='2025-01-01 00:00:00Z' --format=gnu \
    -rf "$out/layer.tar" ./etc/conda
cat >"$out/config.json" <<'EOT'
{"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": ["bash"]}
EOT
python3 "$BED_SOURCE/image.py" "$out/image.tar" imagespec-bed/debian:bookworm-slim "$out/config.json" "$out/layer.tar"
rm -r "$out/layer.tar" "$out/more"
