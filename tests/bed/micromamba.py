"""The bed's micromamba: rattler's solver and installer behind the part of micromamba's command line that builds use.

No package registry carries micromamba itself. What is not understood here is refused, so that a build that relies on
more than this part fails instead of passing by luck.
"""

import asyncio
import datetime
import glob
import json
import os
import shlex
import shutil
import subprocess
import sys

from micromamba_options import Options, channel_urls, user_rc

VERSION = "2.0.3"


class Failure(Exception):
    pass


async def transaction(options, create):
    provide_certificates()
    import rattler
    import rattler.exceptions

    target, urls = options.target(), channel_urls(options)
    if create and os.path.isdir(target):
        if os.path.isdir(f"{target}/conda-meta"):
            shutil.rmtree(target)
        elif os.listdir(target):
            raise Failure("Non-conda folder exists at prefix - aborting.")
    if not create and not os.path.isdir(f"{target}/conda-meta"):
        raise Failure(f"The given prefix does not exist: {target}")
    installed = [rattler.PrefixRecord.from_path(file) for file in sorted(glob.glob(f"{target}/conda-meta/*.json"))]

    try:
        specs = [rattler.MatchSpec(spec) for spec in options.specs]
    except Exception as error:
        raise Failure(f"Invalid MatchSpec: {error}") from None
    if not options.quiet and urls:
        print("\n".join(f"{url}/{subdir}" for url in urls for subdir in ("linux-64", "noarch")))
    gateway = rattler.Gateway(cache_dir=f"{package_cache(options)}/cache")
    platforms = [rattler.Subdir("linux-64"), rattler.Subdir("noarch")]
    try:
        known = await gateway.query(urls, platforms, specs, recursive=False) if urls else []
    except Exception as error:
        raise Failure(f"Download error: {chain(error)}") from None
    names = {str(record.name.normalized) for records in known for record in records}
    missing = [spec for spec in specs if str(spec.name.normalized) not in names]
    if missing:
        raise unsolved(missing)
    try:
        records = await rattler.solve(
            urls,
            specs,
            gateway=gateway,
            platforms=platforms,
            locked_packages=installed,
            virtual_packages=rattler.VirtualPackage.detect(),
            add_pip_as_python_dependency=True,
        )
    except rattler.exceptions.SolverError as error:
        raise Failure(f"Could not solve for environment specs\n    The following packages are incompatible\n{error}") from None

    before = {(record.name.normalized, str(record.version)) for record in installed}
    new = [record for record in records if (record.name.normalized, str(record.version)) not in before]
    await rattler.install(
        records, target, cache_dir=package_cache(options), installed_packages=installed,
        platform=rattler.Subdir("linux-64"), show_progress=False, execute_link_scripts=True,
        requested_specs=[spec._match_spec for spec in specs],
    )  # fmt: skip
    for record in new:
        compile_bytecode(target, record)
    write_history(target, new, options)
    register(target)
    if not options.quiet:
        print("\nTransaction\n\n  Prefix: " + target + "\n\n  Updating specs:\n")
        print("\n".join(f"   - {spec}" for spec in options.specs) + "\n")
        print("\n".join(f"  + {record.name.normalized}  {record.version}  {record.build}  {record.channel}" for record in new))
        print("\nTransaction starting\n\nTransaction finished\n")


def provide_certificates():
    """On an image without any certificate the client would refuse to start, even for a channel over plain http."""
    if not os.environ.get("SSL_CERT_FILE") and not os.path.exists("/etc/ssl/certs/ca-certificates.crt"):
        import certifi

        os.environ["SSL_CERT_FILE"] = certifi.where()


def package_cache(options):
    return os.environ.get("CONDA_PKGS_DIRS", "").split(",")[0] or f"{options.root_prefix}/pkgs"


