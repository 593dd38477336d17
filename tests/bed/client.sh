#!/usr/bin/env bash
# client.sh DIR: the docker command, its buildx plugin and the registry, runnable on this machine. Debian's are copied out of the
# engine's tree; where this machine's C library is too old for them, a wrapper starts them with the tree's own loader.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
out=$1
root=$(piece_dir engine-root)/root
mkdir -p "$out/bin" "$out/cli-plugins"

take() {
    local from=$1 to=$2
    shift 2
    cp "$root/$from" "$to"
    "$to" "$@" >/dev/null 2>&1 && return
    cat >"$to" <<EOT
#!/bin/sh
lib=$root/usr/lib/$(uname -m)-linux-gnu
exec "$root$(chroot "$root" readlink -f /lib64/ld-linux-x86-64.so.2)" --library-path "\$lib" "$root/$from" "\$@"
EOT
    chmod 755 "$to"
    "$to" "$@"
}

take usr/bin/docker "$out/bin/docker" --version
take usr/libexec/docker/cli-plugins/docker-buildx "$out/cli-plugins/docker-buildx" version
take usr/bin/docker-registry "$out/bin/docker-registry" --version
