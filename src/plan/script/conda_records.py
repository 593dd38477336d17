# Writes the RECORD that conda packages come without, from what conda notes: whoever replaces such a package by another
# version has to know its files, or leaves them behind.
# Argument: the prefix
import csv
import glob
import json
import os
import sys

(prefix,) = sys.argv[1:]
for note in sorted(glob.glob(os.path.join(glob.escape(prefix), "conda-meta", "*.json"))):
    with open(note, encoding="utf-8") as file:
        files = json.load(file).get("files", [])
    infos = [os.path.dirname(path) for path in files if path.endswith(".dist-info/METADATA")]
    # Of several in one package nothing says whose a file is.
    if len(infos) != 1 or not os.path.isdir(os.path.join(prefix, infos[0])):
        continue
    record = os.path.join(infos[0], "RECORD")
    if not os.path.exists(os.path.join(prefix, record)):
        with open(os.path.join(prefix, record), "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerows([os.path.relpath(path, os.path.dirname(infos[0])), "", ""] for path in sorted({*files, record}))
