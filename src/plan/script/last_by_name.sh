# A file of several packages is that of the one whose name comes last.
# shellcheck shell=sh
# _python, _prefix: an interpreter and its prefix
# _names: the packages; _built: those that other steps built
# `install "$@" --reinstall-package NAME`: installs a package once more
# shellcheck disable=SC2086 # words
_shared=$(run_plainly SHARED_AS=names "${_python:?}" -s -S -B "${_scripts:?}/shared.py" "${_prefix:?}" -- / ${_names:?})
for _name in $_shared; do
  case " ${_built?} " in
    *" $_name "*) cp -R "${_built_packages:?}/$_name/." "$_prefix/" ;;
    *) install "$@" --reinstall-package "$_name" ;;
  esac
done
