# Adds repositories of Debian packages, and the keys that sign them.
# shellcheck shell=sh
# "$@": six for each: the name of its file, that of its server, its entry, and of its key the kind, the place or text, and the SHA-256
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/apt_get.sh
. "$_scripts/apt_get.sh"

# Slim images trust nobody. Packages for this come from the sources that there were before.
case "$*" in
  *https://*)
    if [ ! -s /etc/ssl/certs/ca-certificates.crt ]; then
      update
      apt apt-get install -y --no-install-recommends ca-certificates
    fi
    ;;
esac

# What an armored key begins with says that it is one.
is_armored() { grep -q -e '-----BEGIN PGP PUBLIC KEY BLOCK-----' "$1"; }
fail() {
  echo "E: $1" >&2
  exit 100
}
add_key() {
  _place=$(tr -d '\r' < "$1" | sha256sum | cut -c 1-8)
  _place=/etc/apt/keyrings/$_server-$_place
  if is_armored "$1"; then
    _place=$_place.asc
    tr -d '\r' < "$1" > "$_place"
  else
    # Packets begin with a byte above 127.
    case $(od -A n -N 1 -t u1 "$1" | tr -d ' ') in
      12[89] | 1[3-9]? | 2??) ;;
      *) fail "the key $2 is no OpenPGP key" ;;
    esac
    _place=$_place.gpg
    cat "$1" > "$_place"
  fi
  chmod 644 "$_place"
}

umask 022
mkdir -p /etc/apt/keyrings /etc/apt/sources.list.d
_read=/tmp/imagespec-key _uris=/tmp/imagespec-uris
while [ $# -gt 5 ]; do
  _name=$1 _server=$2 _entry=$3 _place=
  shift 2
  case $2 in
    file) add_key "$3" "${3#"$_context"/}" ;;
    text)
      printf '%s\n' "$3" > "$_read"
      add_key "$_read" 'as text'
      ;;
    address)
      # Run as root: the directory of the step is not open to others.
      apt /usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file "$3" "$_read" || fail "the key $3 is not to be had"
      _found=$(sha256sum < "$_read")
      [ "${_found%% *}" = "$4" ] || fail "the key $3 has another SHA-256 than the entry says: ${_found%% *}"
      add_key "$_read" "$3"
      ;;
    image)
      [ -f "$3" ] || fail "the key $3 is not in the image"
      _place=$3
      ;;
  esac
  rm -f "$_read"
  printf '%s' "$_entry" | sed -n 's|^URIs: file:///|URIs: file:/|; s|^URIs: \(.*[^/]\)/*$|\1|p' >> "$_uris"
  {
    printf '%s' "$_entry"
    if [ -n "$_place" ]; then echo "Signed-By: $_place"; fi
  } > "/etc/apt/sources.list.d/$_name.sources"
  shift 4
done
# What is wrong with a source is told here, where it is named. The steps after this one find the lists.
choose_lists
_said=/tmp/imagespec-update
apt apt-get update -o APT::Update::Error-Mode=any > "$_said" 2>&1 || _failed=$?
cat "$_said" >&2
if [ -n "${_failed:-}" ]; then exit "$_failed"; fi
# A source that gives nothing would let packages come from elsewhere. What the image has besides is none of ours.
_nothing=$(sed -n "s/^[NW]: \(Skipping acquire of configured file .* doesn't have the component .*\)/\1/p" "$_said" | grep -F -f "$_uris" | head -n 1) || true
if [ -n "$_nothing" ]; then fail "$_nothing"; fi
touch "$_apt_lists/updated"
forget_times
# shellcheck source=src/plan/script/settle.sh
. "$_scripts/settle.sh"
