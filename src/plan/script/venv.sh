# Makes a virtual environment on an interpreter of the image, unless it exists.
# shellcheck shell=sh
# prefix, owner: the environment, its owner
# $1: the interpreter
# shellcheck source=src/plan/script/prelude.sh
. "${scripts:?}/prelude.sh"

export HOME=/root UV_CACHE_DIR="$uv_cache" UV_PYTHON_DOWNLOADS=never
if [ ! -x "${prefix:?}/bin/python" ]; then "$uv" venv --python "$1" --system-site-packages "$prefix"; fi
rm -f "$prefix/.lock"
python=$prefix/bin/python settled=$prefix
# shellcheck source=src/plan/script/settle_python.sh
. "$scripts/settle_python.sh"
