"""What the set-up of a scenario writes to the simulated Redis: it is in memory, and would be gone with its bench."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coldframe._celery.redis_client import RedisServer

if TYPE_CHECKING:
    from coldframe._celery.redis_keyspace import Keyspace
    from coldframe._celery.world import World


class Redis:
    """What all simulated servers hold when a run begins."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Keyspace] = {}

    def keep(self, world: World) -> None:
        """Remember what the servers hold now."""
        self._kept = {address: server.keyspace for address, server in world.redis_servers.items()}

    def fill(self, world: World) -> None:
        """Let the servers of another bench, which begins at the same moment, hold what is remembered."""
        scheduler = world.scheduler
        for address, keyspace in self._kept.items():
            server = world.redis_servers.setdefault(address, RedisServer(lambda: scheduler.now))
            server.keyspace.take_over(keyspace)
