"""zstd-frames.py FILE: prints the offset of everything in the file that begins like a zstd frame."""

import sys

MAGIC = b"\x28\xb5\x2f\xfd"

with open(sys.argv[1], "rb") as file:
    data = file.read()
offset = data.find(MAGIC)
while offset >= 0:
    print(offset, flush=True)
    offset = data.find(MAGIC, offset + 1)
