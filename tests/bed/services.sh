# shellcheck shell=bash
# The registry and the server of the channel and the indexes. Sourced.

port_free() { ! (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# choose_port SERVICE ADDRESS PREFERRED: the port that the running service has, else the preferred one or the next free.
# It is kept in a file, since `env` and the images need it too.
choose_port() {
    local service=$1 address=$2 port=$3 file=$BED_RUN/$1.port
    if alive "$service" && [ -s "$file" ]; then return; fi
    while ! port_free "$address" "$port"; do
        port=$((port + 1))
        [ "$port" -lt $(($3 + 50)) ] || die "no free port for $service from $3 on"
    done
    [ "$port" = "$3" ] || say "port $3 is somebody else's; $service gets $port"
    echo "$port" >"$file"
}

service_port() { cat "$BED_RUN/$1.port"; }
server_address() { echo "$BED_ADDRESS:$(service_port server)"; }

registry_answers() { alive registry && curl -fsS --noproxy '*' "http://127.0.0.1:$(service_port registry)/v2/"; }

registry_start() {
    choose_port registry 127.0.0.1 "${IMAGESPEC_BED_REGISTRY_PORT:-5000}"
    registry_answers >/dev/null 2>&1 && return
    stop registry
    say "starting the registry"
    mkdir -p "$BED/registry"
    cat >"$BED_RUN/registry.yml" <<EOT
version: 0.1
storage:
  filesystem: {rootdirectory: $BED/registry}
  delete: {enabled: true}
http: {addr: "127.0.0.1:$(service_port registry)"}
log: {level: warn, accesslog: {disabled: true}}
EOT
    spawn registry "$(piece_dir client)/bin/docker-registry" serve "$BED_RUN/registry.yml"
    wait_until 20 "the registry" registry_answers
}

server_answers() {
    alive server && curl -sS --noproxy '*' -o "$BED_RUN/server.answer" "http://$(server_address)/"
}

server_start() {
    if [ ! -s "$BED/private-index-password" ]; then
        (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$BED/private-index-password")
    fi
    choose_port server "$BED_ADDRESS" "${IMAGESPEC_BED_HTTP_PORT:-8213}"
    # A server that runs an older text of its program is replaced.
    if server_answers >/dev/null 2>&1 && cmp -s "$BED_SOURCE/server.py" "$BED_RUN/server.py"; then return; fi
    stop server
    say "starting the server of channel and indexes"
    cp "$BED_SOURCE/server.py" "$BED_RUN/server.py"
    spawn server python3 -u "$BED_RUN/server.py" "$BED_ADDRESS" "$(service_port server)" "$BED/pieces" "$BED/private-index-password"
    wait_until 20 "the server of channel and indexes" server_answers
}
