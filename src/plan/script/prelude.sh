# Sourced first by every script: paths, stopping at the first failure, and the time when it began.
# shellcheck shell=sh disable=SC2034

_uv=/tmp/imagespec/uv
_micromamba=/tmp/imagespec/micromamba
_bundle=/tmp/imagespec/ca-certificates.crt
_certificates=/tmp/imagespec/ca.crt
_context=/tmp/imagespec/context
_work=/tmp/imagespec/work
_built_packages=/tmp/imagespec/built
_looked=/tmp/imagespec/looked/installed.txt
_conda_cache=/tmp/imagespec/conda
_apt_archives=/tmp/imagespec/apt/archives
_apt_state=/tmp/imagespec/apt/state
_uv_cache=/var/cache/imagespec/uv
_product=/imagespec/product
_kept=/usr/share/imagespec
# The time of everything installed: 2000-01-01T00:00:00Z.
_time=946684800

set -eu
# What changes after this moment was written by this step.
touch -d "@$(($(date +%s) - 1))" /tmp/.started
touch -d "@$(($(date +%s) - 600))" /tmp/.recent

# Runs Python without inherited configuration.
run_plainly() { env -u PYTHONPATH -u PYTHONHOME "$@"; }

# Builds write to their sources.
copy_context() { mkdir -p "$_work" && cp -R "$_context/." "$_work/"; }

# Removes uv's notes of when and with which variables a package was built, and their lines in RECORD, below a directory.
remove_build_notes() {
  find "$1" \( -name uv_cache.json -o -name uv_build.json \) -path '*.dist-info/*' | while read -r _file; do
    sed -i "/\\.dist-info\\/${_file##*/},/d" "${_file%/*}/RECORD" && rm -f "$_file"
  done
}
