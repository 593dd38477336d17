# uv's settings for making a lock.
# shellcheck shell=sh
# bin: the interpreter's directory of programs
mkdir -p "${product:?}${kept:?}"
export HOME=/root PYTHONHASHSEED=0 PATH="${bin:?}:$PATH"
export UV_CACHE_DIR="${uv_cache:?}" UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
