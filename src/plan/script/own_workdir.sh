# Gives the working directory to a user, unless commands gave it to somebody.
# shellcheck shell=sh
# $1, $2: the directory, its owner
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"

if [ "$(stat -c %u "$1")" = 0 ]; then chown "$2" "$1"; fi
# shellcheck source=src/plan/script/settle.sh
. "$_scripts/settle.sh"
