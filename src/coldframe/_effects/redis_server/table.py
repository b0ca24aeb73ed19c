"""The table of commands: what each does, to which keys, and whether it writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from coldframe._celery.redis_keyspace import Keyspace, reply_error

if TYPE_CHECKING:
    from coldframe._celery.redis_client import RedisClient
    from coldframe._effects.redis_server.session import Session

Words = Sequence[bytes]


@dataclass(slots=True)
class Call:
    """Where a command runs.

    Attributes:
        keys: The values of the database.
        now: Virtual time in microseconds.
        chance: Picks members at random, in the same way in every run.
        client: The same database as Celery's store sees it, for commands that it has.
        session: Who sent the command.
    """

    keys: Keyspace
    now: Callable[[], int]
    chance: Random
    client: RedisClient
    session: Session


@dataclass(frozen=True, slots=True)
class Command:
    """A command of Redis.

    Attributes:
        run: What it does.
        least: How many words it needs after its name.
        most: How many it takes; None for any number.
        writes: Whether it can change something; None for what touches no data.
        keys: Which of its words are keys.
    """

    name: str
    run: Callable[[Call, list[bytes]], Any]
    least: int
    most: int | None
    writes: bool | None
    keys: Callable[[Words], Words]


class Blocked(Exception):
    """A command has nothing to give yet.

    Args:
        again: Tries once more; None as long as there is nothing.
        seconds: How long to wait; 0 for ever.
        keys: What it waits for.
    """

    def __init__(self, again: Callable[[], Any], seconds: float) -> None:
        super().__init__()
        self.again = again
        self.seconds = seconds


def none(words: Words) -> Words:
    """No word is a key."""
    return ()


def first(words: Words) -> Words:
    """The first word is the key."""
    return words[:1]


def first_two(words: Words) -> Words:
    """The first two words are keys."""
    return words[:2]


def every(words: Words) -> Words:
    """All words are keys."""
    return words


def every_second(words: Words) -> Words:
    """Keys and values alternate."""
    return words[::2]


def all_but_last(words: Words) -> Words:
    """The last word is a timeout."""
    return words[:-1]


def counted(words: Words, at: int = 0) -> Words:
    """One word says how many keys follow it."""
    if len(words) <= at or not words[at].isdigit():
        return ()
    return words[at + 1 : at + 1 + int(words[at])]


def counted_second(words: Words) -> Words:
    """The second word says how many keys follow it."""
    return counted(words, 1)


def counted_after_first(words: Words) -> Words:
    """The first word is a key, and the second says how many more follow."""
    return [*words[:1], *counted(words, 1)]


COMMANDS: dict[str, Command] = {}

Runs = Callable[[Call, list[bytes]], Any]


def command(
    names: str,
    least: int,
    most: int | None = -1,
    *,
    writes: bool | None,
    keys: Callable[[Words], Words] = first,
) -> Callable[[Runs], Runs]:
    """Enter a function into the table; as many words as it needs are all that it takes unless `most` says more."""

    def enter(run: Runs) -> Runs:
        for name in names.split():
            COMMANDS[name] = Command(name, run, least, least if most == -1 else most, writes, keys)
        return run

    return enter


def wrong_number(name: str) -> Exception:
    """What Redis says to a command with too few or too many words."""
    return reply_error(f"wrong number of arguments for '{name.lower()}' command")


def syntax_error() -> Exception:
    """What Redis says to words that it cannot make sense of."""
    return reply_error("syntax error")
