# Lets uv resolve, but build nothing to find out what it needs: a build may read any variable, and this step sees few of
# them. Whoever asked for a lock then finds none, and asks a step that sees them all.
# shellcheck shell=sh
# _sees_all: not empty where the step sees all variables
# _part, _unbuilt: set by install_resolved.sh alone: whether it fails, and a file that tells the next step of it
watch_builds() {
  if [ -n "${_sees_all?}" ]; then
    # Without isolation, what an earlier build of a package found out is true of another environment.
    case " $* " in *" --no-build-isolation"*) export UV_NO_CACHE=1 ;; esac
    "$@"
    return
  fi
  mkdir -p /tmp/imagespec/watch
  cp "${_scripts:?}/stop_build.py" /tmp/imagespec/watch/sitecustomize.py
  _status=0
  PYTHONPATH=/tmp/imagespec/watch "$@" 2> /tmp/imagespec/resolving.log || _status=$?
  if [ "$_status" != 0 ] && [ -e /tmp/imagespec/watch/built ]; then
    echo 'a package has to be built: the step that sees all variables does that' >&2
    if [ "${_part:-}" = try ]; then exit 96; fi
    if [ -n "${_unbuilt:-}" ]; then mkdir -p "${_unbuilt%/*}" && touch "$_unbuilt"; fi
    exit 0
  fi
  cat /tmp/imagespec/resolving.log >&2
  return "$_status"
}
