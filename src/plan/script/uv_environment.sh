# What uv is told when it installs.
# shellcheck shell=sh
# bin: the interpreter's directory of programs
export HOME=/root UV_CACHE_DIR="${uv_cache:?}" UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=0
# Whoever asks an index leaves a lock file beside the credentials; a secret may be mounted there.
credentials=/root/.local/share/uv/credentials
[ -n "${UV_CREDENTIALS_DIR:-}" ] || [ -e "$credentials" ] || export UV_CREDENTIALS_DIR=/tmp/imagespec/credentials
export PYTHONHASHSEED=0 PATH="${bin:?}:$PATH"
