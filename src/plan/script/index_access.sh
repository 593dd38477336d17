# What every step does first that asks an index: certificates, secrets, and how the indexes behave.
# shellcheck shell=sh
# secrets: pairs of an id and a path, as words of a shell
# indexes: URLs of the indexes, where nobody else configures uv; else empty
# shellcheck source=src/plan/script/trust.sh
. "${scripts:?}/trust.sh"

# Whoever prints the failure knows how a secret is given to this builder, and says so.
require_secrets() {
  while [ $# -gt 1 ]; do
    [ -e "$2" ] || { echo "missing secret: $1" >&2; exit 97; }
    shift 2
  done
}
eval "require_secrets ${secrets?}"

# Files of an index never change under their name, which not every mirror says. Without this uv asks again for each that it
# knows. An image or an environment that configures uv is left alone.
if [ -n "${indexes?}" ] \
  && [ -z "${UV_CONFIG_FILE:-}${UV_NO_CONFIG:-}${UV_INDEX:-}${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}${UV_EXTRA_INDEX_URL:-}${UV_NO_INDEX:-}" ] \
  && [ ! -e /etc/uv/uv.toml ] && [ ! -e /root/.config/uv/uv.toml ]; then
  for index in $indexes; do
    printf '[[index]]\nurl = "%s"\ncache-control = { files = "max-age=365000000, immutable" }\n' "$index"
  done > /tmp/imagespec/uv.toml
  echo 'default = true' >> /tmp/imagespec/uv.toml
  export UV_CONFIG_FILE=/tmp/imagespec/uv.toml
fi
