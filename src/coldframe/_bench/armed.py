"""What waits to be broken, and the messages that can be delivered once more."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coldframe._effects.gate import Touch

if TYPE_CHECKING:
    from coldframe._broker.message import Message

#: So many messages are remembered for being delivered again.
REMEMBERED = 1_000


@dataclass(slots=True)
class Armed:
    """A fault that waits for its effect."""

    effect: str
    place: str
    fault: str
    task: str | None
    left: int
    fired: bool = False

    def fits(self, touch: Touch) -> bool:
        """Whether it was this effect that it waited for; each one that fits is counted."""
        name = touch.attempt.task if touch.attempt is not None else touch.what
        if self.fired or touch.effect != self.effect or not is_meant(name, self.task):
            return False
        self.left -= 1
        return self.left == 0

    def __str__(self) -> str:
        return f"{self.fault} {self.place} {self.effect}{f' of {self.task}' if self.task else ''}"


def is_meant(task: str, name: str | None) -> bool:
    """Whether a task is the one of this name, or whose name ends so; no name means any task."""
    return name is None or task == name or task.endswith(f".{name}")


class Recent:
    """The messages of the last tasks, by task id."""

    def __init__(self) -> None:
        self._messages: OrderedDict[str, tuple[Message, str, str]] = OrderedDict()

    def remember(self, message: Message, exchange: str, routing_key: str) -> None:
        """Keep a message; the oldest one is forgotten."""
        if message.task_id is not None:
            self._messages[message.task_id] = (message, exchange, routing_key)
            if len(self._messages) > REMEMBERED:
                self._messages.popitem(last=False)

    def get(self, task_id: str) -> tuple[Message, str, str] | None:
        """The last message of a task, its exchange and its routing key."""
        return self._messages.get(task_id)
