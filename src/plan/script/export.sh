# Lets uv write its lock of a project as a pylock.toml.
# shellcheck shell=sh
# python, bin, secrets, indexes: read by index_access.sh and the files after it
# directory: where the project is in the context
# copies: not empty where packages of the context may be built
# "$@": uv's arguments
# shellcheck source=src/plan/script/prelude.sh
. "${scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/index_access.sh
. "$scripts/index_access.sh"
# shellcheck source=src/plan/script/lock_environment.sh
. "$scripts/lock_environment.sh"

root=$context
if [ -n "${copies?}" ]; then copy_context; root=$work; fi
cd "$root/${directory?}"
"$uv" export --locked --format pylock.toml --no-header --no-emit-project "$@" > "$product$kept/pylock.toml"
run_plainly "${python:?}" -s -S -B "$scripts/interpreter.py" "$product$kept/interpreter.json"
