# The files of the context where uv reads them.
# shellcheck shell=sh
# _copies: not empty where packages of the context may be built
# _texts: pairs of a path in the context and what uv reads there, as words of a shell
# _git: not empty where a package comes from a repository

# Whoever reports the failure says what to do.
if [ -n "${_git?}" ] && ! command -v git > /dev/null; then
  echo 'git is missing: a package comes from a repository' >&2
  exit 98
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
