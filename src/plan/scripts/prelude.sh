set -eu
# What changes after this moment was written by this step.
touch -d "@$(($(date +%s) - 1))" /tmp/.started
touch -d "@$(($(date +%s) - 600))" /tmp/.recent
