"""`coldframe replay`: does one broken run again, exactly."""

from __future__ import annotations

import sys
from typing import Any

import click

from coldframe.cli.exits import EXIT_CODES, told_errors
from coldframe.cli.hashes import fix_hashes
from coldframe.cli.options import project_options

HELP = f"""
Do one broken run again, exactly, and tell its story.

ID is what harden printed: a scenario and a plan of faults, such as shop.scenarios:pay/4+kill-process. Where the
scenario is in a test, such as tests/test_pay.py::test_pay/4+kill-process, pytest runs that test.
{EXIT_CODES}"""


@click.command(help=HELP, short_help="Do one broken run again, exactly.")
@click.argument("run_id", metavar="ID")
@click.option("--timeline", is_flag=True, help="All that happened, not only what was around the fault.")
@click.option("--pdb", "debug", is_flag=True, help="Open the debugger in the task, just before the fault.")
@click.option("--pytest", "pytest_options", multiple=True, metavar="OPTION", help="One more option for pytest.")
@project_options
def replay(**given: Any) -> None:
    """Do one broken run again, exactly, and tell its story."""
    fix_hashes()
    with told_errors():
        from coldframe.cli.replaying import run

        sys.exit(run(**given))
