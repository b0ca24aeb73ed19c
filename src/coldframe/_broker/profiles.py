"""Broker profiles: how a simulated broker behaves, in the settings of the real one."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar

from coldframe.errors import UnknownProfile


@dataclass(frozen=True, slots=True)
class RabbitMQ:
    """RabbitMQ: pushes to consumers, requeues at once when a connection goes.

    Attributes:
        consumer_timeout: Seconds a delivery may stay unacknowledged before the server closes its channel; the server
            looks once a minute. None switches it off.
        version: 4.0 and newer give quorum queues a delivery limit of 20; 4.3 and newer refuse a prefetch per channel.
    """

    name: ClassVar[str] = "rabbitmq"
    consumer_timeout: float | None = 1800.0
    version: tuple[int, int] = (3, 13)


@dataclass(frozen=True, slots=True)
class Redis:
    """Redis as kombu uses it: lists that consumers pull from, and a visibility timeout in place of lost connections.

    Attributes:
        visibility_timeout: Seconds after which an unacknowledged message is handed out again, even if its holder works.
        priority_steps: The lists each queue is split into; 0 is the most urgent priority.
        restore_interval: kombu's `unacked_restore_interval`, in seconds.
        restore_throttle: kombu's `unacked_restore_throttle`: only every so many-th interval really looks.
        queue_order: kombu's `queue_order_strategy`: `round_robin`, `sorted` or `priority`.
    """

    name: ClassVar[str] = "redis"
    visibility_timeout: float = 3600.0
    priority_steps: tuple[int, ...] = (0, 3, 6, 9)
    restore_interval: float = 10.0
    restore_throttle: int = 10
    queue_order: str = "round_robin"


Profile = RabbitMQ | Redis

PROFILES: dict[str, type[RabbitMQ | Redis]] = {RabbitMQ.name: RabbitMQ, Redis.name: Redis}


def resolve(profile: str | Profile) -> Profile:
    """The profile of that name with its defaults; a profile is returned as it is.

    Raises:
        UnknownProfile: There is no profile of that name.
    """
    if isinstance(profile, RabbitMQ | Redis):
        return profile
    kind = PROFILES.get(profile)
    if kind is None:
        raise UnknownProfile(f"there is no broker profile {profile!r}", hint=_suggestion(profile))
    return kind()


def _suggestion(name: object) -> str:
    known = " or ".join(repr(known) for known in PROFILES)
    near = get_close_matches(str(name).lower(), PROFILES, n=1)
    if near:
        return f"did you mean {near[0]!r}? The profiles are {known}"
    return f"use one of the profiles {known}"
