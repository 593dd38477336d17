# Decides which packages are installed, installs them, and keeps the lock: for a builder that nobody watches.
# shellcheck shell=sh
# _how: how the lock is made, `resolve` or `export`; that script reads the other variables and the arguments
# _part: `whole`, `wheels` where another step follows that may build, `rest` in that one, `try` to fail where one would
# _describes: empty where the image keeps nothing about itself
# _prefix, _owner: see settle_python.sh
# _arguments: uv's arguments for installing, as words of a shell
# _only_index: the index, if there is one alone
# _build_texts: as _texts, where packages are built: there all else is as it is
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"
_unbuilt=$_kept/unbuilt
if [ "${_part:?}" = rest ]; then
  if [ ! -e "$_unbuilt" ]; then exit 0; fi
  rm "$_unbuilt"
fi
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
  _texts=$_build_texts
  eval "prepare_checkouts ${_checkouts?}"
fi
mkdir -p "${_kept:?}"
cp "${_product:?}$_kept/pylock.toml" "$_product$_kept/interpreter.json" "$_kept/"
rm -rf "$_product"
rmdir "${_product%/*}" 2>/dev/null || true
# Paths in a lock are relative to where it lies: where it was made, if projects are among them.
_installed=/tmp/imagespec/pylock.toml
if [ -n "$_copies" ]; then _installed=$_work/${_directory:+$_directory/}pylock.imagespec.toml; fi
mkdir -p "${_installed%/*}"
# What is installed by reference to a directory of this step would be gone with it.
sed -E 's/, editable = (true|false)//; s/editable = (true|false), //' "$_kept/pylock.toml" > "$_installed"
if [ -z "$_copies" ] && grep -q 'path = ' "$_installed"; then _installed=$_kept/pylock.toml; fi
# uv finds wheels of a lock in its cache only where the lock names their index.
if [ -n "${_only_index?}" ] && [ "${UV_CONFIG_FILE:-}" = /tmp/imagespec/uv.toml ] && [ "$_installed" != "$_kept/pylock.toml" ]; then
  _index=$(printf %s "$_only_index" | sed 's/[&|\\]/\\&/g')
  sed -i "s|^version = .*|&\nindex = \"$_index\"|" "$_installed"
fi
install() { watch_builds "${_uv:?}" pip install "$@" --requirements "$_installed"; }
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
if [ -z "${_describes?}" ]; then rm -rf "${_kept:?}"; fi
_settled=$_prefix
# shellcheck source=src/plan/script/settle_python.sh
. "$_scripts/settle_python.sh"
