#!/usr/bin/env bash
# channel.sh DIR: the conda channel that stands for conda-forge.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$BED_SOURCE/versions.sh"
out=$1
mkdir "$out/unpacked"

for package in "pip==$PIP_VERSION" "setuptools==$SETUPTOOLS_VERSION" "humanize==$HUMANIZE_VERSION" "tomli==$TOMLI_VERSION"; do
    fetch_wheel "$out/unpacked/wheels" "$package" --platform any
done
dpkg-deb -x "$(piece_dir debian-tree)"/extra/tree_*.deb "$out/unpacked/tree"
PYTHONDONTWRITEBYTECODE=1 python3 "$BED_SOURCE/channel.py" "$out" "$(piece_dir python-tree)" "$out/unpacked/wheels" "$out/unpacked/tree"
rm -r "$out/unpacked"
