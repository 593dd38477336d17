# Adds the image's PATH to the user's ~/.profile again, after the spec's own environment changed it.
# shellcheck shell=sh
# _user: its name
# IMAGESPEC_LOGIN_PATH: the image's PATH
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/login.sh
. "$_scripts/login.sh"
printf '%s\n' "$_line" >> "$_home/.profile"
# shellcheck source=src/plan/script/settle.sh
. "$_scripts/settle.sh"
