# Creates the user of tasks with its directories, and certificates if the base has none.
# shellcheck shell=sh
# _user: its name
# IMAGESPEC_LOGIN_PATH: the image's PATH
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"

if ! id -u "${_user:?}" >/dev/null 2>&1; then
  if command -v useradd >/dev/null; then useradd --no-log-init --create-home --shell /bin/bash "$_user"
  else adduser -D "$_user"; fi
fi
# shellcheck source=src/plan/script/login.sh
. "$_scripts/login.sh"
mkdir -p /root "$_home"
# Tasks run in it, and not always as this user: those without a name are in group 0.
chown "$_user:0" /root && chmod 775 /root
grep -qsxF "$_line" "$_home/.profile" || printf '%s\n' "$_line" >> "$_home/.profile"
chown "$_user": "$_home/.profile"
chown "$_user:0" "$_home" && chmod g=u "$_home"
# HOME in the image's configuration.
[ -e "/home/$_user" ] || ln -s "$_home" "/home/$_user"
if [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then
  mkdir -p /etc/ssl/certs && cp "$_bundle" /etc/ssl/certs/ca-certificates.crt && chmod 644 /etc/ssl/certs/ca-certificates.crt
fi
rm -f /etc/passwd- /etc/shadow- /etc/group- /etc/gshadow- /etc/subuid- /etc/subgid-
# shellcheck source=src/plan/script/settle.sh
. "$_scripts/settle.sh"
