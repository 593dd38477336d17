# Records which files several packages have, and what packages need.
# shellcheck shell=sh
# _python: the interpreter
# "$@": the prefix; then for each layer its directory and the packages in it, "--" before each
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"

mkdir -p "$_product$_kept"
run_plainly SHARED_AS="$_product$_kept/shared-files.json" "${_python:?}" -s -S -B "$_scripts/shared.py" "$@"
run_plainly "$_python" -s -S -B "$_scripts/needs.py" "$_product/needs.json" "$@"
