# Gives what was written below a prefix its owner, a fixed time and bytecode that fits.
# shellcheck shell=sh
# _python, _owner, _settled: an interpreter, a user, the prefix
# _around: directories that mount points were made in, a line each, set by the writer
run_plainly PYTHONHASHSEED=0 "${_python:?}" -s -S -B "${_scripts:?}/settle.py" "${_time:?}" "${_owner:?}" "${_settled:?}" "${_around?}"
