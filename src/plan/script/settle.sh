# The same step gives the same layer anywhere: what it wrote gets a fixed time. So do the directories
# that mount points were made in.
# shellcheck shell=sh
# around: those directories, as the builder's mounts have it
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /etc/hosts -o -path /etc/resolv.conf \) -prune \
  -o -newer /tmp/.started -exec touch -h -d "@${time:?}" {} +
for directory in ${around?}; do
  # shellcheck disable=SC3013 # dash and BusyBox have it
  if [ -d "$directory" ] && [ "$directory" -nt /tmp/.recent ]; then touch -d "@$time" "$directory"; fi
done
