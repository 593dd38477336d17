# Records what decides markers and wheel tags.
# shellcheck shell=sh
# _python: the interpreter
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"

mkdir -p "$_product$_kept"
run_plainly "${_python:?}" -s -S -B "$_scripts/interpreter.py" "$_product$_kept/interpreter.json"
