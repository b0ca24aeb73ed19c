"""Runs the README's first example end to end: writes its files to a fresh directory, and runs its test there."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"```python\n# (?P<name>\w+\.py)\n(?P<code>.*?)```", re.DOTALL)


def files_in(text: str) -> dict[str, str]:
    """The named files among the Python blocks of a page."""
    return {match["name"]: match["code"] for match in FENCE.finditer(text)}


def main() -> int:
    """Run the example as its reader would; the timeline that its test prints is shown."""
    with tempfile.TemporaryDirectory() as directory:
        for name, code in files_in((ROOT / "README.md").read_text("utf-8")).items():
            Path(directory, name).write_text(code, "utf-8")
        # Plugins of our own development setup that the reader does not have, and that would only add their words.
        without = [word for name in ("asyncio", "randomly", "cacheprovider") for word in ("-p", f"no:{name}")]
        command = [sys.executable, "-m", "pytest", "-q", "-s", *without, "test_shop.py"]
        return subprocess.run(command, cwd=directory, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
