# Copies files that several packages have from one of them into a layer above them all.
# shellcheck shell=sh
# python, prefix, owner: see settle_python.sh
# "$@": pairs of a layer and a path in it
# shellcheck source=src/plan/script/prelude.sh
. "${scripts:?}/prelude.sh"

keep() {
  mkdir -p "${2%/*}" && cp -p "$1$2" "$2"
  name=${2##*/}
  for compiled in "$1${2%/*}/__pycache__/${name%.py}".*.pyc; do
    if [ -e "$compiled" ]; then mkdir -p "${2%/*}/__pycache__" && cp -p "$compiled" "${2%/*}/__pycache__/"; fi
  done
}
while [ $# -gt 1 ]; do
  keep "$1" "$2"
  shift 2
done
settled=${prefix:?}
# shellcheck source=src/plan/script/settle_python.sh
. "$scripts/settle_python.sh"
