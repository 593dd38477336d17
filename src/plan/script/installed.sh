# Lists what the image has for an interpreter besides what we install: what is resolved prefers these versions.
# shellcheck shell=sh disable=SC2154 # _uv and _python are set by whoever sources this
# _python: the interpreter
list_installed() {
  # uv alone sees neither Debian's directories nor those that a virtual environment looks through: see venv.sh.
  run_plainly "$_python" -I -B -c 'import os, sys
for path in sys.path:
    if os.path.basename(path) in ("site-packages", "dist-packages") and os.path.isdir(path):
        print(path)' | while IFS= read -r _site; do
    "$_uv" pip freeze -q --python "$_python" --path "$_site"
  done | sort -s -u -t = -k 1,1
}
