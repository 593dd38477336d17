# Makes a virtual environment on an interpreter of the image, unless it exists.
# shellcheck shell=sh
# _prefix, _owner: the environment, its owner
# $1: the interpreter
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"

export HOME=/root UV_CACHE_DIR="$_uv_cache" UV_PYTHON_DOWNLOADS=never
if [ ! -x "${_prefix:?}/bin/python" ]; then "$_uv" venv --python "$1" --system-site-packages "$_prefix"; fi
rm -f "$_prefix/.lock"
_python=$_prefix/bin/python _settled=$_prefix
# shellcheck source=src/plan/script/settle_python.sh
. "$_scripts/settle_python.sh"
