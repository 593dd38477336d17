# Settles files that several packages have, for a builder that nobody watches: they are found and kept in one step.
# shellcheck shell=sh
# _python, _bin, _prefix, _owner, _secrets, _indexes: read by index_access.sh and the files after it
# _requirements: a line for each wheel
# _built, _names: read by last_by_name.sh
# _in_context: not empty where a wheel lies in the context
# "$@": uv's arguments
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/index_access.sh
. "$_scripts/index_access.sh"
# shellcheck source=src/plan/script/uv_environment.sh
. "$_scripts/uv_environment.sh"

printf '%s\n' "${_requirements?}" > /tmp/imagespec/requirements.txt
install() { "$_uv" pip install "$@"; }
# shellcheck source=src/plan/script/last_by_name.sh
. "$_scripts/last_by_name.sh"
rm -f "${_prefix:?}/.lock" "${_credentials:?}/credentials.toml.lock"
if [ -n "${_in_context?}" ]; then remove_build_notes "$_prefix"; fi
# shellcheck source=src/plan/script/record_shared.sh
. "$_scripts/record_shared.sh"
if [ -z "${_describes?}" ]; then rm -rf "${_kept:?}"; fi
_settled=$_prefix
# shellcheck source=src/plan/script/settle_python.sh
. "$_scripts/settle_python.sh"
