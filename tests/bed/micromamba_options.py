"""What the bed's micromamba reads: its command line and its rc files."""

import os
import sys

ALIAS = "https://conda.anaconda.org"
SYSTEM_RC = "/etc/conda/.condarc"
WITH_VALUE = {
    "-r": "root_prefix", "--root-prefix": "root_prefix", "-p": "prefix", "--prefix": "prefix",
    "-n": "name", "--name": "name", "-c": "channel", "--channel": "channel",
}  # fmt: skip
FLAGS = {
    "-y": "yes", "--yes": "yes", "-q": "quiet", "--quiet": "quiet", "--no-rc": "no_rc",
    "--override-channels": "override_channels",
}  # fmt: skip


class Options:
    def __init__(self, words):
        self.root_prefix = os.environ.get("MAMBA_ROOT_PREFIX")
        self.prefix = self.name = None
        self.yes = self.quiet = self.no_rc = self.override_channels = False
        self.channels, self.specs = [], []
        words = list(words)
        while words:
            word = words.pop(0)
            key, equals, value = word.partition("=")
            if word in FLAGS:
                setattr(self, FLAGS[word], True)
            elif word.startswith("-") and key in WITH_VALUE and (equals or words):
                value = value if equals else words.pop(0)
                if WITH_VALUE[key] == "channel":
                    self.channels += value.split(",")
                else:
                    setattr(self, WITH_VALUE[key], value)
            elif word.startswith("-"):
                print(f"The following argument was not expected: {word}\nRun with --help for more information.", file=sys.stderr)
                raise SystemExit(109)
            else:
                self.specs.append(word)
        self.root_prefix = os.path.abspath(self.root_prefix or os.path.expanduser("~/micromamba"))

    def target(self):
        if self.prefix:
            return os.path.abspath(self.prefix)
        if self.name in (None, "base"):
            return os.environ.get("CONDA_PREFIX") or self.root_prefix
        return f"{self.root_prefix}/envs/{self.name}"


def user_rc():
    return os.path.join(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"), "mambarc")


def configuration(options):
    """The merged keys of the rc files: `key: value` lines and lists of `- item` lines, which is all that they need."""
    found = {}
    files = [] if options.no_rc else [SYSTEM_RC, os.path.expanduser("~/.condarc"), os.path.expanduser("~/.mambarc"), user_rc()]
    for file in filter(os.path.isfile, files):
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                line, key_before = line.split("#")[0].rstrip(), found.get("")
                if line.strip().startswith("- ") and key_before:
                    found.setdefault(key_before, []).append(line.strip()[2:].strip())
                elif ":" in line:
                    key, value = (part.strip() for part in line.split(":", 1))
                    found.pop(key, None)
                    found[""] = key
                    if value:
                        found[key] = value.strip("\"'")
    for variable in ("CONDA_CHANNEL_ALIAS", "MAMBA_CHANNEL_ALIAS"):
        if os.environ.get(variable):
            found["channel_alias"] = os.environ[variable]
    return found


def channel_urls(options):
    rc = configuration(options)
    alias = rc.get("channel_alias", ALIAS).rstrip("/")
    names = list(options.channels)
    if not options.override_channels:
        names += [name for name in rc.get("channels", []) if name not in names]
    return [name if "://" in name else f"{alias}/{name}" for name in names]
