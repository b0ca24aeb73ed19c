"""One connection to the server: what came in on it, and what it is in the middle of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from coldframe._celery.redis_keyspace import is_reply_error, reply_error
from coldframe._core.moments import seconds_to_micros
from coldframe._effects.redis_server import unknown
from coldframe._effects.redis_server.table import COMMANDS, Blocked, Call, Command, wrong_number
from coldframe._effects.redis_server.wire import Push, Requests, Status, encoded

if TYPE_CHECKING:
    from coldframe._effects.redis_server.server import Server

QUEUED = Status("QUEUED")

#: Commands that are not kept for later inside MULTI.
AT_ONCE = frozenset({"EXEC", "DISCARD", "MULTI", "WATCH", "RESET", "QUIT"})

#: Commands that wait, or change what the connection is in the middle of.
NOT_IN_SCRIPTS = AT_ONCE | {"BLPOP", "BRPOP", "BLMOVE", "BRPOPLPUSH", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "HELLO", "AUTH"}
NOT_IN_SCRIPTS |= {
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "PSUBSCRIBE",
    "PUNSUBSCRIBE",
    "UNWATCH",
    "EVAL",
    "EVALSHA",
    "SCRIPT",
    "CLIENT",
}


class Session:
    """What the server knows of one client connection.

    Args:
        server: The server.
        send: Takes the bytes of replies.
    """

    def __init__(self, server: Server, send: Callable[[bytes], None]) -> None:
        self.server = server
        self.protocol = 2
        self.database = 0
        #: The name of the command that runs.
        self.command = ""
        #: The simulated process that sent the last command.
        self.process: Any = None
        #: The commands after MULTI, and whether one of them was refused.
        self.queue: list[tuple[Command, list[bytes]]] | None = None
        self.is_spoiled = False
        #: Keys that are watched, with what they were.
        self.watched: dict[tuple[int, bytes], Any] = {}
        self.channels: dict[bytes, None] = {}
        self.patterns: dict[bytes, None] = {}
        self._send = send
        self._requests = Requests()
        self._blocked: tuple[Blocked, Any] | None = None

    def feed(self, data: bytes, process: Any) -> None:
        """Take what the client sent."""
        self.process = process
        for words in self._requests.feed(data):
            self._handle(words)

    def reply(self, value: Any) -> None:
        """Send an answer."""
        self._send(encoded(value, self.protocol))

    def push(self, message: list[Any]) -> None:
        """Send a message that was not asked for."""
        self.reply(Push(message))

    def close(self) -> None:
        """The client is gone."""
        self._stop_waiting()
        self.server.forget(self)

    # --- commands ---------------------------------------------------------------------------------------

    def _handle(self, words: list[bytes]) -> None:
        try:
            known, rest = self._known(words)
            if self.queue is not None and known.name not in AT_ONCE:
                self.queue.append((known, rest))
                self.reply(QUEUED)
                return
            answer = self.run(known, rest)
        except Blocked as blocked:
            self._wait(blocked)
            return
        except Exception as error:
            if not is_reply_error(error):
                raise
            self.is_spoiled = self.is_spoiled or self.queue is not None
            answer = error
        if answer is not NotImplemented:  # the command has answered itself
            self.reply(answer)

    def _known(self, words: list[bytes]) -> tuple[Command, list[bytes]]:
        name, rest = words[0].decode("utf-8", "replace").upper(), words[1:]
        known = COMMANDS.get(name)
        if known is None:
            raise unknown.command(name, self.server.address)
        if len(rest) < known.least or (known.most is not None and len(rest) > known.most):
            raise wrong_number(name)
        return known, rest

    def run(self, known: Command, words: list[bytes]) -> Any:
        """Run one command, and let those go on that waited for what it wrote."""
        self.command = known.name
        answer = known.run(self._call(), words)
        if known.writes:
            self.server.wrote(self.database, known.keys(words))
        return answer

    def run_in_script(self, words: list[bytes]) -> Any:
        """Run one command of a script, where nothing can wait."""
        known, rest = self._known(words)
        if known.name in NOT_IN_SCRIPTS:
            raise reply_error("This Redis command is not allowed from script")
        return self.run(known, rest)

    def execute(self) -> Any:
        """Run what was kept since MULTI, if nothing that was watched has changed."""
        queue, self.queue = self.queue, None
        spoiled, self.is_spoiled = self.is_spoiled, False
        watched, self.watched = self.watched, {}
        if queue is None:
            raise reply_error("EXEC without MULTI")
        if spoiled:
            raise reply_error("EXECABORT Transaction discarded because of previous errors.")
        if any(self.server.version(*place) != version for place, version in watched.items()):
            return None
        return [self._one_of_many(known, words) for known, words in queue]

    def _one_of_many(self, known: Command, words: list[bytes]) -> Any:
        try:
            return self.run(known, words)
        except Blocked:
            return None
        except Exception as error:
            if not is_reply_error(error):
                raise
            return error

    def _call(self) -> Call:
        server = self.server
        store = server.store(self.database)
        return Call(store.keyspace, server.now, server.chance, store.client(), self)

    # --- waiting ----------------------------------------------------------------------------------------

    def _wait(self, blocked: Blocked) -> None:
        timer = None
        if blocked.seconds:
            scheduler = self.server.scheduler
            timer = scheduler.call_at(scheduler.now + seconds_to_micros(blocked.seconds), self._give_up)
        self._blocked = (blocked, timer)
        self.server.waiting.append(self)

    def try_again(self) -> bool:
        """Whether what it waits for is there now."""
        if self._blocked is None:
            return False
        answer = self._blocked[0].again()
        if answer is None:
            return False
        self._stop_waiting()
        self.reply(answer)
        return True

    def _give_up(self) -> None:
        self._stop_waiting()
        self.reply(None)

    def _stop_waiting(self) -> None:
        if self._blocked is not None:
            timer = self._blocked[1]
            if timer is not None:
                timer.cancel()
            self._blocked = None
            self.server.waiting.remove(self)
