"""A cable between a node and its broker that a test can pull: a TCP relay on loopback."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading

CHUNK = 65536
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Cable:
    """Relays connections from a local port to a server until they are cut.

    Cutting resets both ends, as a lost network does once it is noticed. New connections are relayed again at once.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """The port to connect to instead of the server's."""
        return int(self._listener.getsockname()[1])

    def cut(self) -> None:
        """Reset all connections that are open."""
        with self._lock:
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                    end.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        """Accept no more connections, and reset those that are open."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._server)
            except OSError:
                return
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open += [near, far]
            threading.Thread(target=self._relay, args=(near, far), daemon=True).start()

    def _relay(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with contextlib.suppress(OSError):
            while True:
                for source in select.select([near, far], [], [])[0]:
                    data = source.recv(CHUNK)
                    if not data:
                        raise ConnectionResetError
                    other[source].sendall(data)
        with self._lock:
            for end in (near, far):
                self._open.remove(end)
                end.close()
