"""Which delivery a start belongs to: a start names its task, its delivery names the message."""

from __future__ import annotations

from coldframe._core.events import Delivered, NodeChanged, Requeued

STAYS_WITH_THE_NODE = {"visibility timeout", "connection lost", "channel closed"}


class Deliveries:
    """The deliveries that nodes hold and have neither started nor given up, by task id.

    A node can hold a message that the broker has already put back (a visibility timeout that passed, a lost
    connection): it will still run it, and so will whoever gets it next.
    """

    def __init__(self) -> None:
        self._open: dict[str, list[Delivered]] = {}
        self._holders: dict[tuple[int, str], Delivered] = {}

    def add(self, delivered: Delivered) -> None:
        """Note that a node was handed a message."""
        if delivered.task_id is not None:
            self._open.setdefault(delivered.task_id, []).append(delivered)
            self._holders[delivered.message, delivered.queue] = delivered

    def take(self, task_id: str | None, node: str, *, redelivered: bool | None = None) -> Delivered | None:
        """The delivery that a node now starts or gives up; None when it holds none of that task.

        Args:
            task_id: The task's id.
            node: The node's name.
            redelivered: What the start says of its delivery, which tells two deliveries apart.
        """
        held = self._open.get(task_id or "", [])
        own = [delivered for delivered in held if delivered.node == node]
        if not own:
            return None
        chosen = next((delivered for delivered in own if delivered.redelivered == redelivered), own[0])
        self._remove(chosen)
        return chosen

    def put_back(self, requeued: Requeued) -> None:
        """Note that a message went back to its queue."""
        holder = self._holders.pop((requeued.message, requeued.queue), None)
        if holder is not None and requeued.reason not in STAYS_WITH_THE_NODE:
            self._remove(holder)

    def node_changed(self, changed: NodeChanged) -> None:
        """Note that a node came up or went away: what it held in memory went with it."""
        if changed.change not in {"killed", "stopped"}:
            return
        for delivered in [one for held in self._open.values() for one in held if one.node == changed.node]:
            self._remove(delivered)

    def _remove(self, chosen: Delivered) -> None:
        task_id, key = chosen.task_id or "", (chosen.message, chosen.queue)
        if self._holders.get(key) is chosen:
            del self._holders[key]
        left = [delivered for delivered in self._open.get(task_id, []) if delivered is not chosen]
        if left:
            self._open[task_id] = left
        else:
            self._open.pop(task_id, None)
