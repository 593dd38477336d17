# The files of the context where uv reads them.
# shellcheck shell=sh
# _copies: not empty where packages of the context may be built
# _texts: pairs of a path in the context and what uv reads there, as words of a shell
# _checkouts: see checkouts.sh
# _git: the programs that repositories need, with blanks between them

# Whoever reports the failure says what to do.
for _program in ${_git?}; do
  command -v "$_program" > /dev/null || { echo "missing program: $_program" >&2; exit 98; }
done
if [ -S /tmp/imagespec/ssh-agent.sock ]; then export SSH_AUTH_SOCK=/tmp/imagespec/ssh-agent.sock; fi
if [ "$_git" = 'git ssh' ] && [ ! -e /root/.ssh/known_hosts ] && [ ! -e /etc/ssh/ssh_known_hosts ]; then
  echo 'no host is known to ssh: give their keys as a secret, pip_secret_mounts: [[known_hosts, /root/.ssh/known_hosts]]' >&2
fi

write_texts() {
  while [ $# -gt 1 ]; do
    mkdir -p "$(dirname "$_root/$1")"
    printf '%s\n' "$2" > "$_root/$1"
    shift 2
  done
}
_root=${_context:?}
if [ -n "${_copies?}" ]; then copy_context; _root=${_work:?}; fi
eval "write_texts ${_texts?}"
# shellcheck source=src/plan/script/checkouts.sh
. "${_scripts:?}/checkouts.sh"
