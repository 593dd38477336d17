# Many steps install what is locked, at the same time. One program fetches it all with far fewer connections and name lookups
# than they would need, so where much is missing it is fetched here, into the cache that they share. They can do without.
fetch() { "$uv" pip install "$@" --python "$python" --no-deps --no-build --require-hashes --target /tmp/imagespec/fetched --requirement /tmp/imagespec/fetch.txt; }
"$python" -s -S -B - "$lock" > /tmp/imagespec/fetch.txt <<'FETCH'
import re
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    blocks = file.read().split("[[packages]]")[1:]
for block in blocks:
    name, version = (re.search(rf'^{key} = "([^"]+)"', block, re.M) for key in ("name", "version"))
    hashes = re.findall(r'sha256 = "([0-9a-f]{64})"', block.partition("\nwheels = ")[2])
    if name and version and hashes:
        print(f"{name[1]}=={version[1]}", *(f"--hash=sha256:{digest}" for digest in hashes))
FETCH
missing=$(fetch "$@" --dry-run 2>&1 | sed -n 's/^Would download \([0-9]*\) .*/\1/p') || true
if [ "${missing:-0}" -ge 8 ]; then UV_LINK_MODE=symlink fetch "$@" || true; fi
