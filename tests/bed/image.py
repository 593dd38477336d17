"""image.py OUT.tar NAME CONFIG.json LAYER.tar...: writes an image archive that `docker load` takes on either store.

The archive is both an OCI layout and a docker-save archive. Nothing in it depends on the time or the machine, so the
same layers give the same digest.
"""

import hashlib
import io
import json
import shutil
import sys
import tarfile

EPOCH = "2025-01-01T00:00:00Z"


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else slow_digest(file)


def slow_digest(file):
    digest = hashlib.sha256()
    for block in iter(lambda: file.read(1 << 20), b""):
        digest.update(block)
    return digest.hexdigest()


class Archive:
    def __init__(self, path):
        self.tar = tarfile.open(path, "w", format=tarfile.GNU_FORMAT)
        self.seen = set()

    def member(self, name, size):
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = size, 0o644, 0
        return entry

    def text(self, name, value):
        data = json.dumps(value, separators=(",", ":")).encode()
        self.tar.addfile(self.member(name, len(data)), io.BytesIO(data))

    def blob(self, data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        self.tar.addfile(self.member(f"blobs/sha256/{digest}", len(data)), io.BytesIO(data))
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def layer(self, path):
        digest = digest_of(path)
        with open(path, "rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            if digest not in self.seen:
                self.tar.addfile(self.member(f"blobs/sha256/{digest}", size), file)
                self.seen.add(digest)
        return {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": f"sha256:{digest}", "size": size}


def main():
    out, name, config_path, *layers = sys.argv[1:]
    with open(config_path, encoding="utf-8") as file:
        process = json.load(file)
    archive = Archive(out + ".tmp")
    descriptors = [archive.layer(path) for path in layers]
    config = archive.blob(
        json.dumps(
            {
                "created": EPOCH,
                "architecture": "amd64",
                "os": "linux",
                "config": process,
                "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in descriptors]},
                "history": [{"created": EPOCH, "created_by": "imagespec test bed"} for _ in descriptors],
            },
            separators=(",", ":"),
        ).encode(),
        "application/vnd.oci.image.config.v1+json",
    )
    manifest_type = "application/vnd.oci.image.manifest.v1+json"
    manifest = archive.blob(
        json.dumps(
            {"schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": descriptors},
            separators=(",", ":"),
        ).encode(),
        manifest_type,
    )
    tag = name.rpartition(":")[2]
    manifest["annotations"] = {
        "io.containerd.image.name": f"docker.io/{name}",
        "org.opencontainers.image.ref.name": tag,
    }
    archive.text("index.json", {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest]})
    archive.text("oci-layout", {"imageLayoutVersion": "1.0.0"})
    blob = lambda descriptor: "blobs/sha256/" + descriptor["digest"].removeprefix("sha256:")
    archive.text(
        "manifest.json",
        [{"Config": blob(config), "RepoTags": [name], "Layers": [blob(layer) for layer in descriptors]}],
    )
    archive.tar.close()
    shutil.move(out + ".tmp", out)


main()
