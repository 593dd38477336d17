#!/usr/bin/env bash
# indexes.sh DIR: the package indexes.
set -euo pipefail
exec python3 "$(dirname "$0")/indexes.py" "$1"
