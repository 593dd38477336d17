# Runs a script, and passes on what it says on standard error: whole lines, which programs write in pieces and engines cut, with
# the user's paths instead of those of this step. If it fails, the last of them are left for whoever reports the failure.
# shellcheck shell=sh disable=SC2154 # _scripts is set by the builder's writer
# _main: the path of the script; it reads the other variables and the arguments
_said=${_scripts%/scripts}/said
_mark="$_said:"

# What a line is without the directories that only this step has.
shown() {
  _shown=$1
  for _place in /tmp/imagespec/work /tmp/imagespec/context; do
    while :; do
      case $_shown in
        *"file://$_place"*) _shown=${_shown%%"file://$_place"*}.${_shown#*"file://$_place"} ;;
        *"$_place"*) _shown=${_shown%%"$_place"*}.${_shown#*"$_place"} ;;
        *) break ;;
      esac
    done
  done
}

# Ends at the mark and not with the pipe, which a program that goes on in the background would keep open.
relay() {
  _ended=
  while IFS= read -r _line || [ -n "$_line" ]; do
    case $_line in
      "$_mark"*) return "${_line#"$_mark"}" ;;
      *"$_mark"*) _ended=${_line##*"$_mark"} _line=${_line%"$_mark"*} ;;
    esac
    shown "$_line"
    printf '%s\n' "$_shown" >&2
    printf '%s\n' "$_shown" >> "$_said"
    if [ -n "$_ended" ]; then return "$_ended"; fi
  done
}

# In shells of their own: `set -e` counts in the first, and no variable of the second is in its way.
{
  {
    (
      # shellcheck disable=SC1090 # the script
      . "${_main:?}"
    ) 2>&1 >&3 3>&-
    printf '%s%s\n' "$_mark" "$?"
  } | relay
} 3>&1
_status=$?
# After a script that went well, a writer may have more to do.
if [ "$_status" != 0 ]; then
  if [ -e "$_said" ]; then
    { mkdir -p /imagespec && tail -n 60 "$_said" > /imagespec/failed; } 2>/dev/null || :
  fi
  exit "$_status"
fi
