"""What the server on the bench does not know, and what can be done about it."""

from __future__ import annotations

from coldframe.errors import NotSimulated


def command(name: str, address: str) -> NotSimulated:
    """The error for a command."""
    return NotSimulated(
        f"the Redis on the bench, which stands for {address}, does not know the command {name}",
        hint=f"let the real server answer: Bench(app, allow=[{address!r}]); "
        "its effects are recorded all the same, but its keys end in real time",
    )


def script(text: str, address: str) -> NotSimulated:
    """The error for a Lua script."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return NotSimulated(
        f"a Lua script was sent to the Redis on the bench, which stands for {address}: {line!r}",
        hint="install coldframe[lua], with which it runs scripts; "
        f"or let the real server answer: Bench(app, allow=[{address!r}])",
    )
