# shellcheck shell=bash
# Shared by every part of the test bed: where things lie, progress lines, pieces, processes. Sourced, never run.

BED_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BED=${IMAGESPEC_BED:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/imagespec-bed}
case $BED in /*) ;; *) BED=$PWD/$BED ;; esac
BED_RUN=$BED/run       # sockets, pid files, state of what runs now
BED_LOG=$BED/log
# The first two bytes of every address that the bed uses; `up` writes them down for `env` and `down`.
BED_NET=${IMAGESPEC_BED_NET:-$(cat "$BED/net" 2>/dev/null || echo 10.213)}
BED_ADDRESS=$BED_NET.0.1             # the host, as the containers of both engines see it
export BED BED_SOURCE BED_RUN BED_LOG BED_NET BED_ADDRESS

say() { printf 'bed: %s\n' "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}

# The certificate bundle of this machine, the one that its own clients trust.
ca_bundle() {
    local file
    for file in "${SSL_CERT_FILE:-}" "${CURL_CA_BUNDLE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
        if [ -n "$file" ] && [ -s "$file" ]; then
            printf '%s\n' "$file"
            return
        fi
    done
    die "no CA bundle found; install ca-certificates or set SSL_CERT_FILE"
}

# Installs Debian packages for the commands that are missing: need_tools command=package ...
need_tools() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    need_packages ${missing[@]+"${missing[@]}"}
}

need_packages() {
    [ $# -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then die "missing on this machine, please install: $*"; fi
    say "installing $*"
    {
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" ||
            { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; }
    } >>"$BED_LOG/host-packages.log" 2>&1 </dev/null || die "cannot install $*; see $BED_LOG/host-packages.log"
}

piece_dir() { printf '%s/pieces/%s\n' "$BED" "$1"; }
piece_stamp() { cat "$BED/pieces/$1/.stamp"; }

# piece_hash SCRIPT [INPUT...]: names what a piece is made of. An INPUT is a file, or a text such as another piece's stamp.
piece_hash() {
    local input
    for input in "$@"; do
        if [ -f "$input" ]; then sha256sum <"$input"; else printf '%s\n' "$input"; fi
    done | sha256sum | cut -c1-32
}

# True when the piece exists and was made of exactly this.
piece_fresh() {
    local name=$1
    shift
    [ "$(piece_stamp "$name" 2>/dev/null)" = "$(piece_hash "$@")" ]
}

# piece NAME SCRIPT [INPUT...]: runs `SCRIPT DIR` to fill an empty directory, then puts it in place with its stamp in it,
# so that a piece is either whole or absent. Does nothing when script and inputs are the ones it was made of.
piece() {
    local name=$1 script=$2 dir tmp started=$SECONDS
    shift
    dir=$(piece_dir "$name")
    tmp=$dir.tmp
    ! piece_fresh "$name" "$@" || return 0
    say "making $name"
    remove_tree "$tmp"
    mkdir -p "$tmp"
    bash "$BED_SOURCE/$(basename "$script")" "$tmp" >"$BED_LOG/$name.log" 2>&1 </dev/null || {
        tail -n 15 "$BED_LOG/$name.log" | sed 's/^/bed:   | /' >&2
        die "cannot make $name; see $BED_LOG/$name.log"
    }
    piece_hash "$@" >"$tmp/.stamp"
    remove_tree "$dir"
    mv "$tmp" "$dir"
    say "made $name in $((SECONDS - started)) s"
}

# A tree that still has something mounted below it is never deleted: the mount could be the machine's own /dev.
remove_tree() {
    [ -e "$1" ] || return 0
    local mounted
    mounted=$(awk -v top="$1/" 'index($5, top) == 1 { print $5 }' /proc/self/mountinfo | sort -r)
    if [ -n "$mounted" ]; then
        printf '%s\n' "$mounted" | while read -r point; do umount -l "$point"; done
    fi
    rm -rf --one-file-system "$1"
}

# Processes. A pid file holds "PID STARTTIME": the start time tells our process from a later one with the same number.
# A zombie has ended, whether or not anybody has waited for it.
start_time() { awk '{ sub(/^.*\) /, ""); if ($1 != "Z") print $20 }' "/proc/$1/stat" 2>/dev/null; }

alive() {
    local pid='' began=''
    [ -s "$BED_RUN/$1.pid" ] || return 1
    read -r pid began <"$BED_RUN/$1.pid" || true
    [ -n "$pid" ] && [ -n "$began" ] && [ "$(start_time "$pid")" = "$began" ]
}

# spawn NAME COMMAND...: starts it detached from this shell and records it. It gets none of our descriptors: an inherited
# pipe would keep its reader waiting for ever, and the lock's descriptor would hold the lock.
spawn() {
    local name=$1 pid
    shift
    (
        for fd in /proc/self/fd/*; do
            fd=${fd##*/}
            [ "$fd" -le 2 ] || eval "exec $fd>&-"
        done
        exec setsid "$@"
    ) >"$BED_LOG/$name.log" 2>&1 </dev/null &
    pid=$!
    printf '%s %s\n' "$pid" "$(start_time "$pid")" >"$BED_RUN/$name.pid"
}

# stop NAME: asks, waits ten seconds, then kills.
stop() {
    local name=$1 pid _
    if alive "$name"; then
        read -r pid _ <"$BED_RUN/$name.pid"
        say "stopping $name"
        kill -TERM "$pid" 2>/dev/null || true
        for _ in $(seq 100); do
            alive "$name" || break
            sleep 0.1
        done
        if alive "$name"; then kill -KILL "$pid" 2>/dev/null || true; fi
    fi
    rm -f "$BED_RUN/$name.pid"
}

# wait_until SECONDS WHAT COMMAND...
wait_until() {
    local limit=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$limit" ] || die "$what did not come up; see $BED_LOG"
        sleep 0.1
    done
}
