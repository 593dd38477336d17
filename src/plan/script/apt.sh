# Installs Debian packages. What is installed is fetched before, so that no script of a package runs twice.
# shellcheck shell=sh
# _debconf: answers to questions of packages, a line each; may be unset
# "$@": the packages
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/apt_get.sh
. "$_scripts/apt_get.sh"

if [ -n "${_debconf:-}" ]; then
  for _package; do
    _package=${_package%%[=/:]*}
    # Once installed, a package asks nothing more.
    if printf '%s\n' "$_debconf" | grep -q "^${_package}[[:space:]]" &&
      [ "$(dpkg-query -W -f '${db:Status-Status}' "$_package" 2>/dev/null)" = installed ]; then
      echo "E: debconf: $_package is in the base image already, and asks nothing when it is named again" >&2
      exit 100
    fi
  done
  printf '%s\n' "$_debconf" | debconf-set-selections
fi
fetch() { apt apt-get install -y --no-install-recommends --download-only -- "$@"; }
fetch_newest() {
  update && fetch "$@" && return
  _status=$?
  tell_versions "$@"
  exit "$_status"
}
# A repository on the disk may be another one in the same place, and costs nothing to read.
_on_disk=$(grep -rlE '(file|copy):/' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null) || true
if [ -z "$_on_disk" ] && [ -n "$(find "$_apt_lists/updated" -mmin -10 2>/dev/null)" ]; then
  fetch "$@" || {
    echo 'not with these lists of packages: looking for newer ones' >&2
    fetch_newest "$@"
  }
else
  fetch_newest "$@"
fi
# Scripts of packages say why they fail on either stream.
apt apt-get install -y --no-install-recommends -- "$@" >&2
forget_times
# shellcheck source=src/plan/script/settle.sh
. "$_scripts/settle.sh"
