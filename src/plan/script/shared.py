# Files that several packages have, as their RECORDs say: the package whose name comes last keeps them.
# Arguments: the prefix; then for each tree its root and the names in it, "--" before each.
import csv
import json
import os
import re
import sys
import sysconfig

prefix, *rest = sys.argv[1:]
trees = [tree.split() for tree in " ".join(rest).split("--") if tree.strip()]
# Without `site`, a venv's interpreter reports the base interpreter's paths.
scheme = "venv" if "venv" in sysconfig.get_scheme_names() else "posix_prefix"
places = {"base": prefix, "platbase": prefix, "installed_base": prefix, "installed_platbase": prefix}
here = sorted({sysconfig.get_path(kind, scheme, places) for kind in ("purelib", "platlib")})


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


owners = {}
for root, *names in trees:
    root = "" if root == "/" else root
    for site in here:
        if not os.path.isdir(root + site):
            continue
        for entry in sorted(os.listdir(root + site)):
            stem, dot, kind = entry.rpartition(".")
            name = normalised(stem.rsplit("-", 1)[0])
            record = os.path.join(root + site, entry, "RECORD")
            if kind != "dist-info" or name not in names or not os.path.isfile(record):
                continue
            with open(record, newline="") as file:
                for row in csv.reader(file):
                    path = os.path.normpath(os.path.join(site, row[0]))
                    if not path.endswith(".pyc"):
                        owners.setdefault(path, {})[name] = row[1] if len(row) > 1 else ""
shared = []
for path, by_name in sorted(owners.items()):
    if len(set(by_name.values())) > 1:
        shared.append({"path": path, "packages": sorted(by_name)})
if os.environ.get("SHARED_AS") == "names":
    print(*sorted({file["packages"][-1] for file in shared}))
else:
    with open(os.environ["SHARED_AS"], "w") as file:
        json.dump(shared, file)
