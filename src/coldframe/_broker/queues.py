"""Queues and what stands in them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from coldframe._broker.message import Delivery, Message

if TYPE_CHECKING:
    from coldframe._broker.channel import Channel
    from coldframe._broker.connection import Connection
    from coldframe._core.fibers import Timer


class Entry:
    """A message standing in a queue, or taken from it and not acknowledged yet.

    `position` orders the entries of a queue: a requeued message goes back to its place.
    """

    __slots__ = ("exchange", "expires_at", "lane", "message", "position", "redelivered", "returns", "routing_key")

    def __init__(self, message: Message, exchange: str, routing_key: str, position: int) -> None:
        self.message = message
        self.exchange = exchange
        self.routing_key = routing_key
        self.position = position
        self.lane = 0
        self.redelivered = False
        self.returns = 0
        self.expires_at: int | None = None


class Consumer:
    """A subscription of a channel to a queue."""

    __slots__ = (
        "blocked",
        "channel",
        "count",
        "exclusive",
        "limit",
        "listens",
        "mailbox",
        "no_ack",
        "priority",
        "queue",
        "tag",
    )

    def __init__(
        self, channel: Channel, queue: Queue, tag: str, *, no_ack: bool, exclusive: bool, priority: int
    ) -> None:
        self.channel = channel
        self.queue = queue
        self.tag = tag
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.priority = priority
        self.limit = 0
        self.count = 0
        self.blocked = False
        #: True for a subscriber of a fanout exchange on Redis: it gets copies of its own, in its mailbox.
        self.listens = False
        self.mailbox: deque[Entry] = deque()


class Held:
    """An entry in the hands of a channel: on its way to the client, or with it and not acknowledged."""

    __slots__ = ("at", "channel", "consumer", "entry", "queue", "tag")

    def __init__(
        self, entry: Entry, queue: Queue, channel: Channel, consumer: Consumer | None, tag: int, at: int
    ) -> None:
        self.entry = entry
        self.queue = queue
        self.channel = channel
        self.consumer = consumer
        self.tag = tag
        self.at = at

    def delivery(self) -> Delivery:
        """The delivery with a copy of the message that its receiver may change."""
        entry, consumer = self.entry, self.consumer
        message = entry.message.copy()
        if self.queue.stamp is not None:
            self.queue.stamp(entry, message)
        return Delivery(
            self.tag,
            None if consumer is None else consumer.tag,
            message,
            self.queue.name,
            entry.exchange,
            entry.routing_key,
            entry.redelivered,
        )


class Queue:
    """A queue: lanes of entries, the most urgent lane first.

    Args:
        name: Its name.
        lanes: How many lanes it has.
        lane_of: The lane for a message's priority; None means that there is one lane only.
        stamp: What the broker adds to the headers of a delivery, if anything.
    """

    __slots__ = (
        "arguments",
        "auto_delete",
        "consumers",
        "deleted",
        "durable",
        "exclusive",
        "expiry_timer",
        "idle_timer",
        "lane_of",
        "lanes",
        "lasting",
        "name",
        "owner",
        "perishable",
        "ranked",
        "size",
        "stamp",
        "subscribed",
        "turn",
        "used_at",
    )

    def __init__(
        self,
        name: str,
        lanes: int,
        lane_of: Callable[[Any], int] | None,
        stamp: Callable[[Entry, Message], None] | None,
    ) -> None:
        self.name = name
        self.lanes: list[deque[Entry]] = [deque() for _ in range(lanes)]
        self.lane_of = lane_of
        self.stamp = stamp
        self.size = 0
        self.consumers: list[Consumer] = []
        #: RabbitMQ: the consumers that can take a message, in the order in which they get one.
        self.turn: deque[Consumer] = deque()
        #: True once a consumer came with a priority of its own.
        self.ranked = False
        self.owner: Connection | None = None
        self.deleted = False
        #: Redis: bound to a fanout exchange, so that consumers listen to it and do not pull from it.
        self.subscribed = False
        #: True once an entry that can expire was put in.
        self.perishable = False
        self.expiry_timer: Timer | None = None
        self.idle_timer: Timer | None = None
        self.used_at = 0
        self.configure(durable=False, exclusive=False, auto_delete=False, arguments={})

    def configure(self, *, durable: bool, exclusive: bool, auto_delete: bool, arguments: dict[str, Any]) -> None:
        """Set what the queue was declared with."""
        self.durable = durable
        self.exclusive = exclusive
        self.auto_delete = auto_delete
        self.arguments = arguments
        #: Only what stands in lasting queues is in the trace: not the mailboxes of remote control, replies and events.
        self.lasting = not exclusive and not auto_delete and "x-expires" not in arguments

    @property
    def is_quorum(self) -> bool:
        """True for a quorum queue of RabbitMQ."""
        return self.arguments.get("x-queue-type") == "quorum"

    def put(self, entry: Entry) -> None:
        """Put an entry at the back of its lane."""
        if self.lane_of is not None:
            entry.lane = self.lane_of(entry.message.properties.get("priority"))
        self.lanes[entry.lane].append(entry)
        self.size += 1

    def put_first(self, entry: Entry) -> None:
        """Put an entry at the head of its lane."""
        if self.lane_of is not None:
            entry.lane = self.lane_of(entry.message.properties.get("priority"))
        self.lanes[entry.lane].appendleft(entry)
        self.size += 1

    def put_back(self, entry: Entry) -> None:
        """Put an entry at the place where it was."""
        lane = self.lanes[entry.lane]
        index = 0
        for other in lane:
            if other.position > entry.position:
                break
            index += 1
        lane.insert(index, entry)
        self.size += 1

    def pop(self) -> Entry:
        """Take the next entry."""
        for lane in self.lanes:
            if lane:
                self.size -= 1
                return lane.popleft()
        raise IndexError(f"queue {self.name!r} is empty")

    def pop_newest(self) -> Entry:
        """Take the entry that was put in last."""
        lane = max((lane for lane in self.lanes if lane), key=lambda lane: lane[-1].position)
        self.size -= 1
        return lane.pop()

    def heads(self) -> Iterator[Entry]:
        """The first entry of each lane that has one."""
        return (lane[0] for lane in self.lanes if lane)

    def entries(self) -> Iterator[Entry]:
        """All entries in the order in which they would be taken."""
        for lane in self.lanes:
            yield from lane

    def clear(self) -> list[Entry]:
        """Take all entries out."""
        found = list(self.entries())
        for lane in self.lanes:
            lane.clear()
        self.size = 0
        return found

    def has_expiring_head(self) -> bool:
        """True if the entry at the head of a lane will expire by itself."""
        return self.perishable and any(entry.expires_at is not None for entry in self.heads())
