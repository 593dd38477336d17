# Writes down what resolving must know of packages that apt installed: then it runs again only where that changes.
# shellcheck shell=sh
# _python: see installed.sh
# _bin: see lock_environment.sh
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/lock_environment.sh
. "$_scripts/lock_environment.sh"
# shellcheck source=src/plan/script/installed.sh
. "$_scripts/installed.sh"
{
  list_installed
  # Another interpreter, or another build of it.
  sha256sum < "$(readlink -f "$_python")" | sed 's/^/# /'
} > "$_product/installed.txt"
rm -rf "${_product:?}${_kept:?}"
