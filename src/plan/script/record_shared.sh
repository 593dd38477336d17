# Keeps which files several packages have, and says what packages miss.
# shellcheck shell=sh
# _python, _prefix, _names: see last_by_name.sh
mkdir -p "${_kept:?}"
# shellcheck disable=SC2086 # words
run_plainly SHARED_AS="$_kept/shared-files.json" "${_python:?}" -s -S -B "${_scripts:?}/shared.py" "${_prefix:?}" -- / ${_names:?}
touch -d "@${_time:?}" "$_kept/shared-files.json" "$_kept"
"${_uv:?}" pip check --python "$_python" || echo 'warning: packages miss something, see above' >&2
