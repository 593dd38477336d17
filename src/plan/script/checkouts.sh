# Makes checkouts as clean as they are where the user has them: of what git tracks, steps see a part, some of it as other text.
# Back ends that take a version from git would call that a change, and put the day of the build into the version. Sourced.
# shellcheck shell=sh disable=SC2154 # _root is set in context_files.sh
# _checkouts: directories of the context that are checkouts, as words of a shell
# _root, _texts: see context_files.sh
leave_texts() {
  while [ $# -gt 1 ]; do
    case $1 in "${_checkout:+$_checkout/}"*)
      git -C "$_root/$_checkout" update-index --skip-worktree -- "${1#"${_checkout:+$_checkout/}"}" 2>/dev/null || true
      ;;
    esac
    shift 2
  done
}

prepare_checkouts() {
  if [ $# = 0 ]; then return; fi
  # git knows no owner that it would not trust.
  export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
  for _checkout; do
    _git_directory=${_root:?}/${_checkout:+$_checkout/}.git
    if [ ! -d "$_git_directory" ]; then continue; fi
    git -C "$_root/$_checkout" read-tree HEAD
    git -C "$_root/$_checkout" ls-files -z --deleted | git -C "$_root/$_checkout" update-index -z --skip-worktree --stdin
    eval "leave_texts ${_texts?}"
    if ! git -C "$_root/$_checkout" diff-files --quiet; then
      echo 'files of the checkout are not as its last commit has them: a version that comes from git says so' >&2
    fi
    mkdir -p "$_git_directory/info" && echo '*' > "$_git_directory/info/exclude"
    # What is changed nevertheless has the day of the last commit.
    export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git -C "$_root/$_checkout" log -1 --format=%ct)}"
  done
}
eval "prepare_checkouts ${_checkouts?}"
