"""channel.py OUT PYTHONS WHEELS TREE: makes the channel OUT/conda-forge.

PYTHONS has a folder for each version of Python, WHEELS the pure-Python wheels that become noarch packages, TREE the
unpacked Debian package `tree`.
"""

import configparser
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

from conda_package import write_package, write_repodata


def from_wheel(channel, wheel):
    name, version = os.path.basename(wheel).split("-")[:2]
    with tempfile.TemporaryDirectory() as tree:
        site = f"{tree}/site-packages"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
        folder = glob.glob(f"{site}/*.dist-info")[0]
        commands = configparser.ConfigParser(delimiters=("=",))
        commands.optionxform = str
        commands.read(f"{folder}/entry_points.txt")
        entry_points = [f"{key} = {value}" for key, value in commands["console_scripts"].items()] if "console_scripts" in commands else []
        with open(f"{folder}/METADATA", encoding="utf-8") as file:
            minimum = re.search(r"^Requires-Python: *(>=[0-9.]+)", file.read(), re.MULTILINE)
        with open(f"{folder}/INSTALLER", "w", encoding="utf-8") as file:
            file.write("conda\n")
        os.unlink(f"{folder}/RECORD")
        python = f"python {minimum.group(1)}" if minimum else "python"
        return write_package(channel, tree, name, version, "0", [python], "python", entry_points)


def python(channel, tree, version):
    full = subprocess.check_output(
        [f"{tree}/bin/python3", "-c", "import platform; print(platform.python_version())"], env={}, text=True
    ).strip()
    assert full.startswith(version), full
    return write_package(channel, tree, "python", full, "0_cpython", ["__glibc >=2.17,<3.0.a0"], license="Python-2.0")


def debian_program(channel, tree):
    with tempfile.TemporaryDirectory() as made:
        os.makedirs(f"{made}/bin")
        shutil.copy(f"{tree}/usr/bin/tree", f"{made}/bin/tree")
        return write_package(channel, made, "tree", "2.1.0", "0", ["__glibc >=2.17,<3.0.a0"], license="GPL-2.0-or-later")


def activated(channel):
    """A package with what activating its environment runs, as compilers and GDAL have it."""
    with tempfile.TemporaryDirectory() as made:
        scripts = f"{made}/etc/conda/activate.d"
        os.makedirs(scripts)
        with open(f"{scripts}/bed-activated.sh", "w", encoding="utf-8") as file:
            # With an array and a function of bash, as real ones.
            file.write('_places=(share bed)\nfunction _join { local IFS=/; echo "$*"; }\n')
            file.write('export BED_DATA="$CONDA_PREFIX/$(_join "${_places[@]}")"\nexport CONDA_BACKUP_BED_DATA=""\n')
            file.write('export PATH="$CONDA_PREFIX/bed-tools:$PATH"\necho activated\n')
        os.makedirs(f"{made}/share/bed")
        with open(f"{made}/share/bed/table.txt", "w", encoding="utf-8") as file:
            file.write("earth\n")
        return write_package(channel, made, "bed-activated", "1.0", "0", [])


def main():
    out, pythons, wheels, tree = sys.argv[1:]
    channel = f"{out}/conda-forge"
    packages = [python(channel, f"{pythons}/{version}", version) for version in sorted(os.listdir(pythons)) if version[0].isdigit()]
    packages += [from_wheel(channel, wheel) for wheel in sorted(glob.glob(f"{wheels}/*.whl"))]
    packages += [debian_program(channel, tree), activated(channel)]
    write_repodata(channel, packages)


main()
