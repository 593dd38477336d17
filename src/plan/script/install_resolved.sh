# Decides which packages are installed, installs them, and keeps the lock: for a builder that nobody watches.
# shellcheck shell=sh
# _how: how the lock is made, `resolve` or `export`; that script reads the other variables and the arguments
# _prefix, _owner: see settle_python.sh
# _arguments: uv's arguments for installing, as words of a shell
# _build_texts: as _texts, where packages are built: there all else is as it is
case "${_how:?}" in
  resolve)
    # shellcheck source=src/plan/script/resolve.sh
    . "${_scripts:?}/resolve.sh"
    ;;
  *)
    # shellcheck source=src/plan/script/export.sh
    . "${_scripts:?}/export.sh"
    ;;
esac
# shellcheck source=src/plan/script/uv_environment.sh
. "$_scripts/uv_environment.sh"

# What resolving saw of the context is less than what builds see.
cd / && rm -rf "${_work:?}"
if [ -n "${_copies?}" ]; then
  copy_context
  eval "write_texts ${_build_texts?}"
fi
mkdir -p "${_kept:?}"
cp "${_product:?}$_kept/pylock.toml" "$_product$_kept/interpreter.json" "$_kept/"
rm -rf "$_product"
rmdir "${_product%/*}" 2>/dev/null || true
install() { "${_uv:?}" pip install "$@" --requirements "$_kept/pylock.toml"; }
eval "set -- ${_arguments:?}"
install "$@"
_names=$(sed -n '/^\[\[packages\]\]/{n;s/^name = "\(.*\)"$/\1/p}' "$_kept/pylock.toml")
_built=
# shellcheck source=src/plan/script/last_by_name.sh
. "$_scripts/last_by_name.sh"
rm -f "${_prefix:?}/.lock" "${_credentials:?}/credentials.toml.lock"
remove_build_notes "$_prefix"
# shellcheck source=src/plan/script/record_shared.sh
. "$_scripts/record_shared.sh"
touch -d "@${_time:?}" "$_kept" "$_kept/pylock.toml" "$_kept/interpreter.json"
_settled=$_prefix
# shellcheck source=src/plan/script/settle_python.sh
. "$_scripts/settle_python.sh"
