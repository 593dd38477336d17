# Makes the step's layer reproducible: what it wrote gets a fixed time, and so do the directories that mount points were
# made in.
# shellcheck shell=sh
# around: those directories, set by the writer
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /etc/hosts -o -path /etc/resolv.conf \) -prune \
  -o -newer /tmp/.started -exec touch -h -d "@${time:?}" {} +
for directory in ${around?}; do
  # shellcheck disable=SC3013 # dash and BusyBox have it
  if [ -d "$directory" ] && [ "$directory" -nt /tmp/.recent ]; then touch -d "@$time" "$directory"; fi
done
