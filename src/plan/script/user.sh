# Creates the user of tasks with its directories, and certificates if the base has none.
# shellcheck shell=sh
# user: its name

# Login shells get the image's PATH; this script finds its programs in the system's directories first.
login=$PATH
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
# shellcheck source=src/plan/script/prelude.sh
. "${scripts:?}/prelude.sh"

if ! id -u "${user:?}" >/dev/null 2>&1; then
  if command -v useradd >/dev/null; then useradd --no-log-init --create-home --shell /bin/bash "$user"
  else adduser -D "$user"; fi
fi
# shellcheck source=src/plan/script/login.sh
. "$scripts/login.sh"
mkdir -p /root "$home" && chown "$user" /root
grep -qsxF "$line" "$home/.profile" || printf '%s\n' "$line" >> "$home/.profile"
chown "$user": "$home/.profile"
if [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then
  mkdir -p /etc/ssl/certs && cp "$bundle" /etc/ssl/certs/ca-certificates.crt && chmod 644 /etc/ssl/certs/ca-certificates.crt
fi
rm -f /etc/passwd- /etc/shadow- /etc/group- /etc/gshadow- /etc/subuid- /etc/subgid-
# shellcheck source=src/plan/script/settle.sh
. "$scripts/settle.sh"
