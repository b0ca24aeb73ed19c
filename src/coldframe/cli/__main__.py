"""`python -m coldframe.cli` is the command `coldframe`."""

from __future__ import annotations

from coldframe.cli import main

main(prog_name="coldframe")
