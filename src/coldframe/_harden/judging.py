"""What a broken run came to, compared with the untouched one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from coldframe._harden.ending import Ending, differences, said_else
from coldframe._harden.rows import facts_of_rows
from coldframe._harden.verdicts import DIVERGED, DUPLICATED, HELD, LOST, STUCK, VERDICTS


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and the facts that it stands on, one in a line."""

    verdict: str
    facts: tuple[str, ...] = ()


def judge(untouched: Ending, broken: Ending, *, promises: bool, ignore: frozenset[str]) -> Judgement:
    """Compare two endings.

    Args:
        untouched: Of the run that nothing happened to.
        broken: Of the run that was broken.
        promises: Whether the user's own promises decide; if not, everything must have ended alike.
        ignore: Tables, columns as `orders.attempts`, kinds of effects as `subprocess`, and what messages say, that need
            not be the same.
    """
    facts = list(_facts(untouched, broken, ignore))
    if promises and not broken.broken and not broken.trouble:
        return Judgement(HELD)
    if not facts and not broken.broken:
        return Judgement(HELD)
    told = tuple(broken.broken) + tuple(fact for _verdict, fact in facts)
    found = {verdict for verdict, _fact in facts} or {DIVERGED}
    return Judgement(next(verdict for verdict in VERDICTS if verdict in found), told)


def _facts(untouched: Ending, broken: Ending, ignore: frozenset[str]) -> Iterator[tuple[str, str]]:
    if broken.trouble:
        yield STUCK, broken.trouble
    missing, extra = differences(_compared(untouched.sent, ignore), _compared(broken.sent, ignore))
    for what, times in extra.items():
        yield DUPLICATED if untouched.sent[what] else DIVERGED, f"{what} {_times(broken.sent[what], times)}"
    for what in missing:
        yield LOST, f"{what} {_not_enough(broken.sent[what], untouched.sent[what])}"
    for what, details in untouched.said.items():
        if what in ignore or what in missing + extra:
            continue
        if (differs := said_else(details, broken.said.get(what, []))) and not _is_ignored(what, ignore):
            yield DIVERGED, f"{what} said something else: {differs}"
    yield from facts_of_rows(untouched, broken, ignore)
    for task in differences(untouched.waiting, broken.waiting)[1]:
        yield STUCK, f"a message of {task} is left, and nobody will run it"
    for task in differences(untouched.in_vain, broken.in_vain)[1]:
        yield LOST, f"{task} ended in vain, and nobody will run it again"


def _compared(sent: Counter[str], ignore: frozenset[str]) -> Counter[str]:
    return Counter({what: times for what, times in sent.items() if not _is_ignored(what, ignore)})


def _is_ignored(what: str, ignore: frozenset[str]) -> bool:
    """Whether an effect is ignored, by its name or the family of its name: `subprocess` or `subprocess.run`."""
    name = what.partition(" ")[0]
    return name in ignore or name.partition(".")[0] in ignore


def _times(now: int, more: int) -> str:
    return f"happened {now} times instead of {now - more}" if now > more else f"happened, {now} too many"


def _not_enough(now: int, expected: int) -> str:
    return "never happened" if now == 0 else f"happened {now} times instead of {expected}"
