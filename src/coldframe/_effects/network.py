"""The guard: nothing on a bench reaches a real broker, result store, mail server or host, unless it was allowed."""

from __future__ import annotations

import ipaddress
import socket
import threading
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable
from contextlib import ExitStack
from threading import get_ident
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit
from weakref import WeakSet

from coldframe._core.events import Refused
from coldframe.errors import NetworkRefused

if TYPE_CHECKING:
    from coldframe._celery.world import World

#: What listens on these ports is a broker, a result store or a mail server, also on the machine itself.
SERVER_PORTS = {
    25: "mail server",
    465: "mail server",
    587: "mail server",
    5671: "RabbitMQ",
    5672: "RabbitMQ",
    6379: "Redis",
    6380: "Redis",
    9092: "Kafka",
    11211: "memcached",
    26379: "Redis Sentinel",
    27017: "MongoDB",
}

LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", ""})


class NetworkGuard:
    """Decides which addresses the code on a bench may reach.

    The machine itself may be reached, apart from brokers, result stores and mail servers; other hosts may not. That is
    so, too, in threads that tasks start; others, as those of a test's live server, are left alone.

    Args:
        world: Whose thread is guarded.
        allow: Addresses that may be reached, as `"host"` or `"host:port"`.
    """

    def __init__(self, world: World, allow: tuple[str, ...]) -> None:
        self._world = world
        self._allow = frozenset(address.lower().replace("[", "").replace("]", "") for address in allow)
        self._thread = get_ident()
        self._started: WeakSet[threading.Thread] = WeakSet()
        #: The names that were allowed and looked up, by what they resolved to.
        self._names: dict[str, set[str]] = {}

    def watches(self) -> bool:
        """Whether the running thread is the bench's, or one that a task started."""
        return get_ident() == self._thread or threading.current_thread() in self._started

    def note_start(self, thread: threading.Thread) -> None:
        """A thread is about to be started."""
        is_of_task = get_ident() == self._thread and self._world.attempt() is not None
        if is_of_task or threading.current_thread() in self._started:
            self._started.add(thread)

    def check(self, address: Any) -> None:
        """Refuse an address that was not allowed.

        Raises:
            NetworkRefused: It was recorded in the trace, too.
        """
        if not isinstance(address, tuple) or len(address) < 2 or not self.watches():
            return
        host, port = _as_name(address[0]), address[1]
        if not self.lets_through(host, port):
            self._refuse(host, port)

    def lets_through(self, host: str, port: Any) -> bool:
        """Whether an address may be reached for real."""
        for name in (host.lower(), *self._names.get(host, ())):
            if name in self._allow or f"{name}:{port}" in self._allow:
                return True
        return is_local(host.lower()) and port not in SERVER_PORTS

    def check_name(self, host: Any) -> None:
        """Refuse to look up a host that may not be reached on any port."""
        if host is None or not self.watches():
            return
        name = _as_name(host)
        allowed_hosts = {address.rpartition(":")[0] or address for address in self._allow} | self._allow
        if not (is_local(name) or name in allowed_hosts):
            self._refuse(name, None)

    def note_found(self, host: Any, found: Any) -> None:
        """Remember what a name resolved to, so that the name's permission holds for its addresses."""
        if host is not None:
            for *_, address in found:
                self._names.setdefault(str(address[0]), set()).add(_as_name(host))

    def refuse_request(self, method: str, url: str, why: str) -> NoReturn:
        """Refuse a request of HTTP that nobody was declared to answer.

        Args:
            method: Such as `POST`.
            url: Its whole address.
            why: What was declared instead, if anything was.

        Raises:
            NetworkRefused: It was recorded in the trace, too.
        """
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        by = self._record(f"{host}:{port}")
        plain_url = parts._replace(query="", fragment="").geturl()
        raise NetworkRefused(
            f"{by} reached for {host}:{port}, and a bench reaches no real host: {method} {url}"
            f"{f' ({why})' if why else ''}",
            hint=f'declare its answer: bench.http("{method}", "{plain_url}", status=200, json={{...}}); '
            f"or, if the test needs it for real, allow it by name: Bench(app, allow=['{host}'])",
        )

    def _refuse(self, host: str, port: Any) -> NoReturn:
        address = host if port is None else f"{host}:{port}"
        by = self._record(address)
        what = f" ({SERVER_PORTS[port]})" if port in SERVER_PORTS else ""
        if get_ident() != self._thread:
            raise NetworkRefused(
                f"{by} reached for {address}{what} in a thread of its own, and a bench reaches no real host",
                hint="a bench has one thread: what is declared for it (bench.http, bench.mail) is not known in others. "
                "Let the task do it in its own thread in tests, for example with an executor that the settings choose",
            )
        raise NetworkRefused(
            f"{by} reached for {address}{what}, and a bench reaches no real host",
            hint=f"if the test needs it for real, allow it by name: Bench(app, allow=['{address}']); "
            "else replace the client, or use an in-memory one in the test settings",
        )

    def _record(self, address: str) -> str:
        """Put a refusal into the trace; who it was that reached for the address."""
        world = self._world
        attempt = world.attempt()
        task_id = attempt.task_id if attempt is not None else None
        world.trace.append(Refused(world.scheduler.now, address, world.process.name, task_id))
        return f"task {attempt.task}" if attempt is not None else world.process.name


