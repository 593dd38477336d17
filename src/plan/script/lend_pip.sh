# Lends a pip to an environment that has none, for as long as a step takes: whoever says `pip` means this environment.
# shellcheck shell=sh
# _prefix: the environment
# _shelf: a directory for notes

_bin=${_prefix:?}/bin
for _site in "$_prefix"/lib/python3*/site-packages; do break; done
_lent=
if [ -d "$_site" ] && [ ! -e "$_site/pip" ] && [ ! -e "$_bin/pip" ]; then
  _lent=yes
  touch -r "$_bin" "${_shelf:?}/bin.before" && touch -r "$_site" "$_shelf/site.before"
  # A package without __init__.py: any other pip that the interpreter finds goes before it.
  cp "${_scripts:?}/pip.py" "$_shelf/"
  mkdir "$_site/pip" && cp "$_shelf/pip.py" "$_site/pip/__main__.py"
  printf '#!/bin/sh\nexec %s/python -m pip "$@"\n' "$_bin" > "$_shelf/pip"
  for _name in pip pip3; do cp "$_shelf/pip" "$_bin/$_name" && chmod 755 "$_bin/$_name"; done
  touch -r "$_bin" "$_shelf/bin.after" && touch -r "$_site" "$_shelf/site.after"
fi

is_same() { [ "$(cat "$1" 2>/dev/null)" = "$(cat "$2")" ]; }
# Whether a directory has the time that it was left with. $1: the directory, $2: what its times are noted as
is_untouched() { [ -z "$(find "$1" -prune -newer "$_shelf/$2.after")$(find "$_shelf/$2.after" -newer "$1")" ]; }
# Takes it back, but for what the commands have replaced.
take_pip_back() {
  if [ -z "$_lent" ] || [ ! -d "$_bin" ] || [ ! -d "$_site" ]; then return 0; fi
  if ! is_untouched "$_bin" bin; then rm "$_shelf/bin.before"; fi
  if ! is_untouched "$_site" site; then rm "$_shelf/site.before"; fi
  for _name in pip pip3; do
    if is_same "$_bin/$_name" "$_shelf/pip"; then rm "$_bin/$_name"; fi
  done
  if is_same "$_site/pip/__main__.py" "$_shelf/pip.py"; then rm -r "$_site/pip"; fi
  if [ -e "$_shelf/bin.before" ]; then touch -r "$_shelf/bin.before" "$_bin"; fi
  if [ -e "$_shelf/site.before" ]; then touch -r "$_shelf/site.before" "$_site"; fi
}
