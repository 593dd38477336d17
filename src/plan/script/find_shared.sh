# Records which files several packages have.
# shellcheck shell=sh
# python: the interpreter
# "$@": the prefix; then for each layer its directory and the packages in it, "--" before each
# shellcheck source=src/plan/script/prelude.sh
. "${scripts:?}/prelude.sh"

mkdir -p "$product$kept"
run_plainly SHARED_AS="$product$kept/shared-files.json" "${python:?}" -s -S -B "$scripts/shared.py" "$@"
