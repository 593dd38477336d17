# apt, with its downloads and package lists in caches. Sourced.
# shellcheck shell=sh disable=SC2154 # set in prelude.sh
# Lists are those of the sources, keys, pins and architectures that they were taken with; never of a secret.
choose_lists() {
  _apt_key=$({
    find /etc/apt /usr/share/keyrings -type f ! -path '/etc/apt/auth.conf*' -exec sha256sum {} + | sort -k 2
    cat /var/lib/dpkg/arch
  } 2>/dev/null | sha256sum)
  _apt_lists=$_apt_state/${_apt_key%% *}
  mkdir -p "$_apt_lists/lists/partial"
  touch "$_apt_lists"
}
mkdir -p "$_apt_archives/partial" "$_apt_state"

# Other builds use the same directories.
if command -v flock > /dev/null; then
  exec 9> "$_apt_archives/lock-of-builds"
  flock -n 9 || {
    echo 'waiting for another build that runs apt' >&2
    flock 9
  }
fi
choose_lists
find "$_apt_state" -mindepth 1 -maxdepth 1 ! -path "$_apt_lists" -mtime +7 -exec rm -rf {} +

# Certificates given for this build count instead of those of the image. apt's own user has to read them.
_ca=
if [ -s "$_certificates" ]; then
  _ca=/tmp/.certificates
  cat "$_certificates" > "$_ca"
  chmod 644 "$_ca"
fi
# What apt makes of the lists is kept with them. What it makes of them and the installed packages is not: it would know those by
# size and time, and here all have one time.
apt() {
  _program=$1
  shift
  "$_program" -q -o Dir::State::lists="$_apt_lists/lists" -o Dir::Cache::archives="$_apt_archives" \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="$_apt_lists/packages.bin" -o APT::Keep-Downloaded-Packages=true \
    -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 ${_ca:+-o "Acquire::https::CaInfo=$_ca"} "$@" 9>&-
}
update() { apt apt-get update && touch "$_apt_lists/updated"; }

# Removes files that only record when things happened.
forget_times() {
  find /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig/aux-cache \
    /etc/passwd- /etc/shadow- /etc/group- /etc/gshadow- /etc/subuid- /etc/subgid- \
    /var/lib/dpkg/*-old /var/cache/debconf/*-old -xdev -type f -newer /tmp/.started -exec rm -f {} + 2>/dev/null || true
}

# Says which versions there are of packages whose version is not there.
tell_versions() {
  for _package; do
    case $_package in /*) continue ;; *=*) ;; *) continue ;; esac
    _versions=$(apt apt-cache madison "${_package%%=*}" | cut -d '|' -f 2 | tr -d ' ' | sort -u)
    case "
$_versions
" in
      *"
${_package#*=}
"*) ;;
      "

") ;;
      *) echo "E: ${_package%%=*} has the versions $(echo "$_versions" | paste -s -d ' ' -)" >&2 ;;
    esac
  done
}
