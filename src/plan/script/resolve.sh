# Lets uv decide which packages are installed, and write a pylock.toml.
# shellcheck shell=sh
# _python, _bin, _secrets, _indexes: read by index_access.sh and the files after it
# _directory: where the requirements file is in the context
# _copies, _texts, _git: read by context_files.sh
# _packages: requirements, a line each; may be empty
# _named: the packages that are asked for by name, with blanks between them
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
# What the image has from elsewhere than an index stays: an index may have somebody else's package of that name.
normalised() { tr 'A-Z_.' 'a-z--'; }
# The names of the projects and files that are asked for by their paths.
names_at_paths() {
  printf '%s\n' "$_packages" | sed 's/[[;].*//; s/ *$//' | while IFS= read -r _place; do
    case $_place in
      *.whl | *.tar.gz | *.zip) _name=${_place##*/} && echo "${_name%%-*}" ;;
      /*) sed -n "s/^name *= *[\"']\([^\"']*\)[\"'].*/\1/p" "$_place/pyproject.toml" 2>/dev/null || true ;;
    esac
  done
}
_has=/tmp/imagespec/has.txt _kept_names=/tmp/imagespec/kept.txt
if [ -e "$_looked" ]; then cat "$_looked"; else list_installed; fi > "$_has"
_asked=$({ printf '%s\n' "${_named?}" | tr ' ' '\n'; names_at_paths; } | normalised)
sed -n 's/^\([A-Za-z0-9._-]*\) @ .*/\1/p' "$_has" | normalised | while IFS= read -r _name; do
  case "
$_asked
" in
    *"
$_name
"*) ;;
    *) echo "$_name" ;;
  esac
done > "$_kept_names"
if [ -s "$_kept_names" ]; then set -- "$@" --excludes "$_kept_names"; fi
# Prefer what the interpreter already has: uv takes an existing lock as preferences.
_lock=pylock.imagespec.toml
printf 'lock-version = "1.0"\ncreated-by = "imagespec"\n' > "$_lock"
sed -n 's/^\([A-Za-z0-9._-]*\)==\([^ ]*\)$/[[packages]]\nname = "\1"\nversion = "\2"/p' "$_has" >> "$_lock"
grep -q packages "$_lock" || rm "$_lock"
watch_builds "$_uv" pip compile --no-header --format pylock.toml --output-file "$_lock" "$@" > /dev/null
mv "$_lock" "$_product$_kept/pylock.toml"
# What the lock is valid for.
{
  printf '%s\n' '' '[tool.imagespec]' "requirements = ${_requirements:?}"
  "$_python" -s -S -c 'import platform; print("python = \"%s.%s\"\nmachine = \"%s\"" % (*platform.python_version_tuple()[:2], platform.machine()))'
} >> "$_product$_kept/pylock.toml"
run_plainly "$_python" -s -S -B "$_scripts/interpreter.py" "$_product$_kept/interpreter.json"
