# Lets uv write its lock of a project as a pylock.toml.
# shellcheck shell=sh
# _python, _bin, _secrets, _indexes: read by index_access.sh and the files after it
# _directory: where the project is in the context
# _copies, _texts, _git: read by context_files.sh
# _sees_all: read by watch_builds.sh
# "$@": uv's arguments
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/index_access.sh
. "$_scripts/index_access.sh"
# shellcheck source=src/plan/script/lock_environment.sh
. "$_scripts/lock_environment.sh"
# shellcheck source=src/plan/script/watch_builds.sh
. "$_scripts/watch_builds.sh"
# shellcheck source=src/plan/script/context_files.sh
. "$_scripts/context_files.sh"

cd "${_root:?}/${_directory?}"
watch_builds "$_uv" export --format pylock.toml --no-header "$@" > "$_product$_kept/pylock.toml"
run_plainly "${_python:?}" -s -S -B "$_scripts/interpreter.py" "$_product$_kept/interpreter.json"
