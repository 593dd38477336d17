# Lets uv decide which packages are installed, and write a pylock.toml.
# shellcheck shell=sh
# _python, _bin, _secrets, _indexes: read by index_access.sh and the files after it
# _directory: where the requirements file is in the context
# _copies, _texts, _git: read by context_files.sh
# _packages: requirements, a line each; may be empty
# _bounds: what limits versions, a line each; may be empty
# _requirements: everything the lock depends on, as TOML
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
# shellcheck source=src/plan/script/installed.sh
. "$_scripts/installed.sh"

if [ -n "${_packages?}" ]; then
  printf '%s\n' "$_packages" > /tmp/imagespec/packages.txt
  set -- "$@" /tmp/imagespec/packages.txt
fi
if [ -n "${_bounds?}" ]; then
  printf '%s\n' "$_bounds" > /tmp/imagespec/bounds.txt
  set -- "$@" --constraints /tmp/imagespec/bounds.txt
fi
mkdir -p "${_root:?}/${_directory?}"
cd "$_root/$_directory"
# Prefer what the interpreter already has: uv takes an existing lock as preferences.
_lock=pylock.imagespec.toml
printf 'lock-version = "1.0"\ncreated-by = "imagespec"\n' > "$_lock"
if [ -e "$_looked" ]; then cat "$_looked"; else list_installed; fi \
  | sed -n 's/^\([A-Za-z0-9._-]*\)==\([^ ]*\)$/[[packages]]\nname = "\1"\nversion = "\2"/p' >> "$_lock"
grep -q packages "$_lock" || rm "$_lock"
watch_builds "$_uv" pip compile --no-header --format pylock.toml --output-file "$_lock" "$@" > /dev/null
mv "$_lock" "$_product$_kept/pylock.toml"
# What the lock is valid for.
{
  printf '%s\n' '' '[tool.imagespec]' "requirements = ${_requirements:?}"
  "$_python" -s -S -c 'import platform; print("python = \"%s.%s\"\nmachine = \"%s\"" % (*platform.python_version_tuple()[:2], platform.machine()))'
} >> "$_product$_kept/pylock.toml"
run_plainly "$_python" -s -S -B "$_scripts/interpreter.py" "$_product$_kept/interpreter.json"
