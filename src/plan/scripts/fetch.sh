# One program needs far fewer connections and name lookups than many that install at the same time. These can do without it.
fetch() { "$uv" pip install "$@" --no-deps --no-build --require-hashes --target /tmp/imagespec/fetched --requirement /tmp/imagespec/requirements.txt; }
missing=$(fetch "$@" --dry-run 2>&1 | sed -n 's/^Would download \([0-9]*\) .*/\1/p') || true
if [ "${missing:-0}" -ge "$many" ]; then UV_LINK_MODE=symlink fetch "$@" || true; fi
