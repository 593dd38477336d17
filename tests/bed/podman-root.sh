#!/usr/bin/env bash
# podman-root.sh DIR: a tree of the other suite with podman and buildah in it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$BED_SOURCE/versions.sh"
out=$1

debootstrap --variant=minbase --include="$PODMAN_PACKAGES,iproute2,ca-certificates,git" "$PODMAN_OTHER_SUITE" "$out/root" \
    http://deb.debian.org/debian sid
rm -rf "$out"/root/var/cache/apt/archives/*.deb
mkdir -p "$out/root/.old" "$out/root/bed" "$out/root/var/lib/containers"
