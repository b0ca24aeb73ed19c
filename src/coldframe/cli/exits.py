"""Exit codes, and errors as people read them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from coldframe.errors import ColdframeError

HELD, BROKEN, ERROR, ENDED_EARLY = 0, 1, 2, 3

EXIT_CODES = """
\b
Exit codes:
  0  everything that was run held
  1  something broke
  2  wrong usage, or a scenario that cannot be hardened
  3  interrupted, or the budget ended before some scenario was run at all
"""


@contextmanager
def told_errors() -> Iterator[None]:
    """An error of Coldframe is told in words, without a traceback, and ends the command with 2."""
    from coldframe.errors import ColdframeError

    try:
        yield
    except ColdframeError as error:
        tell(error)
        sys.exit(ERROR)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(ENDED_EARLY)


def tell(error: ColdframeError, of: str = "") -> None:
    """Write an error to where errors go."""
    click.echo(f"error: {f'{of}: ' if of and of not in error.message else ''}{error}", err=True)
