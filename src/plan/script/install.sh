# Installs exactly what a lock names.
# shellcheck shell=sh
# python, bin, prefix, owner, secrets, indexes: read by index_access.sh and the files after it
# requirements: a line for each wheel, empty where there is none
# built: packages that other steps built
# names: all packages, if files of several have to be settled; else empty
# in_context: not empty where a wheel lies in the context
# "$@": uv's arguments
# shellcheck source=src/plan/script/prelude.sh
. "${scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/index_access.sh
. "$scripts/index_access.sh"
# shellcheck source=src/plan/script/uv_environment.sh
. "$scripts/uv_environment.sh"

if [ -n "${requirements?}" ]; then
  printf '%s\n' "$requirements" > /tmp/imagespec/requirements.txt
  # Wheels that were fetched before need no network; the offline attempt prints nothing if it fails.
  install() {
    if "$uv" pip install --offline "$@" 2>/tmp/imagespec/offline.log; then cat /tmp/imagespec/offline.log >&2
    else "$uv" pip install "$@"; fi
  }
  install "$@"
fi
for name in ${built?}; do
  # An older version in the image below would leave files behind.
  HOME=/tmp/home UV_CACHE_DIR=/tmp/imagespec/cache "$uv" pip uninstall -q --python "${python:?}" "$name" 2>/dev/null || true
  cp -R "$built_packages/$name/." "${prefix:?}/"
done
if [ -n "${names?}" ]; then
  # A file of several packages is that of the one whose name comes last.
  # shellcheck disable=SC2086 # words
  shared=$(run_plainly SHARED_AS=names "$python" -s -S -B "$scripts/shared.py" "$prefix" -- / $names)
  for name in $shared; do
    case " $built " in
      *" $name "*) cp -R "$built_packages/$name/." "$prefix/" ;;
      *) install "$@" --reinstall-package "$name" ;;
    esac
  done
fi
rm -f "$prefix/.lock" "${credentials:?}/credentials.toml.lock"
if [ -n "${in_context?}" ]; then remove_install_times "$prefix"; fi
settled=$prefix
# shellcheck source=src/plan/script/settle_python.sh
. "$scripts/settle_python.sh"
