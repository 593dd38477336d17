# Gives what was written below a prefix its owner, a fixed time and bytecode that fits.
# shellcheck shell=sh
# python, owner, settled: an interpreter, a user, the prefix
# around: directories that mount points were made in, set by the writer
# shellcheck disable=SC2086 # words
run_plainly PYTHONHASHSEED=0 "${python:?}" -s -S -B "${scripts:?}/settle.py" "${time:?}" "${owner:?}" "${settled:?}" ${around?}