def is_local(host: str) -> bool:
    """Whether a host is the machine itself."""
    if host in LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def _as_name(host: Any) -> str:
    return (host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else str(host)).lower()


def guard(stack: ExitStack, world: World, allow: tuple[str, ...]) -> NetworkGuard:
    """Put the guard in front of the sockets of this thread until the stack closes."""
    watch = NetworkGuard(world, allow)
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    sendto, sendmsg = socket.socket.sendto, socket.socket.sendmsg

    def guarded_connect(self: socket.socket, address: Any, /) -> None:
        watch.check(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any, /) -> int:
        watch.check(address)
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, data: Any, *rest: Any) -> int:
        watch.check(rest[-1])
        return sendto(self, data, *rest)

    def guarded_sendmsg(self: socket.socket, buffers: Any, *rest: Any) -> int:
        if len(rest) > 2:
            watch.check(rest[2])
        return sendmsg(self, buffers, *rest)

    # The methods belong to the base class in C; on the Python class they are put over them, and taken off again.
    methods = (guarded_connect, guarded_connect_ex, guarded_sendto, guarded_sendmsg)
    for name, method in zip(("connect", "connect_ex", "sendto", "sendmsg"), methods, strict=True):
        if name in vars(socket.socket):
            stack.callback(setattr, socket.socket, name, vars(socket.socket)[name])
        else:
            stack.callback(delattr, socket.socket, name)
        setattr(socket.socket, name, method)
    _guard_lookups(stack, watch)
    _guard_threads(stack, watch)
    return watch


def _guard_threads(stack: ExitStack, watch: NetworkGuard) -> None:
    start = threading.Thread.start

    def noted_start(self: threading.Thread) -> None:
        watch.note_start(self)
        start(self)

    thread_class: Any = threading.Thread
    thread_class.start = noted_start
    stack.callback(setattr, thread_class, "start", start)


def _guard_lookups(stack: ExitStack, watch: NetworkGuard) -> None:
    """Names are not even looked up; asyncio would do that in another thread."""
    getaddrinfo, in_loop = socket.getaddrinfo, BaseEventLoop.getaddrinfo

    def guarded_getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        watch.check_name(host)
        found = getaddrinfo(host, port, *args, **kwargs)
        watch.note_found(host, found)
        return found

    async def guarded_in_loop(self: Any, host: Any, port: Any, **kwargs: Any) -> Any:
        watch.check_name(host)
        return await in_loop(self, host, port, **kwargs)

    socket.getaddrinfo = guarded_getaddrinfo
    stack.callback(setattr, socket, "getaddrinfo", getaddrinfo)
    loop_class: Any = BaseEventLoop
    loop_class.getaddrinfo = guarded_in_loop
    stack.callback(setattr, BaseEventLoop, "getaddrinfo", in_loop)
    for name in ("gethostbyname", "gethostbyname_ex"):
        stack.callback(setattr, socket, name, getattr(socket, name))
        setattr(socket, name, _guarded_lookup(watch, getattr(socket, name)))


def _guarded_lookup(watch: NetworkGuard, look_up: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def guarded(hostname: Any, /) -> Any:
        watch.check_name(hostname)
        return look_up(hostname)

    return guarded
