"""A bench belongs to the thread that opened it: only there is time virtual, and only there can its fibers switch."""

from __future__ import annotations

from threading import get_ident

from coldframe.errors import NotOpen


def refuse_other_threads(owner: int) -> None:
    """Refuse to wait on a bench, or to drive it, in a thread that is not its own.

    Raises:
        NotOpen: This is another thread.
    """
    if get_ident() != owner:
        raise NotOpen(
            "a thread of its own waited on the bench, or drove it, and only the thread that opened it can",
            hint="send tasks from threads if you like, but wait for their results in the test itself",
        )
