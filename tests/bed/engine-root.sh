#!/usr/bin/env bash
# engine-root.sh DIR: a Debian tree with Docker Engine, podman, buildah and a registry in it. The suite is forky because its
# Docker is 28 and its buildx knows `--call`; where that suite cannot be had, trixie's older Docker serves for all but `--call`.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$BED_SOURCE/versions.sh"
out=$1

packages=docker.io,docker-cli,docker-buildx,containerd,runc,iptables,iproute2,ca-certificates,git,docker-registry
packages=$packages,patchelf,python3-minimal,$PODMAN_PACKAGES
for suite in forky trixie; do
    # "sid" is debootstrap's script for every modern suite; an older debootstrap has none by the name of this one.
    if debootstrap --variant=minbase --include="$packages" "$suite" "$out/root" http://deb.debian.org/debian sid; then
        rm -rf "$out"/root/var/cache/apt/archives/*.deb
        mkdir -p "$out/root/.old" "$out/root/bed" "$out/root/var/lib/docker" "$out/root/var/lib/containers"
        echo "$suite" >"$out/suite"
        exit 0
    fi
    tail -n 5 "$out/root/debootstrap/debootstrap.log" || true
    remove_tree "$out/root"
done
exit 1
