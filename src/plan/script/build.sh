# Builds a package and leaves its files, laid out as below an interpreter's prefix. Their times do not matter.
# shellcheck shell=sh
# _python, _bin, _secrets, _indexes: read by index_access.sh and the files after it
# _requirement: the line that names the package
# _copies, _texts, _git: read by context_files.sh
# _name: the package
# _settings: what uv's settings say of builds, as lines of a uv.toml
# "$@": uv's arguments
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/index_access.sh
. "$_scripts/index_access.sh"
# shellcheck source=src/plan/script/uv_environment.sh
. "$_scripts/uv_environment.sh"
# shellcheck source=src/plan/script/context_files.sh
. "$_scripts/context_files.sh"

# uv keeps what it built, and would take it again for other variables, headers and compilers.
_made_for=$({
  env | grep -v '^IMAGESPEC_STEP_'
  # Without isolation, a build sees what is installed.
  case " $* " in *" --no-build-isolation"*) ls "${_bin%/bin}"/lib/python3*/site-packages ;; esac
  cat /var/lib/dpkg/status
  ls /opt/micromamba/envs/runtime/conda-meta
} 2>/dev/null | sha256sum)
_config=/tmp/imagespec/uv.toml
if [ "${UV_CONFIG_FILE:-$_config}" = "$_config" ] && [ -n "${_settings?}" ]; then
  # Keys go before tables.
  touch "$_config"
  { printf '%s\n' "$_settings"; cat "$_config"; } > /tmp/imagespec/uv-of-builds.toml
  mv /tmp/imagespec/uv-of-builds.toml "$_config"
  export UV_CONFIG_FILE="$_config"
fi
case "${UV_CONFIG_FILE:-} $_settings" in
  *extra-build-variables*) export UV_NO_CACHE=1 ;;
  "$_config "*) printf '[extra-build-variables]\n%s = { IMAGESPEC_BUILT_FOR = "%s" }\n' "${_name:?}" "${_made_for%% *}" >> "$_config" ;;
  *) export UV_NO_CACHE=1 ;;
esac
printf '%s\n' "${_requirement:?}" > /tmp/imagespec/requirements.txt
"$_uv" pip install "$@" --requirement /tmp/imagespec/requirements.txt
rm -rf "$_product/.lock"
remove_build_notes "$_product"
find "$_product" -name __pycache__ -prune -exec rm -rf {} +
