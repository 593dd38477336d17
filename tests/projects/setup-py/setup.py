import platform
import sys
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def version():
    scope = {}
    exec((HERE / "listen" / "version.py").read_text(encoding="utf-8"), scope)
    return scope["__version__"]


needs = [line for line in (HERE / "requirements.txt").read_text().splitlines() if line]
if sys.platform.startswith("linux") and platform.machine() == "x86_64":
    needs.append("sortedcontainers==2.4.0")

setup(
    name="listen-closely",
    version=version(),
    python_requires=">=3.8",
    packages=find_packages(exclude=["tests*"]),
    install_requires=needs,
    extras_require={"dev": ["iniconfig"]},
    include_package_data=True,
)
