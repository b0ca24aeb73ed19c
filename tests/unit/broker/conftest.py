"""A simulated broker on a real scheduler, with shorthands that keep the tests about behaviour."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from coldframe._broker.broker import Broker
from coldframe._broker.channel import Channel
from coldframe._broker.message import Delivery, Message
from coldframe._broker.profiles import Profile, RabbitMQ, Redis
from coldframe._core.events import Event
from coldframe._core.moments import SECOND
from coldframe._core.scheduler import Scheduler


class World:
    """A broker, its clock and its trace."""

    def __init__(self, profile: Profile) -> None:
        self.scheduler = Scheduler(0)
        self.trace: list[Event] = []
        self.broker = Broker(profile, self.scheduler, self.trace)
        self.publisher = self.channel("test")

    def channel(self, owner: str, prefetch: int = 0) -> Channel:
        """A channel on a connection of its own, with a prefetch for the channel as a whole."""
        channel = self.broker.connect(owner).channel()
        if prefetch:
            channel.qos(prefetch, is_global=True)
        return channel

    def queue(self, name: str = "mail", **arguments: Any) -> str:
        """Declare a lasting queue; keywords are its arguments, with `_` for `-` and without the `x-`."""
        settings = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
        self.publisher.queue_declare(name, durable=True, arguments=settings)
        return name

    def send(self, *bodies: str, queue: str = "mail", exchange: str = "", **properties: Any) -> None:
        """Publish a message for each body."""
        for body in bodies:
            self.publisher.publish(Message(body.encode(), properties=dict(properties)), exchange, queue)

    def node(self, owner: str, *queues: str, prefetch: int = 0) -> Channel:
        """A consumer of queues that has polled once, so that it waits."""
        channel = self.channel(owner, prefetch)
        for name in queues or ("mail",):
            channel.consume(name, f"{owner}:{name}")
        return channel

    def advance(self, seconds: float) -> None:
        """Let virtual time pass."""
        end = self.scheduler.now + round(seconds * SECOND)
        self.scheduler.drive(lambda upcoming: upcoming is not None and upcoming <= end)
        self.scheduler.now = end

    def take(self, channel: Channel) -> Delivery:
        """The next delivery of a channel's connection."""
        taken = channel.connection.take()
        assert taken is not None
        return taken[1]

    def take_all(self, channel: Channel) -> list[str]:
        """The bodies of all deliveries that can be taken now."""
        found = []
        while (taken := channel.connection.take()) is not None:
            found.append(taken[1].message.body.decode())
        return found

    def happened(self) -> list[tuple[Any, ...]]:
        """The trace in short: the kind of each event, its message, and the reason or the process."""
        return [
            (type(event).__name__, event.message, getattr(event, "reason", None) or getattr(event, "node", None))
            for event in self.trace
        ]

    def bodies(self) -> list[str]:
        """What waits in lasting queues."""
        return [message.body.decode() for _, message in self.broker.waiting()]


MakeWorld = Callable[[Profile], World]


@pytest.fixture
def make_world() -> Iterator[MakeWorld]:
    """Makes worlds of any profile and closes their schedulers."""
    worlds: list[World] = []

    def make(profile: Profile) -> World:
        worlds.append(World(profile))
        return worlds[-1]

    yield make
    for world in worlds:
        world.scheduler.close([])


@pytest.fixture
def rabbit(make_world: MakeWorld) -> World:
    """RabbitMQ with its defaults."""
    return make_world(RabbitMQ())


@pytest.fixture
def redis(make_world: MakeWorld) -> World:
    """Redis with its defaults."""
    return make_world(Redis())
