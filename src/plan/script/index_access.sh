# Sourced by every step that uses an index: certificates, secrets, and how the indexes behave.
# shellcheck shell=sh
# _secrets: pairs of an id and a path, as words of a shell
# _indexes: URLs of the indexes; empty if anything else configures uv
# shellcheck source=src/plan/script/trust.sh
. "${_scripts:?}/trust.sh"

# Whoever reports the failure knows how to give this builder a secret, and says so.
require_secrets() {
  while [ $# -gt 1 ]; do
    [ -e "$2" ] || { echo "missing secret: $1" >&2; exit 97; }
    shift 2
  done
}
eval "require_secrets ${_secrets?}"

# Files of an index never change, but not every mirror's headers say so; without this uv revalidates each known file.
# Not for an image or an environment that configures uv.
if [ -n "${_indexes?}" ] \
  && [ -z "${UV_CONFIG_FILE:-}${UV_NO_CONFIG:-}${UV_INDEX:-}${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}${UV_EXTRA_INDEX_URL:-}${UV_NO_INDEX:-}" ] \
  && [ ! -e /etc/uv/uv.toml ] && [ ! -e /root/.config/uv/uv.toml ]; then
  for _index in $_indexes; do
    printf '[[index]]\nurl = "%s"\ncache-control = { files = "max-age=365000000, immutable" }\n' "$_index"
  done > /tmp/imagespec/uv.toml
  echo 'default = true' >> /tmp/imagespec/uv.toml
  export UV_CONFIG_FILE=/tmp/imagespec/uv.toml
fi
