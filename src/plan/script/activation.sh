# Finds out what activating a conda environment sets: images and steps are not started by a shell that would do so.
# shellcheck shell=sh
# _prefix: the environment
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"

run_plainly "${_prefix:?}/bin/python" -s -S -B "$_scripts/activation.py" "$_prefix" > "$_product/activation.json"
