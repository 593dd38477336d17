"""indexes.py OUT: two package indexes with one tiny wheel each, OUT/private and OUT/extra."""

import base64
import hashlib
import os
import sys
import zipfile


def wheel(folder, name, version):
    module, stem = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    files = {
        f"{module}/__init__.py": f'"""A package of imagespec\'s test bed."""\n\n\ndef greet():\n    return "hello from {name}"\n',
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


def page(folder, links):
    body = "".join(f'<a href="{href}">{text}</a><br>\n' for href, text in links)
    with open(f"{folder}/index.html", "w", encoding="utf-8") as file:
        file.write(f'<!DOCTYPE html>\n<html><head><meta name="pypi:repository-version" content="1.0"></head><body>\n{body}</body></html>\n')


def index(root, name, version):
    folder = f"{root}/simple/{name}"
    os.makedirs(folder)
    file = wheel(folder, name, version)
    with open(file, "rb") as content:
        digest = hashlib.sha256(content.read()).hexdigest()
    page(folder, [(f"{os.path.basename(file)}#sha256={digest}", os.path.basename(file))])
    page(f"{root}/simple", [(f"{name}/", name)])


index(f"{sys.argv[1]}/private", "bed-private-demo", "1.0.0")
index(f"{sys.argv[1]}/extra", "bed-extra-demo", "1.0.0")
