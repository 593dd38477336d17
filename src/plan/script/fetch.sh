# Downloads the wheels of many steps in advance. One program needs far fewer connections and name lookups than many
# that install at the same time. Installs work without it.
# shellcheck shell=sh
# python, bin, secrets, indexes: read by index_access.sh and the files after it
# requirements: a line for each wheel
# many: the fewest missing wheels worth fetching
# "$@": uv's arguments
# shellcheck source=src/plan/script/prelude.sh
. "${scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/index_access.sh
. "$scripts/index_access.sh"
# shellcheck source=src/plan/script/uv_environment.sh
. "$scripts/uv_environment.sh"

printf '%s\n' "${requirements:?}" > /tmp/imagespec/requirements.txt
fetch() {
  "$uv" pip install "$@" --no-deps --no-build --require-hashes --target /tmp/imagespec/fetched \
    --requirement /tmp/imagespec/requirements.txt
}
missing=$(fetch "$@" --dry-run 2>&1 | sed -n 's/^Would download \([0-9]*\) .*/\1/p') || true
if [ "${missing:-0}" -ge "${many:?}" ]; then UV_LINK_MODE=symlink fetch "$@" || true; fi
