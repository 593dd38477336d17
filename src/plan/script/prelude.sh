# Sourced first by every script: paths, stopping at the first failure, and the time when it began.
# shellcheck shell=sh disable=SC2034

uv=/tmp/imagespec/uv
micromamba=/tmp/imagespec/micromamba
bundle=/tmp/imagespec/ca-certificates.crt
certificates=/tmp/imagespec/ca.crt
context=/tmp/imagespec/context
work=/tmp/imagespec/work
built_packages=/tmp/imagespec/built
conda_cache=/tmp/imagespec/conda
apt_archives=/tmp/imagespec/apt/archives
apt_state=/tmp/imagespec/apt/state
uv_cache=/var/cache/imagespec/uv
product=/imagespec/product
kept=/usr/share/imagespec
# The time of everything installed: 2000-01-01T00:00:00Z.
time=946684800

set -eu
# What changes after this moment was written by this step.
touch -d "@$(($(date +%s) - 1))" /tmp/.started
touch -d "@$(($(date +%s) - 600))" /tmp/.recent

# Runs Python without inherited configuration.
run_plainly() { env -u PYTHONPATH -u PYTHONHOME "$@"; }

# Builds write to their sources.
copy_context() { mkdir -p "$work" && cp -R "$context/." "$work/"; }

# Removes records of when a local package was installed, and their lines in RECORD, below a directory.
remove_install_times() {
  find "$1" -name uv_cache.json -path '*.dist-info/*' | while read -r file; do
    sed -i '/\.dist-info\/uv_cache\.json,/d' "${file%/*}/RECORD" && rm -f "$file"
  done
}
