# uv's settings for making a lock, and files that it reads.
# shellcheck shell=sh
# _bin: the interpreter's directory of programs
# _contents: pairs of a path in the context and what the file there says, as words of a shell
mkdir -p "${_product:?}${_kept:?}"
export HOME=/root PYTHONHASHSEED=0 PATH="${_bin:?}:$PATH"
export UV_CACHE_DIR="${_uv_cache:?}" UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never

write_contents() {
  while [ $# -gt 1 ]; do
    mkdir -p "$(dirname "${_context:?}/$1")"
    printf '%s\n' "$2" > "$_context/$1"
    shift 2
  done
}
eval "write_contents ${_contents?}"
