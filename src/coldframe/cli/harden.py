"""`coldframe harden`: breaks every run of the project's scenarios at every place."""

from __future__ import annotations

import sys
from typing import Any

import click

from coldframe.cli.exits import EXIT_CODES, told_errors
from coldframe.cli.hashes import fix_hashes
from coldframe.cli.options import project_options

HELP = f"""
Break every run of the project's scenarios at every place, and say what broke.

SCENARIO is a directory, a file, package.module, package.module:function, or beat:ENTRY, an entry of the beat schedule.
Without any, the functions marked with @coldframe.scenario below tests/scenarios are taken; if there are none, or with
--periodic, each entry of the schedule is: its task is sent as beat would send it.
{EXIT_CODES}"""


@click.command(help=HELP, short_help="Break every run at every place, and say what broke.")
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--budget", metavar="SPAN", help="How long all of it may take: 30s, 5m. [default: no end]")
@click.option("--runs", type=click.IntRange(1), metavar="N", help="Broken runs of each scenario. [default: 5000]")
@click.option("--faults", metavar="FAMILIES", help="Such as kills,twice. [default: all but database and results]")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes at the same time. [default: 1]")
@click.option("--seed", type=int, metavar="N", help="Decides which pairs of faults come first. [default: 0]")
@click.option("--fail-fast", is_flag=True, help="End with the first run that breaks.")
@click.option("--only", multiple=True, metavar="PATTERN", help="Scenarios whose name has this in it, or fits: *pay*.")
@click.option("--since", metavar="GITREF", help="Scenarios whose code has changed since then.")
@click.option("--periodic", is_flag=True, help="Each entry of the beat schedule.")
@click.option("--json", "json_file", metavar="FILE", help="Write the results there; - is standard output.")
@click.option("--brief", is_flag=True, help="No more than a line of a scenario that held.")
@click.option("--dask", metavar="ADDRESS", help="Run on a Dask cluster, such as tcp://scheduler:8786.")
@project_options
def harden(**given: Any) -> None:
    """Break every run of the project's scenarios at every place."""
    fix_hashes()
    with told_errors():
        from coldframe.cli.hardening import run

        sys.exit(run(**given))
