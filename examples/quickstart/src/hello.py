"""What the container of the quickstart prints."""

import os
import platform
import subprocess

import humanize
from rich.console import Console

jq = subprocess.run(["jq", "--version"], capture_output=True, text=True, check=True).stdout.strip()
console = Console()
console.print(f"{os.environ['GREETING']}!")
console.print(f"Python {platform.python_version()}, {jq}, {humanize.intcomma(1234567)} reasons to smile")
