"""Writes conda packages (.conda) and the repodata.json of a channel's folder."""

import hashlib
import io
import json
import os
import subprocess
import tarfile
import zipfile

EPOCH = 1735689600  # 2025-01-01: packages made of the same content are the same file.


def tarball(files):
    """A tar of (name, path) pairs, where path is a file, a link, or bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, path in files:
            if isinstance(path, bytes):
                entry = tarfile.TarInfo(name)
                entry.size, content = len(path), io.BytesIO(path)
            else:
                entry = tar.gettarinfo(path, name)
                # A file with two names in the tree is a file of its own under each in the package.
                if entry.islnk():
                    entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", os.path.getsize(path)
                content = open(path, "rb") if entry.isreg() else None
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            entry.mtime = EPOCH
            tar.addfile(entry, content)
            if content:
                content.close()
    return subprocess.run(["zstd", "-q", "-3", "-T2", "-c"], input=buffer.getvalue(), stdout=subprocess.PIPE, check=True).stdout


def write_package(channel, tree, name, version, build="0", depends=(), noarch=None, entry_points=(), license="unknown"):
    """Packs every file below `tree` into CHANNEL/SUBDIR/NAME-VERSION-BUILD.conda."""
    subdir = "noarch" if noarch else "linux-64"
    stem = f"{name}-{version}-{build}"
    files = sorted(
        os.path.relpath(os.path.join(folder, file), tree) for folder, _, found in os.walk(tree) for file in found
    )
    paths = []
    for file in files:
        full = os.path.join(tree, file)
        link = os.path.islink(full)
        with open(full, "rb") as content:
            data = content.read()
        paths.append(
            {
                "_path": file,
                "path_type": "softlink" if link else "hardlink",
                "sha256": hashlib.sha256(data).hexdigest(),
                "size_in_bytes": len(data),
            }
        )
    index = {
        "arch": None if noarch else "x86_64",
        "build": build,
        "build_number": int(build.partition("_")[0]),
        "depends": list(depends),
        "license": license,
        "name": name,
        "platform": None if noarch else "linux",
        "subdir": subdir,
        "timestamp": EPOCH * 1000,
        "version": version,
    }
    info = {"index.json": index, "about.json": {"license": license}, "paths.json": {"paths": paths, "paths_version": 1}}
    if noarch:
        index["noarch"] = noarch
        info["link.json"] = {"noarch": {"type": noarch, "entry_points": list(entry_points)}, "package_metadata_version": 1}
    info = {f"info/{key}": json.dumps(value, indent=2, sort_keys=True).encode() for key, value in info.items()}
    info["info/files"] = "".join(f"{file}\n" for file in files).encode()

    os.makedirs(f"{channel}/{subdir}", exist_ok=True)
    with zipfile.ZipFile(f"{channel}/{subdir}/{stem}.conda", "w", zipfile.ZIP_STORED) as archive:
        for member, data in (
            ("metadata.json", json.dumps({"conda_pkg_format_version": 2}).encode()),
            (f"pkg-{stem}.tar.zst", tarball((file, os.path.join(tree, file)) for file in files)),
            (f"info-{stem}.tar.zst", tarball(sorted(info.items()))),
        ):
            archive.writestr(zipfile.ZipInfo(member, (2025, 1, 1, 0, 0, 0)), data)
    return subdir, f"{stem}.conda", index


def write_repodata(channel, packages):
    """Writes the index of each folder; `packages` are the results of write_package."""
    for subdir in ("linux-64", "noarch"):
        found = {}
        for where, file, index in packages:
            if where != subdir:
                continue
            with open(f"{channel}/{subdir}/{file}", "rb") as content:
                data = content.read()
            found[file] = {key: value for key, value in index.items() if value is not None}
            found[file].update(
                md5=hashlib.md5(data).hexdigest(), sha256=hashlib.sha256(data).hexdigest(), size=len(data)
            )
        os.makedirs(f"{channel}/{subdir}", exist_ok=True)
        with open(f"{channel}/{subdir}/repodata.json", "w", encoding="utf-8") as file:
            repodata = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": found, "removed": [], "repodata_version": 1}
            json.dump(repodata, file, indent=1, sort_keys=True)
