# Runs commands one after another in this shell, until one fails.
# shellcheck shell=sh disable=SC2154 # IMAGESPEC_COMMANDS is set by commands.sh
# IMAGESPEC_COMMANDS: a directory with a file for each, named by its number
_imagespec=$IMAGESPEC_COMMANDS
unset IMAGESPEC_COMMANDS
_imagespec_at=1
while [ -e "$_imagespec/$_imagespec_at" ]; do
  # Commands may have set options such as -C, -e and -u.
  echo "$_imagespec_at" >| "$_imagespec/at"
  IFS= read -r _imagespec_line < "$_imagespec/$_imagespec_at"
  printf '+ %s\n' "$_imagespec_line" >&2 || :
  # In a command of several lines each has to succeed; one line decides by its own status.
  _imagespec_stops=
  if [ -e "$_imagespec/$_imagespec_at.lines" ]; then
    case $- in *e*) ;; *) _imagespec_stops=yes && set -e ;; esac
  fi
  # shellcheck disable=SC1090 # the command
  . "$_imagespec/$_imagespec_at"
  _imagespec_status=$?
  if [ -n "$_imagespec_stops" ]; then set +e; fi
  if [ "$_imagespec_status" != 0 ]; then exit "$_imagespec_status"; fi
  _imagespec_at=$((_imagespec_at + 1))
done
echo "done" >| "$_imagespec/at"