def unsolved(missing):
    many = len(missing) > 1
    lines = ["Could not solve for environment specs", f"    The following package{'s' if many else ''} could not be found"]
    for spec in missing:
        branch = "└─" if spec is missing[-1] else "├─"
        lines.append(f"    {branch} {spec.name.normalized} ={str(spec.version or '*').removesuffix('.*')} * does not exist (perhaps a typo or a missing channel).")
    return Failure("\n".join(lines))


def chain(error):
    parts = []
    while error is not None:
        parts.append(str(error))
        error = error.__cause__
    return ": ".join(parts)


def compile_bytecode(target, record):
    """micromamba compiles what a noarch Python package brings, and lists it among the package's files."""
    meta = f"{target}/conda-meta/{record.name.normalized}-{record.version}-{record.build}.json"
    with open(meta, encoding="utf-8") as file:
        data = json.load(file)
    sources = [file for file in data.get("files", []) if file.endswith(".py") and "site-packages/" in file]
    if data.get("noarch") != "python" or not sources or not os.path.exists(f"{target}/bin/python"):
        return
    names = "\n".join(f"{target}/{file}" for file in sources)
    subprocess.run([f"{target}/bin/python", "-Wi", "-m", "compileall", "-q", "-l", "-i", "-"], input=names, text=True, check=False)
    tag = os.path.basename(os.path.realpath(f"{target}/bin/python")).removeprefix("python").replace(".", "")
    for file in sources:
        folder, name = os.path.split(file)
        compiled = f"{folder}/__pycache__/{name[:-3]}.cpython-{tag}.pyc"
        if os.path.exists(f"{target}/{compiled}"):
            data["files"].append(compiled)
            data.get("paths_data", {}).get("paths", []).append({"_path": compiled, "path_type": "pyc_file"})
    with open(meta, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=4, sort_keys=True)


def write_history(target, new, options):
    now = datetime.datetime.now(datetime.timezone.utc)
    with open(f"{target}/conda-meta/history", "a", encoding="utf-8") as file:
        file.write(f"==> {now:%Y-%m-%d %H:%M:%S} <==\n# cmd: {shlex.join(['micromamba', *sys.argv[1:]])}\n# conda version: 3.8.0\n")
        for record in sorted(new, key=lambda record: record.name.normalized):
            channel = str(record.channel).rstrip("/").rpartition("/")[2]
            file.write(f"+{channel}/{record.subdir}::{record.name.normalized}-{record.version}-{record.build}\n")
        file.write(f"# update specs: {json.dumps(options.specs)}\n")


def register(target):
    known = os.path.expanduser("~/.conda/environments.txt")
    os.makedirs(os.path.dirname(known), exist_ok=True)
    with open(known, "a+", encoding="utf-8") as file:
        file.seek(0)
        if target not in file.read().splitlines():
            file.write(target + "\n")


def set_configuration(words):
    if len(words) != 3 or words[0] != "set":
        raise Failure("only `config set KEY VALUE` is known here")
    file, kept = user_rc(), []
    os.makedirs(os.path.dirname(file), exist_ok=True)
    if os.path.exists(file):
        with open(file, encoding="utf-8") as lines:
            kept = [line for line in lines if line.partition(":")[0] != words[1]]
    with open(file, "w", encoding="utf-8") as lines:
        lines.writelines([*kept, f"{words[1]}: {words[2]}\n"])


def main(words):
    status = 0
    try:
        if "--version" in words:
            print(VERSION)
        elif words[:1] == ["config"]:
            set_configuration(words[1:])
        elif words[:1] in (["create"], ["install"]):
            asyncio.run(transaction(Options(words[1:]), words[0] == "create"))
        else:
            raise Failure(f"unknown command: {' '.join(words[:1]) or '(none)'}")
    except Failure as failure:
        sys.stdout.flush()
        message = str(failure)
        print(f"error    libmamba {message}\ncritical libmamba {message.splitlines()[0]}", file=sys.stderr)
        status = 1
    # Not by way of the interpreter's own end: rattler's threads, still running, would crash it now and then.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


main(sys.argv[1:])
