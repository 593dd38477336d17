# Records what decides markers and wheel tags.
# shellcheck shell=sh
# python: the interpreter
# shellcheck source=src/plan/script/prelude.sh
. "${scripts:?}/prelude.sh"

mkdir -p "$product$kept"
run_plainly "${python:?}" -s -S -B "$scripts/interpreter.py" "$product$kept/interpreter.json"
