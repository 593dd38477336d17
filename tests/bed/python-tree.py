"""python-tree.py VERSION FREEZE_CORE.whl LIB OUT: puts a relocatable CPython together.

freeze-core's wheel has a launcher for frozen programs into which the whole of libpython is linked, and the compiled
modules of the standard library with the shared libraries that they need. The launcher becomes the interpreter by
sending its `main` to `Py_BytesMain`, which is the `main` of the real one.
"""

import os
import shutil
import struct
import sys
import tempfile
import zipfile

# Needs graphics libraries, serves CPython's own tests, or belongs to the platform that the sources were installed for.
LEFT_OUT = ("_test", "_ctypes_test", "xx", "_xxtest", "_tkinter", "test", "idlelib", "tkinter", "turtledemo", "turtle.py")
LEFT_OUT += ("_sysconfigdata_", "config-", "site-packages", "__pycache__")


def table(data):
    """Yields (type, offset, size, entry size, link) of each ELF section."""
    start, = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    for index in range(count):
        _, type_, _, _, offset, length, link, _, _, entry = struct.unpack_from("<IIQQQQIIQQ", data, start + index * size)
        yield (type_, offset, length, entry, link)


def symbols(data):
    sections = list(table(data))
    for type_, offset, length, entry, link in sections:
        if type_ != 11:  # SHT_DYNSYM
            continue
        names = sections[link][1]
        for at in range(offset, offset + length, entry):
            name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", data, at)
            end = data.index(b"\0", names + name)
            yield data[names + name : end].decode(), value


def file_offset(data, address):
    start, = struct.unpack_from("<Q", data, 0x20)
    size, count = struct.unpack_from("<HH", data, 0x36)
    for index in range(count):
        type_, _, offset, virtual, _, length, _, _ = struct.unpack_from("<IIQQQQQQ", data, start + index * size)
        if type_ == 1 and virtual <= address < virtual + length:
            return address - virtual + offset
    raise SystemExit(f"address {address:#x} lies in no segment")


def interpreter(launcher):
    data = bytearray(launcher)
    address = dict(symbols(launcher))
    jump = address["Py_BytesMain"] - address["main"] - 5
    at = file_offset(launcher, address["main"])
    data[at : at + 5] = b"\xe9" + struct.pack("<i", jump)
    return data


def build_variables(version):
    """The part of sysconfig's build-time variables that installers and interpreters' probes read."""
    digits = version.replace(".", "")
    return f'''# The build-time variables of this interpreter, with its present place in the place of the one it was built for.
import sys

_prefix = sys.base_prefix
build_time_vars = {{
    "ABIFLAGS": "", "AR": "gcc-ar", "ARFLAGS": "rcs", "BINDIR": _prefix + "/bin", "BINLIBDEST": _prefix + "/lib/python{version}",
    "CC": "gcc", "CCSHARED": "-fPIC", "CFLAGS": "-fno-strict-overflow -Wsign-compare -DNDEBUG -O3 -Wall", "CXX": "g++",
    "EXT_SUFFIX": ".cpython-{digits}-x86_64-linux-gnu.so", "HOST_GNU_TYPE": "x86_64-pc-linux-gnu",
    "INCLUDEPY": _prefix + "/include/python{version}", "CONFINCLUDEPY": _prefix + "/include/python{version}",
    "LDFLAGS": "", "LDLIBRARY": "libpython{version}.a", "LDSHARED": "gcc -shared", "LDCXXSHARED": "g++ -shared",
    "LIBDEST": _prefix + "/lib/python{version}", "LIBDIR": _prefix + "/lib", "LIBPL": _prefix + "/lib/python{version}/config",
    "LIBRARY": "libpython{version}.a", "LIBS": "-lpthread -ldl -lutil -lm", "MACHDEP": "linux",
    "MULTIARCH": "x86_64-linux-gnu", "OPT": "-DNDEBUG -O3 -Wall", "Py_DEBUG": 0, "Py_ENABLE_SHARED": 0,
    "SHLIB_SUFFIX": ".so", "SOABI": "cpython-{digits}-x86_64-linux-gnu",
    "TZPATH": "/usr/share/zoneinfo:/usr/lib/zoneinfo:/usr/share/lib/zoneinfo:/etc/zoneinfo",
    "VERSION": "{version}", "WITH_PYMALLOC": 1, "exec_prefix": _prefix, "prefix": _prefix,
}}
'''


def main():
    version, wheel, library, out = sys.argv[1:]
    home = f"{out}/lib/python{version}"
    wanted = lambda name: not name.startswith(LEFT_OUT)
    shutil.copytree(library, home, ignore=lambda _, names: [name for name in names if not wanted(name)])
    os.makedirs(f"{home}/site-packages")
    with open(f"{home}/_sysconfigdata__linux_x86_64-linux-gnu.py", "w", encoding="utf-8") as file:
        file.write(build_variables(version))

    with tempfile.TemporaryDirectory() as opened:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(opened)
        modules = f"{opened}/freeze_core/lib"
        os.makedirs(f"{home}/lib-dynload")
        for name in filter(wanted, os.listdir(modules)):
            shutil.copy(f"{modules}/{name}", f"{home}/lib-dynload/{name}")
        # The modules look for their libraries at $ORIGIN/../../freeze_core.libs; only those that one of them names go.
        libraries = f"{opened}/freeze_core.libs"
        os.makedirs(f"{out}/lib/freeze_core.libs")
        waiting = [f"{home}/lib-dynload/{name}" for name in os.listdir(f"{home}/lib-dynload")]
        left = set(os.listdir(libraries))
        while waiting:
            with open(waiting.pop(), "rb") as file:
                content = file.read()
            for name in [name for name in left if name.encode() + b"\0" in content]:
                left.remove(name)
                waiting.append(shutil.copy(f"{libraries}/{name}", f"{out}/lib/freeze_core.libs/{name}"))
        with open(f"{opened}/freeze_core/bases/console-cpython-{version.replace('.', '')}-x86_64-linux-gnu", "rb") as file:
            launcher = file.read()

    os.makedirs(f"{out}/bin")
    with open(f"{out}/bin/python{version}", "wb") as file:
        file.write(interpreter(launcher))
    os.chmod(f"{out}/bin/python{version}", 0o755)
    os.symlink(f"python{version}", f"{out}/bin/python3")
    os.symlink("python3", f"{out}/bin/python")


main()
