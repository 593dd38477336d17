# Files of an index never change under their name, which not every mirror says. Without this uv asks again for each that it
# knows. An image or an environment that configures uv is left alone.
if [ -z "${UV_CONFIG_FILE:-}${UV_NO_CONFIG:-}${UV_INDEX:-}${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}${UV_EXTRA_INDEX_URL:-}${UV_NO_INDEX:-}" ] \
  && [ ! -e /etc/uv/uv.toml ] && [ ! -e /root/.config/uv/uv.toml ]; then
  for index in $indexes; do
    printf '[[index]]\nurl = "%s"\ncache-control = { files = "max-age=365000000, immutable" }\n' "$index"
  done > /tmp/imagespec/uv.toml
  echo 'default = true' >> /tmp/imagespec/uv.toml
  export UV_CONFIG_FILE=/tmp/imagespec/uv.toml
fi
