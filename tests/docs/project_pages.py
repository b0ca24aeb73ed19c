"""Pages that lead through a project: their files are written, and their commands run, in the order of the page.

A block of Python or TOML whose first line is `# path/of/file.py` is a file. A console block is a command, `$ pytest …`
or `$ coldframe …`, and what it prints; there, a line `…` stands for any number of lines. A page may begin with files
that it does not show: `<!-- in the project tests/django/site -->`.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(?P<kind>python|toml|console)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# (?P<path>[\w/]+\.\w+)\n")
#: What the pytest.ini of our Django project asks for.
DJANGO_PLUGINS = ["pytest_django.plugin", "pytest_timeout"]
COMMANDS = ("$ pytest", "$ coldframe")
#: The modules that the commands run.
MODULES = {"pytest": "pytest", "coldframe": "coldframe.cli"}
BASE = re.compile(r"<!-- in the project (?P<path>\S+) -->")


def is_project(text: str) -> bool:
    """Whether a page leads through a project: it has files, and runs commands on them."""
    blocks = [block["text"] for block in BLOCK.finditer(text)]
    return any(map(FILE.match, blocks)) and any(block.startswith(COMMANDS) for block in blocks)


def follow(text: str, directory: Path) -> list[tuple[str, str]]:
    """Do what a page says in an empty directory; what each command should print, and what it did print."""
    if base := BASE.search(text):
        shutil.copytree(
            ROOT / base["path"], directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    told = []
    for block in BLOCK.finditer(text):
        named = FILE.match(block["text"])
        if block["text"].startswith(COMMANDS):
            command, _, expected = block["text"].removeprefix("$ ").partition("\n")
            told.append((expected.strip(), run(command, directory)))
        elif named:
            path = directory / named["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block["text"], "utf-8")
    return told


def run(command: str, directory: Path) -> str:
    """What a command prints; pytest with the plugins that the reader of a page has."""
    name, *words = shlex.split(command)
    words = [sys.executable, "-m", MODULES[name], *words]
    if name == "pytest":
        plugins = ["coldframe.pytest_plugin", *(DJANGO_PLUGINS if (directory / "pytest.ini").exists() else [])]
        words += [word for plugin in ("no:cacheprovider", *plugins) for word in ("-p", plugin)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "PYTEST"))}
    done = subprocess.run(
        words,
        cwd=directory,
        env=inherited | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return (done.stdout + done.stderr).strip()


def is_told(expected: str, printed: str) -> bool:
    """Whether a page shows what was printed, apart from times, and from `…` as a line or within one."""
    lines = (
        "(?:.*\\n)*?" if line == "…" else re.escape(line.rstrip()).replace("…", ".*") + "\\n"
        for line in _timeless(expected).splitlines()
    )
    text = "".join(f"{line.rstrip()}\n" for line in _timeless(printed).splitlines())
    return re.fullmatch("".join(lines), text) is not None


def _timeless(text: str) -> str:
    return re.sub(r"in \d+\.\d+( ?)s\b", r"in 0.1\1s", text)
