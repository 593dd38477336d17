# uv's settings for making a lock.
# shellcheck shell=sh
# _bin: the interpreter's directory of programs
mkdir -p "${_product:?}${_kept:?}"
export HOME=/root PYTHONHASHSEED=0 PATH="${_bin:?}:$PATH"
export UV_CACHE_DIR="${_uv_cache:?}" UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
