# Downloads the wheels of many steps in advance. One program needs far fewer connections and name lookups than many
# that install at the same time. Installs work without it.
# shellcheck shell=sh
# _python, _bin, _secrets, _indexes: read by index_access.sh and the files after it
# _requirements: a line for each wheel
# _many: the fewest missing wheels worth fetching
# "$@": uv's arguments
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/index_access.sh
. "$_scripts/index_access.sh"
# shellcheck source=src/plan/script/uv_environment.sh
. "$_scripts/uv_environment.sh"

printf '%s\n' "${_requirements:?}" > /tmp/imagespec/requirements.txt
fetch() {
  "$_uv" pip install "$@" --no-deps --no-build --require-hashes --target /tmp/imagespec/fetched \
    --requirement /tmp/imagespec/requirements.txt
}
_missing=$(fetch "$@" --dry-run 2>&1 | sed -n 's/^Would download \([0-9]*\) .*/\1/p') || true
if [ "${_missing:-0}" -ge "${_many:?}" ]; then UV_LINK_MODE=symlink fetch "$@" || true; fi
