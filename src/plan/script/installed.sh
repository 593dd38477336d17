# Lists what the image has for an interpreter besides what we install: what is resolved prefers these versions.
# shellcheck shell=sh disable=SC2154 # _uv and _bin are set by whoever sources this
# _python, _bin: the interpreter, its directory of programs
freeze() { "${_uv:?}" pip freeze -q --python "${_python:?}" "$@"; }
list_installed() {
  {
    freeze
    # Where a virtual environment of the base has its packages: see venv.sh.
    for _seen in "${_bin%/bin}"/lib/python3*/site-packages/imagespec_base.pth; do
      if [ -e "$_seen" ]; then while read -r _site; do freeze --path "$_site"; done < "$_seen"; fi
    done
  } | sort -s -u -t = -k 1,1
}
