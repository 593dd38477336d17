# What login shells of the user have to be told.
# shellcheck shell=sh disable=SC2034 # home and line are for who reads this
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
