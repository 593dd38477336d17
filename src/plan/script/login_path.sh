# Adds the image's PATH to the user's ~/.profile again, after the spec's own environment changed it.
# shellcheck shell=sh
# user: its name

# Login shells get the image's PATH; this script finds its programs in the system's directories first.
login=$PATH
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
# shellcheck source=src/plan/script/prelude.sh
. "${scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/login.sh
. "$scripts/login.sh"
printf '%s\n' "$line" >> "$home/.profile"
# shellcheck source=src/plan/script/settle.sh
. "$scripts/settle.sh"
