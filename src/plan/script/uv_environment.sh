# uv's settings for installing.
# shellcheck shell=sh
# _bin: the interpreter's directory of programs
export HOME=/root UV_CACHE_DIR="${_uv_cache:?}" UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=0
# uv leaves a lock file next to the credentials, where a secret may be mounted.
_credentials=/root/.local/share/uv/credentials
[ -n "${UV_CREDENTIALS_DIR:-}" ] || [ -e "$_credentials" ] || export UV_CREDENTIALS_DIR=/tmp/imagespec/credentials
export PYTHONHASHSEED=0 PATH="${_bin:?}:$PATH"
