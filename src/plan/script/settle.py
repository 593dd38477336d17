# Makes the step's layer reproducible: what it wrote gets its owner and a fixed time.
# Bytecode is made to fit the new time of its source, so that Python does not compile again, and is written
# so that it does not depend on what else was compiled: compilers mark what their process happens to share.
# Packages that were installed without bytecode get it here; that is faster than compiling twice.
import importlib.util
import marshal
import os
import pwd
import sys
import types
import warnings

time, owner, prefix, around = sys.argv[1:]
time = int(time)
around = around.splitlines()
# Making the prefix changed the directories above it.
above = os.path.dirname(prefix)
while above != "/":
    around.append(above)
    above = os.path.dirname(above)
account = pwd.getpwnam(owner)
started = os.stat("/tmp/.started").st_mtime_ns
recent = os.stat("/tmp/.recent").st_mtime_ns


def settle(path):
    status = os.lstat(path)
    if (status.st_uid, status.st_gid) != (account.pw_uid, account.pw_gid):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    if status.st_mtime_ns != time * 10**9:
        os.utime(path, (time, time), follow_symlinks=False)


def copied(value):
    return marshal.loads(marshal.dumps(value))


def unshared(code):
    """Equal sets are one object or several, as strings in them were known to the compiler or not."""
    constants = []
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            constant = unshared(constant)
        elif isinstance(constant, frozenset):
            constant = copied(constant)
        constants.append(constant)
    if all(new is old for new, old in zip(constants, code.co_consts)):
        return code
    return code.replace(co_consts=tuple(constants))


def canonical(code):
    return marshal.dumps(copied(unshared(code)))


def is_imported(source):
    """Packages' own tests are half of what there is to compile, and nobody runs them in an image."""
    _, found, inner = source.partition("/site-packages/")
    return found and not {"test", "tests"}.intersection(inner.split("/")[:-1])


def fit_bytecode(source):
    compiled = importlib.util.cache_from_source(source)
    by_time = importlib.util.MAGIC_NUMBER + bytes(4)
    head = by_time + time.to_bytes(4, "little") + (os.path.getsize(source) & 0xFFFFFFFF).to_bytes(4, "little")
    old = b""
    if os.path.isfile(compiled):
        with open(compiled, "rb") as file:
            old = file.read()
    elif not is_imported(source):
        return
    if old[:8] == by_time and old[12:16] == head[12:]:
        code = marshal.loads(old[16:])
    elif old[:4] == importlib.util.MAGIC_NUMBER and old[4] & 1:
        head, code = old[:16], marshal.loads(old[16:])
    else:
        try:
            with open(source, "rb") as file:
                code = copied(compile(file.read(), source, "exec", dont_inherit=True))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            # Templates, or code for other Python versions.
            return
    new = head + canonical(code)
    if new == old:
        return
    os.makedirs(os.path.dirname(compiled), exist_ok=True)
    mode = (os.stat(source).st_mode | 0o200) & 0o666
    with open(compiled, "wb", opener=lambda path, flags: os.open(path, flags, mode)) as file:
        file.write(new)


def fit_all(sources):
    """Spread over processes: nearly all of a step's time is spent here."""
    warnings.simplefilter("ignore")
    count = max(1, min(len(os.sched_getaffinity(0)), len(sources) // 50))
    # Neighbours are similar in size: dealing them out one by one balances the work.
    parts = [sources[number::count] for number in range(count)]
    children = []
    for part in parts[1:]:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for source in part:
                    fit_bytecode(source)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    for source in parts[0]:
        fit_bytecode(source)
    if any(os.waitpid(child, 0)[1] for child in children):
        sys.exit("bytecode could not be written")


folders, files = [], []
for folder, inner, names in os.walk(prefix):
    folders.append(folder)
    files += [os.path.join(folder, name) for name in names]
    files += [path for path in (os.path.join(folder, name) for name in inner) if os.path.islink(path)]
files = [path for path in files if os.lstat(path).st_ctime_ns >= started]
for path in files:
    settle(path)
sources = {path for path in files if path.endswith(".py") and not os.path.islink(path)}
# Whoever replaces a package takes the compiled files of its neighbours in a folder with it.
for folder in folders:
    if not folder.endswith("__pycache__") and os.lstat(folder).st_ctime_ns >= started:
        for entry in os.scandir(folder):
            is_source = entry.name.endswith(".py") and entry.is_file(follow_symlinks=False)
            if is_source and not os.path.exists(importlib.util.cache_from_source(entry.path)):
                sources.add(entry.path)
fit_all(sorted(sources))
# Again, for the bytecode that was just written; folders after everything in them.
for path in files:
    settle(path)
for folder in reversed(folders):
    caches = [os.path.join(folder, "__pycache__")] if not folder.endswith("__pycache__") else []
    for cache in filter(os.path.isdir, caches):
        for name in os.listdir(cache):
            path = os.path.join(cache, name)
            if os.lstat(path).st_ctime_ns >= started:
                settle(path)
        if os.lstat(cache).st_ctime_ns >= started:
            settle(cache)
    if os.lstat(folder).st_ctime_ns >= started:
        settle(folder)
for folder in around:
    if os.path.isdir(folder) and os.stat(folder).st_mtime_ns >= recent:
        os.utime(folder, (time, time))
