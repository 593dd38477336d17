# Builds a package and leaves its files, laid out as below an interpreter's prefix. Their times do not matter.
# shellcheck shell=sh
# _python, _bin, _secrets, _indexes: read by index_access.sh and the files after it
# _requirement: the line that names the package
# _copies: not empty if the package is in the context
# "$@": uv's arguments
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/index_access.sh
. "$_scripts/index_access.sh"
# shellcheck source=src/plan/script/uv_environment.sh
. "$_scripts/uv_environment.sh"

if [ -n "${_copies?}" ]; then copy_context; fi
printf '%s\n' "${_requirement:?}" > /tmp/imagespec/requirements.txt
"$_uv" pip install "$@" --requirement /tmp/imagespec/requirements.txt
rm -rf "$_product/.lock"
remove_install_times "$_product"
find "$_product" -name __pycache__ -prune -exec rm -rf {} +
