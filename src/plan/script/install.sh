# Installs exactly what a lock names.
# shellcheck shell=sh
# _python, _bin, _prefix, _owner, _secrets, _indexes: read by index_access.sh and the files after it
# _requirements: a line for each wheel, empty where there is none
# _built: packages that other steps built
# _names: all packages, if files of several have to be settled; else empty
# _in_context: not empty where a wheel lies in the context
# "$@": uv's arguments
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/index_access.sh
. "$_scripts/index_access.sh"
# shellcheck source=src/plan/script/uv_environment.sh
. "$_scripts/uv_environment.sh"

if [ -n "${_requirements?}" ]; then
  printf '%s\n' "$_requirements" > /tmp/imagespec/requirements.txt
  # Wheels that were fetched before need no network; the offline attempt prints nothing if it fails.
  install() {
    if "$_uv" pip install --offline "$@" 2>/tmp/imagespec/offline.log; then cat /tmp/imagespec/offline.log >&2
    else "$_uv" pip install "$@"; fi
  }
  install "$@"
fi
for _name in ${_built?}; do
  # An older version in the image below would leave files behind.
  HOME=/tmp/home UV_CACHE_DIR=/tmp/imagespec/cache "$_uv" pip uninstall -q --python "${_python:?}" "$_name" 2>/dev/null || true
  cp -R "$_built_packages/$_name/." "${_prefix:?}/"
done
if [ -n "${_names?}" ]; then
  # shellcheck source=src/plan/script/last_by_name.sh
  . "$_scripts/last_by_name.sh"
fi
rm -f "$_prefix/.lock" "${_credentials:?}/credentials.toml.lock"
if [ -n "${_in_context?}" ]; then remove_build_notes "$_prefix"; fi
_settled=$_prefix
# shellcheck source=src/plan/script/settle_python.sh
. "$_scripts/settle_python.sh"
