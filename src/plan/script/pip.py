# Stands in for pip in an environment that has none: uv installs into the same place.
import os
import sys

# What pip knows and uv does not, and changes nothing here: with a value, and without.
valued = {"--root-user-action", "--progress-bar", "--timeout", "--default-timeout", "--retries"}
plain = {"--no-input", "--no-warn-script-location", "--disable-pip-version-check"}

arguments = []
given = iter(sys.argv[1:])
for argument in given:
    if argument in valued:
        next(given, None)
    elif argument not in plain and argument.partition("=")[0] not in valued:
        arguments.append(argument)
if arguments[:1] == ["cache"]:
    sys.exit()  # It is not in the image.
os.environ["UV_PYTHON"] = sys.executable
os.execv("/usr/bin/uv", ["uv", "pip", *arguments])
