"""One simulated server: its databases, and the clients that wait or listen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import TYPE_CHECKING, Any

from coldframe._celery.redis_client import RedisServer
from coldframe._celery.redis_keyspace import glob
from coldframe._effects.redis_server import hashes, keys, lists, scripts, server_commands, sets, sorted_sets, strings
from coldframe._effects.redis_server.session import Session
from coldframe._effects.redis_server.table import COMMANDS

if TYPE_CHECKING:
    from coldframe._celery.world import World

__all__ = ["COMMANDS", "Server"]

#: The modules that enter their commands into the table.
KNOWN = (hashes, keys, lists, scripts, server_commands, sets, sorted_sets, strings)

Send = Callable[[bytes], None]


class Server:
    """A Redis server at one address.

    Args:
        world: The bench; Celery's result store keeps its keys at the same address in the same place.
        host: Its host, None for a socket.
        port: Its port.
        path: Its socket.
    """

    def __init__(self, world: World, host: str | None, port: int | None, path: str | None) -> None:
        self.scheduler = world.scheduler
        self.address = path or f"{host}:{port}"
        self.chance = Random(self.address)
        self.scripts: dict[bytes, str] = {}
        self.sessions: list[Session] = []
        #: Those that wait for something to be written.
        self.waiting: list[Session] = []
        self._servers = world.redis_servers
        self._place = (host, port, path)
        self._versions: dict[tuple[int, bytes], int] = {}

    def now(self) -> int:
        """Virtual time in microseconds."""
        return self.scheduler.now

    def store(self, database: int) -> RedisServer:
        """One database, which is also that of Celery's result store."""
        place = (*self._place, database)
        store = self._servers.get(place)
        if store is None:
            store = self._servers[place] = RedisServer(self.now)
        return store

    def databases(self) -> list[RedisServer]:
        """All databases that were used."""
        return [store for place, store in self._servers.items() if place[:3] == self._place]

    # --- clients ----------------------------------------------------------------------------------------

    def connect(self, send: Send) -> Session:
        """A new connection."""
        session = Session(self, send)
        self.sessions.append(session)
        return session

    def forget(self, session: Session) -> None:
        """A connection is no more."""
        if session in self.sessions:
            self.sessions.remove(session)

    def lose_those_of(self, process: Any) -> None:
        """A process died: nobody waits or listens for it any more."""
        for session in [session for session in self.sessions if session.process is process]:
            session.close()

    # --- writes -----------------------------------------------------------------------------------------

    def version(self, database: int, key: bytes) -> tuple[int, bool]:
        """What changes whenever a key is written, and when it ends."""
        return self._versions.get((database, key), 0), self.store(database).keyspace.read(key) is None

    def wrote(self, database: int, written: Iterable[bytes]) -> None:
        """Keys were written: those that wait for them may go on."""
        for key in written:
            self._versions[database, key] = self._versions.get((database, key), 0) + 1
        while any(session.try_again() for session in list(self.waiting)):
            pass

    def wrote_all(self) -> None:
        """All keys of all databases were removed."""
        for place in self._versions:
            self._versions[place] += 1

    # --- channels ---------------------------------------------------------------------------------------

    def publish(self, channel: bytes, message: bytes) -> int:
        """Send a message to all who listen; returns how many they are."""
        count = sum(store.client().publish(channel, message) for store in self.databases())
        for session in list(self.sessions):
            if channel in session.channels:
                session.push([b"message", channel, message])
                count += 1
            for pattern in session.patterns:
                if glob(pattern).fullmatch(channel):
                    session.push([b"pmessage", pattern, channel, message])
                    count += 1
        return count
