# Lets uv decide which packages are installed, and write a pylock.toml.
# shellcheck shell=sh
# python, bin, secrets, indexes: read by index_access.sh and the files after it
# directory: where the requirements file is in the context
# copies: not empty where packages of the context may be built
# packages: the spec's own requirements, a line each; may be empty
# requirements: everything the lock depends on, as TOML
# "$@": uv's arguments
# shellcheck source=src/plan/script/prelude.sh
. "${scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/index_access.sh
. "$scripts/index_access.sh"
# shellcheck source=src/plan/script/lock_environment.sh
. "$scripts/lock_environment.sh"

root=$context
if [ -n "${copies?}" ]; then copy_context; root=$work; fi
if [ -n "${packages?}" ]; then
  printf '%s\n' "$packages" > /tmp/imagespec/packages.txt
  set -- "$@" /tmp/imagespec/packages.txt
fi
mkdir -p "$root/${directory?}"
cd "$root/$directory"
# Prefer what the interpreter already has: uv takes an existing lock as preferences.
lock=pylock.imagespec.toml
printf 'lock-version = "1.0"\ncreated-by = "imagespec"\n' > "$lock"
"$uv" pip freeze -q --python "${python:?}" \
  | sed -n 's/^\([A-Za-z0-9._-]*\)==\([^ ]*\)$/[[packages]]\nname = "\1"\nversion = "\2"/p' >> "$lock"
grep -q packages "$lock" || rm "$lock"
"$uv" pip compile --no-header --format pylock.toml --output-file "$lock" "$@" > /dev/null
mv "$lock" "$product$kept/pylock.toml"
# What the lock is valid for.
{
  printf '%s\n' '' '[tool.imagespec]' "requirements = ${requirements:?}"
  "$python" -s -S -c 'import platform; print("python = \"%s.%s\"\nmachine = \"%s\"" % (*platform.python_version_tuple()[:2], platform.machine()))'
} >> "$product$kept/pylock.toml"
run_plainly "$python" -s -S -B "$scripts/interpreter.py" "$product$kept/interpreter.json"
