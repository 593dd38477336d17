# The line that sets PATH for the user's login shells.
# shellcheck shell=sh disable=SC2034 # home and line are for whoever sources this
# user: its name
# login: the image's PATH

quoted() {
  case "$1" in
    *[!A-Za-z0-9@%+=:,./_-]*) printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")" ;;
    *) printf %s "$1" ;;
  esac
}
home=$(getent passwd "${user:?}" | cut -d: -f6)
line="export PATH=$(quoted "${login?}")"
