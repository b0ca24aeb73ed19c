"""The guard: nothing on a bench reaches a real broker, result store, mail server or host, unless it was allowed."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import ExitStack
from threading import get_ident
from typing import TYPE_CHECKING, Any

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

    The machine itself may be reached, apart from brokers, result stores and mail servers; other hosts may not.

    Args:
        world: Whose thread is guarded.
        allow: Addresses that may be reached, as `"host"` or `"host:port"`.
    """

    def __init__(self, world: World, allow: tuple[str, ...]) -> None:
        self._world = world
        self._allow = frozenset(address.lower() for address in allow)
        self._thread = get_ident()

    def check(self, address: Any) -> None:
        """Refuse an address that was not allowed.

        Raises:
            NetworkRefused: It was recorded in the trace, too.
        """
        if get_ident() != self._thread or not isinstance(address, tuple) or len(address) < 2:
            return
        host, port = str(address[0]).lower(), address[1]
        if host in self._allow or f"{host}:{port}" in self._allow:
            return
        if is_local(host) and port not in SERVER_PORTS:
            return
        self._refuse(host, port)

    def check_name(self, host: Any) -> None:
        """Refuse to look up a host that may not be reached on any port."""
        if get_ident() != self._thread or host is None:
            return
        name = (host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)).lower()
        allowed_hosts = {address.rpartition(":")[0] or address for address in self._allow} | self._allow
        if not (is_local(name) or name in allowed_hosts):
            self._refuse(name, None)

    def _refuse(self, host: str, port: Any) -> None:
        world = self._world
        address = host if port is None else f"{host}:{port}"
        attempt = world.attempt()
        task_id = attempt.task_id if attempt is not None else None
        world.trace.append(Refused(world.scheduler.now, address, world.process.name, task_id))
        by = f"task {attempt.task}" if attempt is not None else world.process.name
        what = f" ({SERVER_PORTS[port]})" if port in SERVER_PORTS else ""
        raise NetworkRefused(
            f"{by} reached for {address}{what}, and a bench reaches no real host",
            hint=f"if the test needs it for real, allow it by name: Bench(app, allow=['{address}']); "
            "else replace the client, or use an in-memory one in the test settings",
        )


def is_local(host: str) -> bool:
    """Whether a host is the machine itself."""
    if host in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def guard(stack: ExitStack, world: World, allow: tuple[str, ...]) -> None:
    """Put the guard in front of the sockets of this thread until the stack closes."""
    watch = NetworkGuard(world, allow)
    connect, connect_ex, sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto
    getaddrinfo = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any, /) -> None:
        watch.check(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any, /) -> int:
        watch.check(address)
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, data: Any, *rest: Any) -> int:
        watch.check(rest[-1])
        return sendto(self, data, *rest)

    def guarded_getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        watch.check_name(host)
        return getaddrinfo(host, port, *args, **kwargs)

    # The methods belong to the base class in C; on the Python class they are put over them, and taken off again.
    for name, method in (("connect", guarded_connect), ("connect_ex", guarded_connect_ex), ("sendto", guarded_sendto)):
        setattr(socket.socket, name, method)
        stack.callback(delattr, socket.socket, name)
    socket.getaddrinfo = guarded_getaddrinfo
    stack.callback(setattr, socket, "getaddrinfo", getaddrinfo)
