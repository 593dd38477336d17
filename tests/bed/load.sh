# shellcheck shell=bash
# Puts the pieces that hold an image into the engines. Sourced.

# load ENGINE PIECE IMAGE: unless this very archive was loaded and the image is still there.
load() {
    local engine=$1 name=$2 image=$3 mark=$BED/engines/$1.$2.loaded stamp before
    stamp=$(piece_stamp "$name")
    if [ "$(cat "$mark" 2>/dev/null)" = "$stamp" ] && engine_docker "$engine" image inspect "$image" >/dev/null 2>&1; then
        return
    fi
    say "loading $image into $engine"
    before=$(engine_docker "$engine" image inspect --format '{{.Id}}' "$image" 2>/dev/null || true)
    engine_docker "$engine" load --quiet --input "$(piece_dir "$name")/image.tar" >"$BED_LOG/load-$engine.log" 2>&1 ||
        die "cannot load $image into $engine; see $BED_LOG/load-$engine.log"
    if [ -n "$before" ] && [ "$before" != "$(engine_docker "$engine" image inspect --format '{{.Id}}' "$image")" ]; then
        engine_docker "$engine" image rm "$before" >/dev/null 2>&1 || true
    fi
    # One build unpacks it. Where several are the first at once, later ones do not find what they made.
    printf 'FROM %s\nWORKDIR /first\n' "$image" | engine_docker "$engine" buildx build --quiet --output type=cacheonly - >/dev/null 2>>"$BED_LOG/load-$engine.log" ||
        die "cannot build on $image in $engine; see $BED_LOG/load-$engine.log"
    echo "$stamp" >"$mark"
}
