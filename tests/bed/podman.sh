# shellcheck shell=bash
# podman and buildah: start and stop of the place in which they run, and the commands that run them there. Sourced.
# There are `main`, of the engines' own tree, and `other`, of another suite of Debian.

podman_root() { case $1 in main) piece_dir engine-root ;; other) piece_dir podman-root ;; esac; }
podman_bin() { case $1 in main) echo "$BED/bin" ;; other) echo "$BED/bin-other" ;; esac; }
podman_run() { "$(podman_bin "$1")/podman" "${@:2}"; }
podman_answers() { alive "podman-$1" && podman_run "$1" version >/dev/null 2>&1; }

podman_start() {
    local name=$1 data=$BED/engines/podman-$1 bin command
    podman_answers "$name" && return
    stop "podman-$name"
    say "starting podman $name"
    mkdir -p "$data"
    engine_resolv >"$BED_RUN/resolv.conf"
    spawn "podman-$name" unshare --mount --pid --fork --kill-child -- bash "$BED_SOURCE/podman-inside.sh" \
        "$(podman_root "$name")/root" "$data" "$BED_RUN" "$(ca_bundle)" "${TMPDIR:-/tmp}"
    bin=$(podman_bin "$name")
    mkdir -p "$bin"
    for command in podman buildah; do
        sed "s|@RUN@|$BED_RUN|; s|@NAME@|podman-$name|; s|@COMMAND@|$command|" >"$bin/$command.new" <<'EOT'
#!/bin/sh
# Runs @COMMAND@ where the bed has it, in the directory of whoever calls.
read -r outer _ <'@RUN@/@NAME@.pid' && inner=$(cat "/proc/$outer/task/$outer/children" 2>/dev/null) || {
    echo 'the bed is not up' >&2
    exit 125
}
export PATH=/usr/sbin:/usr/bin:/sbin:/bin PODMAN_IGNORE_CGROUPSV1_WARNING=1
exec /usr/bin/nsenter --target "${inner%% *}" --mount --pid --root -- /bin/sh -c 'cd "$0" 2>/dev/null || cd /; exec "$@"' "$PWD" @COMMAND@ "$@"
EOT
        chmod 755 "$bin/$command.new"
        mv "$bin/$command.new" "$bin/$command"
    done
    wait_until 60 "podman $name" podman_answers "$name"
}

podman_stop() {
    stop_inside "podman-$1"
    # What runtimes leave of containers that are gone.
    find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} + 2>/dev/null || true
}

# podman_load NAME PIECE IMAGE REFERENCE: an image of the bed under the name that specs have for it.
podman_load() {
    local name=$1 piece=$2 image=$3 reference=$4 mark=$BED/engines/podman-$1.$2.loaded stamp
    stamp=$(piece_stamp "$piece")
    if [ "$(cat "$mark" 2>/dev/null)" = "$stamp" ] && podman_run "$name" image exists "$reference"; then return; fi
    say "loading $reference into podman $name"
    {
        podman_run "$name" load --quiet --input "$(piece_dir "$piece")/image.tar"
        podman_run "$name" tag "$image" "$reference"
    } >"$BED_LOG/load-podman-$name.log" 2>&1 || die "cannot load $reference; see $BED_LOG/load-podman-$name.log"
    echo "$stamp" >"$mark"
}

# The names that specs have for the bed's images: those of the frontend's defaults.
podman_load_all() {
    podman_load "$1" image-debian "$BED_DEBIAN_IMAGE" docker.io/library/debian:bookworm-slim
    podman_load "$1" image-uv "$BED_UV_IMAGE" "ghcr.io/astral-sh/uv:$UV_VERSION"
    podman_load "$1" image-micromamba "$BED_MICROMAMBA_IMAGE" "docker.io/mambaorg/micromamba:$MICROMAMBA_TAG"
}
