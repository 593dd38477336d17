# Runs the user's commands in a shell of their own. Only from outside of it can be seen that one of them ended it.
# shellcheck shell=sh
# _list: the field that they come from
# _prefix: the environment of Python packages; may be empty
# _certificates: those given for this build, if any are
# "$@": the commands

# How the builder hands over this text is no business of theirs.
_number=0
while eval "[ -n \"\${IMAGESPEC_STEP_$_number+x}\" ]"; do
  unset "IMAGESPEC_STEP_$_number"
  _number=$((_number + 1))
done

_shelf=${_scripts:?}/commands
mkdir -p "$_shelf" && cp "$_scripts/each_command.sh" "$_shelf/"
_line_feed='
'
_number=0
for _command; do
  _number=$((_number + 1))
  # The line feed at the end joins nothing to what comes after it.
  printf '%s\n' "$_command" > "$_shelf/$_number"
  case $_command in *"$_line_feed"*) : > "$_shelf/$_number.lines" ;; esac
done
if [ -n "${_prefix?}" ]; then
  # shellcheck source=src/plan/script/lend_pip.sh
  . "$_scripts/lend_pip.sh"
fi
# What they download comes through the same network as packages. Commands may run as other users, who cannot read a secret.
if [ -s "${_certificates:?}" ] && [ -z "${SSL_CERT_FILE:-}" ]; then
  cat "$_certificates" > "$_shelf/certificates"
  _certificates=$_shelf/certificates
  export SSL_CERT_FILE="$_certificates" REQUESTS_CA_BUNDLE="${REQUESTS_CA_BUNDLE:-$_certificates}" \
    CURL_CA_BUNDLE="${CURL_CA_BUNDLE:-$_certificates}" GIT_SSL_CAINFO="${GIT_SSL_CAINFO:-$_certificates}"
fi

_status=0
IMAGESPEC_COMMANDS=$_shelf /bin/sh -c ". \"\$IMAGESPEC_COMMANDS/each_command.sh\"" sh || _status=$?
_at=0
read -r _at < "$_shelf/at"
case $_status:$_at in
  0:done)
    if [ -n "$_prefix" ]; then take_pip_back; fi
    exit 0
    ;;
  0:*) echo "${_list:?}: entry $_at ended the shell" >&2 ;;
  *:done) echo "${_list:?}: the shell ended with status $_status" >&2 ;;
  *) echo "${_list:?}: entry $_at failed with status $_status" >&2 ;;
esac
# Whoever reports the failure knows the line of the entry.
mkdir -p /imagespec && printf '%s\n' "$_list" "$_at" "$_status" > /imagespec/failed
if [ "$_status" = 0 ]; then _status=1; fi
exit "$_status"
