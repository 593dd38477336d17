# Makes a conda environment, or installs into it.
# shellcheck shell=sh
# prefix, root, owner: the environment, conda's root, the owner
# "$@": channels and packages
# shellcheck source=src/plan/script/prelude.sh
. "${scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/trust.sh
. "$scripts/trust.sh"

export HOME=/tmp/home CONDA_PKGS_DIRS="$conda_cache" PYTHONHASHSEED=0
mkdir -p "$HOME"
"$micromamba" config set use_lockfiles False
verb=create
if [ -d "${prefix:?}/conda-meta" ]; then verb=install; fi
"$micromamba" "$verb" --yes --root-prefix "${root:?}" --name "${prefix##*/}" "$@"
# It has dates and command lines.
: > "$prefix/conda-meta/history"
rm -rf "$root/.mamba" "$root/pkgs"
python=$prefix/bin/python settled=$root
# shellcheck source=src/plan/script/settle_python.sh
. "$scripts/settle_python.sh"
