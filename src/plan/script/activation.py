# Prints, as JSON, the variables that activating a conda environment sets: those of its packages, and what its scripts set.
import glob
import json
import os
import shutil
import subprocess
import sys

prefix = sys.argv[1]
path = os.path.join(prefix, "bin") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
before = {"CONDA_PREFIX": prefix, "CONDA_DEFAULT_ENV": os.path.basename(prefix), "HOME": "/root", "PATH": path}


def read(name):
    try:
        with open(name) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


# As conda itself does: variables first, then scripts, both in the order of their names.
after = dict(before)
for name in sorted(glob.glob(os.path.join(prefix, "etc/conda/env_vars.d/*.json"))):
    after.update(read(name))
after.update(read(os.path.join(prefix, "conda-meta/state")).get("env_vars", {}))

scripts = sorted(glob.glob(os.path.join(prefix, "etc/conda/activate.d/*.sh")))
if scripts:
    # They are written for bash.
    shell = shutil.which("bash") or "/bin/sh"
    words = 'for script; do . "$script" >&2; done; exec "$PYTHON_OF_IMAGESPEC" -s -S -B -c '
    words += "'import json, os; print(json.dumps(dict(os.environ)))'"
    environment = {**after, "PYTHON_OF_IMAGESPEC": sys.executable}
    said = subprocess.run([shell, "-c", words, shell, *scripts], env=environment, stdout=subprocess.PIPE)
    if said.returncode != 0:
        print(f"the scripts in {prefix}/etc/conda/activate.d ended with status {said.returncode}", file=sys.stderr)
        sys.exit(1)
    after = json.loads(said.stdout)

# What only a shell has, and what is for leaving the environment again.
of_shell = {"PYTHON_OF_IMAGESPEC", "PWD", "OLDPWD", "SHLVL", "_", "HOME", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_SHLVL", "LC_CTYPE"}
found = {}
for name, value in sorted(after.items()):
    if name in of_shell or name.startswith(("CONDA_BACKUP_", "BASH_")) or before.get(name) == value:
        continue
    if name == "PATH":
        if value.endswith(":" + path):
            found["PATH"] = value[: -len(path) - 1]
        continue
    found[name] = str(value)
print(json.dumps(found, sort_keys=True))
