# Installs Debian packages; its downloads and package lists stay in caches.
# shellcheck shell=sh
# "$@": the packages
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"

mkdir -p "$_apt_state/lists/partial" "$_apt_archives/partial"
apt() {
  apt-get -q -o Dir::State::lists="$_apt_state/lists" -o Dir::Cache::archives="$_apt_archives" \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Keep-Downloaded-Packages=true \
    -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@"
}
update() { apt update && touch "$_apt_state/updated"; }
install() { apt install -y --no-install-recommends -- "$@"; }
if [ -n "$(find "$_apt_state/updated" -mmin -10 2>/dev/null)" ]; then
  install "$@" || { update && install "$@"; }
else
  update && install "$@"
fi
# Remove files that only record when things happened.
find /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig/aux-cache \
  /etc/passwd- /etc/shadow- /etc/group- /etc/gshadow- /etc/subuid- /etc/subgid- \
  /var/lib/dpkg/*-old /var/cache/debconf/*-old -xdev -type f -newer /tmp/.started -exec rm -f {} + 2>/dev/null || true
# shellcheck source=src/plan/script/settle.sh
. "$_scripts/settle.sh"
