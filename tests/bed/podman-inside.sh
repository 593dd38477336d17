#!/usr/bin/env bash
# podman-inside.sh ROOT DATA RUN CA TMP: becomes the first process of the place in which podman and buildah run: a mount and
# a process namespace of its own, so that nothing of them outlives it. They have no daemon: tests/bed/podman enters it.
set -euo pipefail
main() {
    root=$1 data=$2 run=$3 ca=$4 tmp=$5

    mount --make-rprivate /
    mount --bind "$root" "$root"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=0755 tmpfs "$root/run"
    mount -t tmpfs -o mode=0755 tmpfs "$root/bed"
    mount --bind "$data" "$root/var/lib/containers"
    mount --bind "$run/resolv.conf" "$root/etc/resolv.conf"
    # What commands of the tests name: their directories, the machine's certificates, and what the bed has in files.
    for place in /tmp "$tmp" "$BED" "$ca"; do
        if [ -d "$place" ]; then mkdir -p "$root$place"; else
            mkdir -p "$root${place%/*}"
            touch "$root$place"
        fi
        mount --bind "$place" "$root$place"
    done
    # Settings of this machine's, over those of the tree.
    mkdir -p "$root/bed/containers"
    cp -a "$root/etc/containers/." "$root/bed/containers/"
    settings >"$root/bed/containers/containers.conf"
    mount --bind "$root/bed/containers" "$root/etc/containers"
    cd "$root"
    # Not chroot: runc calls pivot_root itself, which needs a root that is a mount point of this namespace.
    pivot_root . .old
    umount -l /.old
    # A runtime takes one of the two kinds of control groups, not both at once.
    umount /sys/fs/cgroup/unified 2>/dev/null || true

    # A shell as the first process: it reaps what others leave behind.
    sleep infinity &
    sleeper=$!
    trap 'kill -TERM $sleeper 2>/dev/null' TERM INT
    while kill -0 $sleeper 2>/dev/null; do wait $sleeper || true; done
}

# Without the right to raise limits, those that there are; and the host's network, so that nothing of it is changed.
settings() {
    cat <<EOT
[containers]
default_ulimits = ["nofile=$(ulimit -Hn):$(ulimit -Hn)", "nproc=$(ulimit -Hu):$(ulimit -Hu)"]
netns = "host"
[engine]
runtime = "runc"
EOT
}

main "$@"
