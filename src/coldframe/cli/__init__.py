"""The command `coldframe`. What a command needs is imported when it runs, so that `--help` answers at once."""

from __future__ import annotations

import click

from coldframe import __version__
from coldframe.cli.harden import harden
from coldframe.cli.replay import replay

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="coldframe %(version)s")
def main() -> None:
    """Harden Celery tasks: break them at every place, on a bench, before life does."""


main.add_command(harden)
main.add_command(replay)
