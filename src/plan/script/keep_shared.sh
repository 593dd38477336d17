# Copies files that several packages have from one of them into a layer above them all.
# shellcheck shell=sh
# _python, _prefix, _owner: see settle_python.sh
# "$@": pairs of a layer and a path in it
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"

keep() {
  mkdir -p "${2%/*}" && cp -p "$1$2" "$2"
  _name=${2##*/}
  for _compiled in "$1${2%/*}/__pycache__/${_name%.py}".*.pyc; do
    if [ -e "$_compiled" ]; then mkdir -p "${2%/*}/__pycache__" && cp -p "$_compiled" "${2%/*}/__pycache__/"; fi
  done
}
while [ $# -gt 1 ]; do
  keep "$1" "$2"
  shift 2
done
_settled=${_prefix:?}
# shellcheck source=src/plan/script/settle_python.sh
. "$_scripts/settle_python.sh"
