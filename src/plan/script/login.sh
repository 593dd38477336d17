# The line that sets PATH for the user's login shells.
# shellcheck shell=sh disable=SC2034 # home and line are for whoever sources this
# _user: its name
# IMAGESPEC_LOGIN_PATH: the image's PATH

quoted() {
  case "$1" in
    *[!A-Za-z0-9@%+=:,./_-]*) printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")" ;;
    *) printf %s "$1" ;;
  esac
}
_home=$(getent passwd "${_user:?}" | cut -d: -f6)
_line="export PATH=$(quoted "${IMAGESPEC_LOGIN_PATH?}")"
