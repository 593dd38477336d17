# shellcheck shell=bash
# One Docker Engine: its configuration, network, start and stop. Sourced. Engines: main (containerd image store),
# classic (overlay2) and empty (as main, without anything in it), numbered 0 to 2, which also numbers bridge and subnet.

engine_number() { case $1 in main) echo 0 ;; classic) echo 1 ;; empty) echo 2 ;; esac; }
# Named after the directory, so that a second bed cannot take the first one's bridge for its own.
engine_bridge() { printf 'imgbed%.6s%s\n' "$(printf %s "$BED" | sha256sum)" "$(engine_number "$1")"; }
engine_socket() { case $1 in main) echo docker.sock ;; *) echo "$1.sock" ;; esac; }
engine_host() { echo "unix://$BED_RUN/$(engine_socket "$1")"; }
engine_docker() {
    local name=$1
    shift
    DOCKER_CONFIG=$BED/docker-config "$BED/bin/docker" -H "$(engine_host "$name")" "$@"
}
engine_answers() { alive "engine-$1" && engine_docker "$1" version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# The engines run with "iptables": false, since two of them would flush each other's chains; the few rules that their
# containers need are these. $1 is -I or -D.
engine_rules() {
    local action=$1 bridge=$2 subnet=$3 table chain
    while read -r table chain rule; do
        # shellcheck disable=SC2086 # the rule is a list of words
        if [ "$action" = -D ]; then
            while bed_iptables -t "$table" -D "$chain" $rule 2>/dev/null; do :; done
        else
            bed_iptables -t "$table" -C "$chain" $rule 2>/dev/null || bed_iptables -t "$table" -I "$chain" $rule
        fi
    done <<EOT
nat POSTROUTING -s $subnet ! -d $BED_NET.0.0/16 -j MASQUERADE
filter FORWARD -i $bridge -j ACCEPT
filter FORWARD -o $bridge -j ACCEPT
filter INPUT -i $bridge -j ACCEPT
EOT
}

# The engine root's own iptables: a bare machine has none.
bed_iptables() { chroot "$(piece_dir engine-root)/root" iptables -w "$@"; }

engine_network_up() {
    local bridge address
    bridge=$(engine_bridge "$1")
    address=$BED_NET.$(engine_number "$1").1
    ip link show "$bridge" >/dev/null 2>&1 || ip link add "$bridge" type bridge
    if ip -4 route show "${address%.*}.0/24" | grep -qv "dev $bridge "; then
        ip link del "$bridge"
        die "this machine already has a route to ${address%.*}.0/24; choose another net with IMAGESPEC_BED_NET"
    fi
    ip -4 addr show dev "$bridge" | grep -q "inet $address/" || ip addr add "$address/24" dev "$bridge"
    # A bridge without an address of its own takes one of its ports', another whenever a container comes or goes, and the
    # neighbours' packets to the old one are lost.
    ip link set "$bridge" address "02:1a:6e:00:00:0$(($(engine_number "$1") + 1))" up
    echo 1 >/proc/sys/net/ipv4/ip_forward
    engine_rules -I "$bridge" "${address%.*}.0/24"
}

engine_network_down() {
    local bridge
    bridge=$(engine_bridge "$1")
    ip link show "$bridge" >/dev/null 2>&1 || return 0
    engine_rules -D "$bridge" "$BED_NET.$(engine_number "$1").0/24"
    ip link del "$bridge"
}

engine_config() {
    local name=$1 number store device mtu
    number=$(engine_number "$name")
    store=true
    [ "$name" != classic ] || store=false
    # Packets larger than the way out takes would be lost where "fragmentation needed" messages are.
    device=$(ip -4 route show default | awk '{ for (i = 1; i < NF; i++) if ($i == "dev") { print $(i + 1); exit } }')
    mtu=$(cat "/sys/class/net/${device:-lo}/mtu")
    [ "$mtu" -le 1500 ] || mtu=1500
    cat <<EOT
{
  "hosts": ["unix:///bed/$(engine_socket "$name")"],
  "group": "root",
  "data-root": "/var/lib/docker",
  "exec-root": "/run/docker",
  "pidfile": "/run/docker.pid",
  "features": {"containerd-snapshotter": $store},
  $([ $store = true ] || echo '"storage-driver": "overlay2",')
  "bridge": "$(engine_bridge "$name")",
  "mtu": $mtu,
  "iptables": false,
  "ip6tables": false,
  "userland-proxy": true,
  "default-address-pools": [{"base": "$BED_NET.$((16 + 16 * number)).0/20", "size": 24}],
  "insecure-registries": ["127.0.0.0/8"],
  "builder": {"gc": {"enabled": true, "defaultKeepStorage": "20GB"}, "entitlements": {"network-host": true}}
}
EOT
}

# The nameservers that containers can reach: a stub resolver on a loopback address is none.
engine_resolv() {
    local file=/etc/resolv.conf
    if ! grep -E '^nameserver' "$file" | grep -qvE 'nameserver (127\.|::1)' && [ -s /run/systemd/resolve/resolv.conf ]; then
        file=/run/systemd/resolve/resolv.conf
    fi
    cat "$file"
}

engine_start() {
    local name=$1 data=$BED/engines/$1 inside
    engine_network_up "$name"
    engine_answers "$name" && return
    stop "engine-$name"
    say "starting engine $name"
    mkdir -p "$data"
    engine_config "$name" >"$BED_RUN/$name.json"
    engine_resolv >"$BED_RUN/resolv.conf"
    rm -f "$BED_RUN/$(engine_socket "$name")"
    inside=$(piece_dir engine-root)/root
    # --kill-child: the namespace's first process, and so all of them, ends with the process that the pid file names.
    spawn "engine-$name" unshare --mount --pid --fork --kill-child -- \
        bash "$BED_SOURCE/engine-inside.sh" "$inside" "$data" "$BED_RUN" "$name"
    wait_until 60 "engine $name" engine_answers "$name"
}

engine_stop() {
    stop_inside "engine-$1"
    engine_network_down "$1"
    rm -f "$BED_RUN/$(engine_socket "$1")"
}

# `unshare` does not pass signals on: the request to end goes to its child, the namespace's first process.
stop_inside() {
    local pid child _
    if alive "$1"; then
        read -r pid _ <"$BED_RUN/$1.pid"
        while read -r -d ' ' child; do kill -TERM "$child" 2>/dev/null || true; done <"/proc/$pid/task/$pid/children"
        for _ in $(seq 150); do
            alive "$1" || break
            sleep 0.1
        done
    fi
    stop "$1"
}
