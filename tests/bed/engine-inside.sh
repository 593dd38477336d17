#!/usr/bin/env bash
# engine-inside.sh ROOT DATA RUN NAME: becomes the first process of one engine. It runs in a mount and a process
# namespace of its own: whatever ends it, the mounts, containerd, shims and containers all go with it.
set -euo pipefail
# In a function, so that bash has read all of it: the file may be edited while the engine runs.
main() {
    root=$1 data=$2 run=$3 name=$4

    mount --make-rprivate /
    mount --bind "$root" "$root"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=0755 tmpfs "$root/run"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount --bind "$data" "$root/var/lib/docker"
    mount --bind "$run" "$root/bed"
    mount --bind "$run/resolv.conf" "$root/etc/resolv.conf"
    cd "$root"
    # Not chroot: runc calls pivot_root itself, which needs a root that is a mount point of this namespace.
    pivot_root . .old
    umount -l /.old

    export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
    # Not in this shell's place: the first process of a namespace must reap orphans, which dockerd does not.
    dockerd --config-file="/bed/$name.json" &
    engine=$!
    trap 'kill -TERM $engine 2>/dev/null' TERM INT
    while kill -0 $engine 2>/dev/null; do wait $engine || true; done
}

main "$@"
