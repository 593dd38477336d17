# The same step gives the same layer anywhere: what it wrote gets its owner and a fixed time, and
# bytecode is made to fit the new time of its source, so that Python does not compile again.
import importlib.util
import os
import pwd
import py_compile
import sys

time, owner, prefix, *around = sys.argv[1:]
time = int(time)
account = pwd.getpwnam(owner)
started = os.stat("/tmp/.started").st_mtime_ns
recent = os.stat("/tmp/.recent").st_mtime_ns


def settle(path):
    status = os.lstat(path)
    if (status.st_uid, status.st_gid) != (account.pw_uid, account.pw_gid):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    if status.st_mtime_ns != time * 10**9:
        os.utime(path, (time, time), follow_symlinks=False)


def fit_bytecode(source):
    compiled = importlib.util.cache_from_source(source)
    if not os.path.isfile(compiled):
        return
    size = os.path.getsize(source) & 0xFFFFFFFF
    with open(compiled, "r+b") as file:
        head = file.read(16)
        if head[:4] == importlib.util.MAGIC_NUMBER and int.from_bytes(head[4:8], "little") & 1:
            return
        if head[:8] == importlib.util.MAGIC_NUMBER + bytes(4) and int.from_bytes(head[12:], "little") == size:
            file.seek(8)
            file.write(time.to_bytes(4, "little"))
            return
    py_compile.compile(source, compiled, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)


folders, files = [], []
for folder, inner, names in os.walk(prefix):
    folders.append(folder)
    files += [os.path.join(folder, name) for name in names]
    files += [path for path in (os.path.join(folder, name) for name in inner) if os.path.islink(path)]
files = [path for path in files if os.lstat(path).st_ctime_ns >= started]
for path in files:
    settle(path)
for path in files:
    if path.endswith(".py") and not os.path.islink(path):
        fit_bytecode(path)
# Again, for bytecode that was written just now, and folders after all that is in them.
for path in files:
    settle(path)
for folder in reversed(folders):
    for name in os.listdir(folder) if folder.endswith("__pycache__") else ():
        path = os.path.join(folder, name)
        if os.lstat(path).st_ctime_ns >= started:
            settle(path)
    if os.lstat(folder).st_ctime_ns >= started:
        settle(folder)
for folder in around:
    if os.path.isdir(folder) and os.stat(folder).st_mtime_ns >= recent:
        os.utime(folder, (time, time))
