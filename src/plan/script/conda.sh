# Makes a conda environment, or installs into it.
# shellcheck shell=sh
# _prefix, _root, _owner: the environment, conda's root, the owner
# "$@": channels and packages
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/trust.sh
. "$_scripts/trust.sh"

export HOME=/tmp/home CONDA_PKGS_DIRS="$_conda_cache" PYTHONHASHSEED=0
mkdir -p "$HOME"
"$_micromamba" config set use_lockfiles False
_verb=create
if [ -d "${_prefix:?}/conda-meta" ]; then _verb=install; fi
"$_micromamba" "$_verb" --yes --root-prefix "${_root:?}" --name "${_prefix##*/}" "$@"
# It has dates and command lines.
: > "$_prefix/conda-meta/history"
rm -rf "$_root/.mamba" "$_root/pkgs"
_python=$_prefix/bin/python _settled=$_root
run_plainly "$_python" -s -S -B "$_scripts/conda_records.py" "$_prefix"
# shellcheck source=src/plan/script/settle_python.sh
. "$_scripts/settle_python.sh"
