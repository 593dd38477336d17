# Adds the image's PATH to the user's ~/.profile again: the spec's own environment has changed it.
# shellcheck shell=sh
# user: its name

# The image's PATH: programs are looked for where every system has them.
login=$PATH
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
# shellcheck source=src/plan/script/prelude.sh
. "${scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/login.sh
. "$scripts/login.sh"
printf '%s\n' "$line" >> "$home/.profile"
# shellcheck source=src/plan/script/settle.sh
. "$scripts/settle.sh"
