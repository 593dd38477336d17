"""indexes.py OUT: two package indexes with tiny packages, OUT/private and OUT/extra, and a git repository, OUT/git."""

import base64
import hashlib
import os
import subprocess
import sys
import zipfile

PROJECT = """\
[project]
name = "bed-git-demo"
version = "1.0.0"
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
"""


def wheel(folder, name, version, files):
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: >=3.8\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: imagespec-bed\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text.encode())}\n"
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    file = f"{folder}/{stem}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2025, 1, 1, 0, 0, 0)), text)
    return file


def greeting(name):
    text = f'"""A package of imagespec\'s test bed."""\n\n\ndef greet():\n    return "hello from {name}"\n'
    return {f"{name.replace('-', '_')}/__init__.py": text}


def page(folder, links):
    body = "".join(f'<a href="{href}"{more}>{text}</a><br>\n' for href, text, more in links)
    with open(f"{folder}/index.html", "w", encoding="utf-8") as file:
        file.write(f'<!DOCTYPE html>\n<html><head><meta name="pypi:repository-version" content="1.0"></head><body>\n{body}</body></html>\n')


def index(root, projects):
    """Projects by name: for each version its files, what the link says besides, and whether it lies of the hash."""
    for name, versions in projects.items():
        folder = f"{root}/simple/{name}"
        os.makedirs(folder)
        links = []
        for version, (files, more, lies) in versions.items():
            file = wheel(folder, name, version, files)
            with open(file, "rb") as content:
                digest = hashlib.sha256(content.read()).hexdigest()
            digest = "0" * 64 if lies else digest
            links.append((f"{os.path.basename(file)}#sha256={digest}", os.path.basename(file), more))
        page(folder, links)
    page(f"{root}/simple", [(f"{name}/", name, "") for name in projects])


def repository(folder):
    """A repository with one package, as a plain file server can serve it."""
    work = f"{folder}/work"
    os.makedirs(f"{work}/bed_git_demo")
    with open(f"{work}/pyproject.toml", "w", encoding="utf-8") as file:
        file.write(PROJECT)
    with open(f"{work}/bed_git_demo/__init__.py", "w", encoding="utf-8") as file:
        file.write(greeting("bed-git-demo")["bed_git_demo/__init__.py"])
    fixed = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in
             (("NAME", "bed"), ("EMAIL", "bed@example.com"), ("DATE", "2025-01-01T00:00:00Z"))}

    def git(*arguments):
        subprocess.run(["git", "-C", work, *arguments], check=True, env={**os.environ, **fixed}, stdout=subprocess.DEVNULL)

    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "first")
    git("tag", "v1")
    git("clone", "-q", "--bare", ".", f"{folder}/demo.git")
    subprocess.run(["git", "-C", f"{folder}/demo.git", "update-server-info"], check=True)


def shared(name):
    return {**greeting(name), "bed_shared.py": f'OWNER = "{name}"\n', "bed_space/" + name.replace("-", "_") + ".py": "X = 1\n"}


out = sys.argv[1]
index(f"{out}/private", {"bed-private-demo": {"1.0.0": (greeting("bed-private-demo"), "", False)}})
index(f"{out}/extra", {
    "bed-extra-demo": {"1.0.0": (greeting("bed-extra-demo"), "", False)},
    "bed-shared-a": {"1.0.0": (shared("bed-shared-a"), "", False)},
    "bed-shared-b": {"1.0.0": (shared("bed-shared-b"), "", False)},
    "bed-yanked": {"1.0.0": (greeting("bed-yanked"), ' data-yanked="broken"', False)},
    "bed-lying": {"1.0.0": (greeting("bed-lying"), "", True)},
})
repository(f"{out}/git")
