# Builds a package and leaves its files, laid out as below an interpreter's prefix. Their times do not matter.
# shellcheck shell=sh
# python, bin, secrets, indexes: read by index_access.sh and the files after it
# requirement: the line that names the package
# copies: not empty if the package is in the context
# "$@": uv's arguments
# shellcheck source=src/plan/script/prelude.sh
. "${scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/index_access.sh
. "$scripts/index_access.sh"
# shellcheck source=src/plan/script/uv_environment.sh
. "$scripts/uv_environment.sh"

if [ -n "${copies?}" ]; then copy_context; fi
printf '%s\n' "${requirement:?}" > /tmp/imagespec/requirements.txt
"$uv" pip install "$@" --requirement /tmp/imagespec/requirements.txt
rm -rf "$product/.lock"
remove_install_times "$product"
find "$product" -name __pycache__ -prune -exec rm -rf {} +
