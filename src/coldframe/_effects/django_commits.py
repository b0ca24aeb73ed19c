"""What hangs on the end of a transaction: its `on_commit` callbacks, and the messages sent inside it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from coldframe._core.events import Published, TransactionEnded
from coldframe._core.fibers import Process
from coldframe._effects.django_blocks import Blocks

if TYPE_CHECKING:
    from coldframe._bench.recording import Recording

logger = logging.getLogger("django.db.backends.base")

Callback = Callable[[], Any]


class Sids(set[Any]):
    """The savepoints around a callback, as Django keeps them, and the process that registered it."""

    def __init__(self, sids: set[Any], owner: Process) -> None:
        super().__init__(sids)
        self.owner = owner


@dataclass(slots=True, eq=False)
class Capture:
    """One `captureOnCommitCallbacks` block that is open in the test."""

    connection: Any
    execute: bool
    callbacks: list[Callback] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Sent:
    """A message that was sent inside a transaction; `depths` are the blocks that were open, by connection."""

    process: Process
    message: int
    depths: dict[Any, int]


class Messages:
    """Records how the transactions ended in which messages were sent."""

    def __init__(self, blocks: Blocks, recording: Recording) -> None:
        self._blocks = blocks
        self._recording = recording
        self._sent: list[Sent] = []
        recording.listen(Published, self._note_published)

    def _note_published(self, event: Published) -> None:
        if event.in_transaction:
            process = self._blocks.process
            self._sent.append(Sent(process, event.message, self._blocks.depths(process)))

    def rolled_back(self, connection: Any, process: Process, depth: int) -> None:
        """A process rolled back to where only so many blocks were open on a connection."""
        self._end(lambda sent: sent.process is process and sent.depths.get(connection, 0) > depth, committed=False)

    def committed(self, process: Process) -> None:
        """A process committed, and is inside no other transaction."""
        self._end(lambda sent: sent.process is process, committed=True)

    def _end(self, has_ended: Callable[[Sent], bool], *, committed: bool) -> None:
        ended = tuple(sent.message for sent in self._sent if has_ended(sent))
        if ended:
            self._sent = [sent for sent in self._sent if not has_ended(sent)]
            self._recording.append(TransactionEnded(self._blocks.scheduler.now, committed, ended))


class Callbacks:
    """Runs `on_commit` callbacks when the process that registered them commits, as far as it can know.

    Inside the test's frame nothing really commits. Callbacks that were registered before the bench was opened
    stay where they are, and never run: so it is in a `TestCase`.
    """

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._captures: list[Capture] = []

    def register(self, connection: Any, callback: Callback, *, robust: bool) -> None:
        """Keep a callback until the running process commits; at once when it is inside no transaction."""
        process = self._blocks.process
        if self._blocks.owns(connection, process):
            sids = Sids(self._blocks.sids(connection, process), process)
            connection.run_on_commit.append((sids, callback, robust))
        else:
            self._run(connection, process, [(callback, robust)])

    def committed(self, connection: Any, process: Process) -> None:
        """A process left its outermost block: run what it registered, in order, until one raises."""
        self._run(connection, process, self._take(connection, lambda sids: sids.owner is process))

    def rolled_back(self, connection: Any, process: Process) -> None:
        """The outermost block of a process came to nothing: so do its callbacks."""
        self._take(connection, lambda sids: sids.owner is process)

    def capture(self, connection: Any, *, execute: bool) -> Iterator[list[Callback]]:
        """What `captureOnCommitCallbacks` does on a bench: each callback is listed, and none runs twice.

        With `execute` they run when the test's code commits, and at the end what still waits for that;
        without, they only get listed.
        """
        capture = Capture(connection, execute)
        known = {id(sids) for sids, *_ in connection.run_on_commit}
        self._captures.append(capture)
        try:
            yield capture.callbacks
        finally:
            test = self._blocks.test
            while pending := self._take(connection, lambda sids: sids.owner is test and id(sids) not in known):
                self._run(connection, test, pending)
            self._captures.remove(capture)

    def _take(self, connection: Any, wanted: Callable[[Sids], bool]) -> list[tuple[Callback, bool]]:
        taken, left = [], []
        for entry in connection.run_on_commit:
            if isinstance(entry[0], Sids) and wanted(entry[0]):
                taken.append((entry[1], entry[2]))
            else:
                left.append(entry)
        connection.run_on_commit = left
        return taken

    def _run(self, connection: Any, process: Process, callbacks: list[tuple[Callback, bool]]) -> None:
        for callback, robust in callbacks:
            captures = [
                capture
                for capture in self._captures
                if capture.connection is connection and process is self._blocks.test
            ]
            for capture in captures:
                capture.callbacks.append(callback)
            if all(capture.execute for capture in captures):
                _call(callback, robust=robust)


def _call(callback: Callback, *, robust: bool) -> None:
    if not robust:
        callback()
        return
    try:
        callback()
    except Exception:
        name = getattr(callback, "__qualname__", repr(callback))
        logger.exception("the on_commit callback %s failed, and is robust: the others go on", name)
