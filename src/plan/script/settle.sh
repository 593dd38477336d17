# Makes the step's layer reproducible: what it wrote gets a fixed time, and so do the directories that mount points were
# made in.
# shellcheck shell=sh
# _around: those directories, a line each, set by the writer; _secret_files: patterns of files that are secrets, if any are
settle_all() {
  set -- -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /etc/hosts -o -path /etc/resolv.conf
  # Secrets are files of elsewhere, and cannot be written.
  while IFS= read -r _path; do
    if [ -n "$_path" ]; then set -- "$@" -o -path "$_path"; fi
  done <<PATHS
${_secret_files-}
PATHS
  find / -xdev \( "$@" \) -prune -o -newer /tmp/.started -exec touch -h -d "@${_time:?}" {} +
}
settle_all
printf '%s\n' "${_around?}" | while IFS= read -r _directory; do
  # shellcheck disable=SC3013 # dash and BusyBox have it
  if [ -d "$_directory" ] && [ "$_directory" -nt /tmp/.recent ]; then touch -d "@$_time" "$_directory"; fi
done
