#!/usr/bin/env bash
# debian-tree.sh DIR: a bookworm tree as the official debian:bookworm-slim has it, as layer.tar, and in
# extra/ some packages of the same suite.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
out=$1
tree=$out/tree

debootstrap --variant=minbase bookworm "$tree" http://deb.debian.org/debian
inside() { chroot "$tree" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }

rm "$tree/etc/apt/sources.list"
cat >"$tree/etc/apt/sources.list.d/debian.sources" <<'EOT'
Types: deb
URIs: http://deb.debian.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.debian.org/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
EOT

# What Debian's own image build changes for containers; a step that keeps apt's downloads has to cope with docker-clean.
printf '#!/bin/sh\n\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
chmod 755 "$tree/usr/sbin/policy-rc.d"
echo force-unsafe-io >"$tree/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
cat >"$tree/etc/apt/apt.conf.d/docker-clean" <<'EOT'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };

Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
EOT
echo 'Acquire::Languages "none";' >"$tree/etc/apt/apt.conf.d/docker-no-languages"
echo 'Acquire::GzipIndexes "true";' >"$tree/etc/apt/apt.conf.d/docker-gzip-indexes"
echo 'Apt::AutoRemove::SuggestsImportant "false";' >"$tree/etc/apt/apt.conf.d/docker-autoremove-suggests"

inside apt-get update
inside apt-get dist-upgrade -y --no-install-recommends
inside apt-get clean

# What the conda channel is made of: a program that needs no library but the C library's, and Python's release sources.
mkdir "$tree/extra"
inside sh -c 'cd /extra && apt-get download tree &&
    sed "s/^Types: deb/&-src/" /etc/apt/sources.list.d/debian.sources >/etc/apt/sources.list.d/extra.sources &&
    apt-get update && apt-get source --tar-only --download-only python3.11 && rm /etc/apt/sources.list.d/extra.sources'
mv "$tree/extra" "$out/extra"

cat >"$tree/etc/dpkg/dpkg.cfg.d/docker" <<'EOT'
# This is the "slim" variant of the Debian base image.
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/groff/*
path-exclude /usr/share/info/*
path-exclude /usr/share/linda/*
path-exclude /usr/share/lintian/*
path-exclude /usr/share/locale/*
path-include /usr/share/locale/locale.alias
path-exclude /usr/share/man/*
EOT
find "$tree/usr/share/doc" ! -type d ! -name copyright -delete
find "$tree/usr/share/doc" -depth -type d -empty -delete
find "$tree/usr/share/locale" ! -type d ! -name locale.alias -delete
find "$tree/usr/share/locale" -mindepth 1 -depth -type d -empty -delete
for name in groff info linda lintian; do
    rm -rf "${tree:?}/usr/share/$name"
    mkdir -p "$tree/usr/share/$name"
done
find "$tree/usr/share/man" -mindepth 1 -delete

# What differs from one run to the next.
rm -rf "$tree"/var/lib/apt/lists/* "$tree"/var/cache/apt/*.bin "$tree"/var/cache/apt/archives/*.deb
rm -rf "$tree"/var/log/* "$tree"/tmp/* "$tree"/run/* "$tree"/var/cache/ldconfig/aux-cache "$tree"/var/lib/dpkg/*-old
rm -rf "${tree:?}"/dev/* "${tree:?}"/proc/* "${tree:?}"/sys/* "$tree"/var/cache/debconf/*-old
mkdir -p "$tree/var/lib/apt/lists/partial" "$tree/var/log/apt" "$tree/run/lock"
echo uninitialized >"$tree/etc/machine-id"
: >"$tree/etc/resolv.conf"
echo localhost >"$tree/etc/hostname"

tar -C "$tree" --sort=name --numeric-owner --mtime='2025-01-01 00:00:00Z' --format=gnu -cf "$out/layer.tar" .
remove_tree "$tree"
