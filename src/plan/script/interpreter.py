# Reports what decides markers and wheel tags.
import json
import os
import platform
import sys
import sysconfig


def version_of(info):
    kind = info.releaselevel
    return f"{info.major}.{info.minor}.{info.micro}" + ("" if kind == "final" else kind[0] + str(info.serial))


def libc():
    try:
        name, version = os.confstr("CS_GNU_LIBC_VERSION").split()
    except (AttributeError, ValueError, OSError):
        # musl's loader prints its version when it is run.
        import glob
        import subprocess

        for loader in sorted(glob.glob("/lib/ld-musl-*")):
            said = subprocess.run([loader], capture_output=True, text=True).stderr
            numbers = [line.split()[1] for line in said.splitlines() if line.startswith("Version ")]
            if numbers:
                return ["musl", *map(int, numbers[0].split(".")[:2])]
        return None
    return [name, *map(int, version.split(".")[:2])]


implementation = sys.implementation
markers = {
    "implementation_name": implementation.name,
    "implementation_version": version_of(implementation.version),
    "os_name": os.name,
    "platform_machine": platform.machine(),
    "platform_python_implementation": platform.python_implementation(),
    # The kernel is the builder's, not the image's.
    "platform_release": "",
    "platform_system": platform.system(),
    "platform_version": "",
    "python_full_version": platform.python_version(),
    "python_version": ".".join(platform.python_version_tuple()[:2]),
    "sys_platform": sys.platform,
}
free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
with open(sys.argv[1], "w") as file:
    json.dump({"markers": markers, "free_threaded": free_threaded, "libc": libc()}, file)
