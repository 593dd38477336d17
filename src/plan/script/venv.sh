# Makes a virtual environment on an interpreter of the image, unless it exists.
# shellcheck shell=sh
# _prefix, _owner: the environment, its owner
# $1: the interpreter
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"

export HOME=/root UV_CACHE_DIR="$_uv_cache" UV_PYTHON_DOWNLOADS=never
# A bare name is what PATH finds, also in a virtual environment, which uv passes over.
_interpreter=$(command -v "$1") || _interpreter=$1
if [ ! -x "${_prefix:?}/bin/python" ]; then
  "$_uv" venv --python "$_interpreter" --system-site-packages "$_prefix"
  # One made on a virtual environment sees what lies below that one, not what is in it.
  if [ -x "$_interpreter" ]; then
    _seen=$(run_plainly "$_interpreter" -s -B "$_scripts/own_packages.py")
    for _site in "$_prefix"/lib/python3*/site-packages; do
      if [ -n "$_seen" ]; then printf '%s\n' "$_seen" > "$_site/imagespec_base.pth"; fi
    done
  fi
fi
rm -f "$_prefix/.lock"
_python=$_prefix/bin/python _settled=$_prefix
# shellcheck source=src/plan/script/settle_python.sh
. "$_scripts/settle_python.sh"
