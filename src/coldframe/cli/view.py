"""What people see of harden: progress while it runs, then a matrix, the causes, and a test to paste."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from coldframe._core.clock import real_monotonic
from coldframe._harden.results import Report, Result
from coldframe._harden.verdicts import DIVERGED, DUPLICATED, HELD, LOST, STUCK, VACUOUS, VERDICTS

#: The verdicts as letters, which are read without colour, too.
SIGNS = {HELD: ".", LOST: "L", DUPLICATED: "D", DIVERGED: "X", STUCK: "S", VACUOUS: "v"}
COLOURS = {HELD: "green", LOST: "bold red", DUPLICATED: "bold red", DIVERGED: "red", STUCK: "bold magenta"}

#: The columns, by how a fault begins.
KINDS = (
    ("kill process", "process killed"),
    ("kill node", "node killed"),
    ("redeliver", "twice"),
    ("overlap", "twice at once"),
    ("pause", "overtaken"),
    ("fail: ", "fails"),
    ("unknown: ", "unsure"),
    ("disconnect", "cut off"),
)
PAIR, OTHER = "killed again", "other"

#: How often the progress is drawn, in seconds.
DRAWN_EVERY = 0.1

#: As wide as a page where no terminal tells its width.
PAGE = 120


class View:
    """Writes for people.

    Args:
        to_stderr: Leave standard output to others.
        brief: Tell no more than a line of a scenario that held.
    """

    def __init__(self, *, to_stderr: bool = False, brief: bool = False) -> None:
        self._brief = brief
        stream = sys.stderr if to_stderr else sys.stdout
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
        self.console = Console(file=stream, highlight=False, width=None if stream.isatty() else PAGE)

    @contextmanager
    def progress(self, name: str) -> Iterator[Callable[[Report, int], object]]:
        """While a scenario runs: how far it is, how fast, and how long it will still take."""
        bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[broken]}", style="red"),
            console=self.console,
            transient=True,
            auto_refresh=False,  # a thread of its own would be forked, and would see virtual time
            disable=not self.console.is_terminal,
        )
        drawn, broken = real_monotonic(), 0
        with bar:
            task = bar.add_task(name, total=None, broken="")

            def tell(report: Report, planned: int) -> None:
                nonlocal drawn, broken
                broken += report.verdict != HELD
                bar.update(task, advance=1, total=planned, broken=f"{broken} broken" if broken else "")
                if real_monotonic() - drawn > DRAWN_EVERY:
                    drawn = real_monotonic()
                    bar.refresh()

            yield tell

    def tell(self, result: Result, test: str) -> None:
        """A scenario that is done."""
        told = ", ".join(f"{count} {verdict}" for verdict, count in result.verdicts.most_common()) or "none"
        brief = self._brief and result.held
        of_all = f" of {result.planned}" if brief and not result.complete else ""
        self._line(
            f"{result.scenario}: {len(result.reports)}{of_all} broken runs in {result.seconds:.1f} s: {told}",
            "bold green" if result.held else "bold red",
        )
        if brief:
            return
        if result.reports:
            self.console.print()
            self.console.print(matrix(result))
            self.console.print(legend(result))
        for cause in result.causes:
            self._line("")
            self._line(str(cause))
        if test:
            self._line("\nA test of the first, to paste:\n")
            self._line(test)
        if not result.complete:
            self._line(f"\nended after {len(result.reports)} of {result.planned} plans", "yellow")
        self._line("")

    def finish(self, skipped: list[str], told: int, errors: int) -> None:
        """What was not run, and how many there were if they were several."""
        if skipped:
            self._line(f"not run: {', '.join(skipped)}")
        if told + errors > 1:
            several = "s" if told != 1 else ""
            self._line(f"{told} scenario{several} hardened" + (f", {errors} could not be" if errors else ""))

    def _line(self, text: str, style: str = "") -> None:
        self.console.print(Text(text, style=style), soft_wrap=True)


class _Rate(ProgressColumn):
    """Runs in a second."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.0f} runs/s")


def matrix(result: Result) -> Table:
    """The places as rows, the kinds of faults as columns, the worst verdict in each cell."""
    cells: dict[tuple[str, str], str] = {}
    for report in result.reports:
        where = (report.place, kind_of(report))
        cells[where] = min(cells.get(where, HELD), report.verdict, key=VERDICTS.index)
    kinds = [kind for kind in (*(kind for _begin, kind in KINDS), PAIR, OTHER) if any(kind == k for _p, k in cells)]
    places = list(dict.fromkeys([*result.places, *(place for place, _kind in cells)]))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("place", overflow="fold")
    for kind in kinds:
        table.add_column(kind, justify="center", max_width=max(map(len, kind.split())))
    for place in places:
        if any((place, kind) in cells for kind in kinds):
            table.add_row(Text(place.replace("`", "")), *(_sign(cells.get((place, kind))) for kind in kinds))
    return table


def _sign(verdict: str | None) -> Text:
    return Text("") if verdict is None else Text(SIGNS[verdict], style=COLOURS.get(verdict, ""))


def legend(result: Result) -> Text:
    """What the letters mean, of those that are there."""
    there = [verdict for verdict in SIGNS if verdict in result.verdicts]
    return Text("  ".join(f"{SIGNS[verdict]} {verdict}" for verdict in there), style="dim")


def kind_of(report: Report) -> str:
    """The column of a run."""
    if "," in report.id.rpartition("/")[2]:
        return PAIR
    return next((kind for begin, kind in KINDS if report.fault.startswith(begin)), OTHER)
