# What packages need, and what there is besides them, for whoever holds one against the other.
# Arguments: where to write it; the prefix; then for each tree its root and the names in it, "--" before each.
import json
import os
import re
import site
import sys
import sysconfig

target, prefix, *rest = sys.argv[1:]
trees = [tree.split() for tree in " ".join(rest).split("--") if tree.strip()]
# Without `site`, a venv's interpreter reports the base interpreter's paths.
scheme = "venv" if "venv" in sysconfig.get_scheme_names() else "posix_prefix"
places = {"base": prefix, "platbase": prefix, "installed_base": prefix, "installed_platbase": prefix}
here = sorted({sysconfig.get_path(kind, scheme, places) for kind in ("purelib", "platlib")})


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def head(path):
    """The name, version, requirements and extras in the head of a METADATA file."""
    found = {"name": "", "version": "", "requires": [], "extras": []}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            key, _, value = line.partition(":")
            if not line.strip():
                break
            if key in ("Name", "Version"):
                found[key.lower()] = value.strip()
            elif key == "Requires-Dist":
                found["requires"].append(value.strip())
            elif key == "Provides-Extra":
                found["extras"].append(value.strip())
    return found


def packages_in(place):
    """The name and version of each package in a directory, with the name of its entry."""
    for entry in sorted(os.listdir(place)) if os.path.isdir(place) else []:
        stem, _, kind = entry.rpartition(".")
        if kind == "dist-info":
            name, _, version = stem.rpartition("-")
            yield normalised(name), version, entry
        elif kind == "egg-info":
            name, _, rest = stem.partition("-")
            yield normalised(name), rest.split("-")[0], entry


def places_below():
    """The directories of the interpreter's packages, and those that they lead to."""
    found = list(dict.fromkeys(here + site.getsitepackages([sys.base_prefix, sys.prefix])))
    for place in filter(os.path.isdir, list(found)):
        for name in sorted(os.listdir(place)):
            if name.endswith(".pth"):
                with open(os.path.join(place, name), errors="replace") as file:
                    found += [line.strip() for line in file if line.startswith("/")]
    return found


installed = []
for root, *names in trees:
    for place in here:
        for name, _, entry in packages_in(root + place):
            metadata = os.path.join(root + place, entry, "METADATA")
            if name in names and os.path.isfile(metadata):
                installed.append(head(metadata))
there = {}
for place in places_below():
    for name, version, _ in packages_in(place):
        there.setdefault(name, version)
with open(target, "w") as file:
    json.dump({"installed": installed, "there": there}, file)
