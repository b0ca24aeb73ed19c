"""Mail that is sent with aiosmtplib: its functions `send` and its class `SMTP`."""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from coldframe._effects.families import put
from coldframe._effects.gate import Failures, Touch
from coldframe._effects.mail_server import CLOSING, GREYLISTED, REJECTED, UNKNOWN_USER, Session
from coldframe._effects.mailing import OWN_NAME, Mailing, Refusals, bytes_of, envelope_of, server_name


def patch(stack: ExitStack, mailing: Mailing, aiosmtplib: Any) -> None:
    """Put the gate in front of the client until the stack closes."""
    clients = _Clients(mailing, aiosmtplib)
    kind = aiosmtplib.SMTP
    methods = {
        "_create_connection": clients.create_connection,
        "_get_default_local_hostname": clients.local_hostname,
        "_get_tls_context": clients.tls_context,
        "sendmail": clients.sendmail,
        "data": clients.data,
    }
    for name in [name for name in methods if hasattr(kind, name)]:  # older ones have fewer
        put(stack, kind, name, methods[name](getattr(kind, name)))


class _Clients:
    """What the methods of the client become.

    Args:
        mailing: The bench.
        aiosmtplib: The module.
    """

    def __init__(self, mailing: Mailing, aiosmtplib: Any) -> None:
        self._mailing = mailing
        self._errors = aiosmtplib

    def create_connection(self, original: Any) -> Any:
        """The one place where a client connects; that is an effect, as it can fail."""

        async def create(client: Any, *args: Any, **kwargs: Any) -> Any:
            has_socket = client.sock is not None or client.socket_path is not None
            if has_socket or not self._mailing.is_simulated(*_address(client)):
                return await original(client, *args, **kwargs)
            loop = client.loop
            client.loop = _Loop(loop)
            try:
                return await original(client, *args, **kwargs)
            finally:
                client.loop = loop

        @wraps(original)
        async def create_connection(client: Any, *args: Any, **kwargs: Any) -> Any:
            if not self._mailing.gate.watches():
                return await create(client, *args, **kwargs)
            host, port = _address(client)
            with self._mailing.connecting(host, port, self._connect_failures(host, port)) as touch:
                return await create(client, *args, **kwargs) if touch.answer is None else touch.answer

        return create_connection

    def local_hostname(self, original: Any) -> Any:
        """The name of this machine is asked for in another thread, and of a name server."""

        @wraps(original)
        async def local_hostname(client: Any) -> str:
            name: str = OWN_NAME if self._mailing.on_bench() else await original(client)
            return name

        return local_hostname

    def tls_context(self, original: Any) -> Any:
        """A simulated connection needs none, and to make one takes a thread and all certificates of the machine."""

        def known(client: Any) -> ssl.SSLContext | None:
            is_needed = client.tls_context is None and self._mailing.is_simulated(*_address(client))
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_needed else None

        @wraps(original)
        def tls_context(client: Any) -> Any:
            return known(client) or original(client)

        @wraps(original)
        async def tls_context_later(client: Any) -> Any:
            return known(client) or await original(client)

        return tls_context_later if iscoroutinefunction(original) else tls_context

    def sendmail(self, original: Any) -> Any:
        """All ways to send a message lead here."""

        @wraps(original)
        async def sendmail(client: Any, sender: str, recipients: Any, message: Any, /, **options: Any) -> Any:
            raw = bytes_of(message)
            if raw is None or not self._mailing.gate.watches():
                return await original(client, sender, recipients, message, **options)
            to = [recipients] if isinstance(recipients, str) else list(recipients)
            with self._sending(client, sender, to, raw, self._failures(sender, to)) as touch:
                refused = touch.answer
                if refused is not None and not isinstance(refused, Refusals):
                    return refused
                left = [address for address in to if address not in (refused or ())]
                errors, answer = await original(client, sender, left, message, **options)
                errors = {**errors, **(refused or {})}
                if errors:
                    touch.details["refused"] = {address: [code, text] for address, (code, text) in errors.items()}
                return errors, answer

        return sendmail

    def data(self, original: Any) -> Any:
        """For those who speak the protocol themselves."""

        @wraps(original)
        async def data(client: Any, message: Any, /, **options: Any) -> Any:
            raw = bytes_of(message)
            if raw is None or not self._mailing.gate.watches():
                return await original(client, message, **options)
            session = getattr(client.transport, "session", None)
            sender, to = envelope_of(raw) if session is None else (session.sender, list(session.recipients))
            failures = self._failures(sender, to)
            known = {name: failures[name] for name in ("timeout", "connection lost", "message refused")}
            with self._sending(client, sender, to, raw, known) as touch:
                return await original(client, message, **options) if touch.answer is None else touch.answer

        return data

    @contextmanager
    def _sending(self, client: Any, sender: str, to: list[str], message: bytes, failures: Failures) -> Iterator[Touch]:
        """As in life, the client has closed the connection after some errors."""
        errors = self._errors
        try:
            with self._mailing.sending(sender, to, message, server_name(*_address(client)), failures) as touch:
                yield touch
        except (errors.SMTPServerDisconnected, errors.SMTPTimeoutError):
            client.close()
            raise
        except errors.SMTPResponseException as error:
            if error.code == CLOSING[0]:
                client.close()
            raise

    def _connect_failures(self, host: str, port: int) -> Failures:
        errors, at = self._errors, f"{host} on port {port}"
        refused = f"[Errno {errno.ECONNREFUSED}] {os.strerror(errno.ECONNREFUSED)}"
        return {
            "refused": lambda: errors.SMTPConnectError(f"Error connecting to {at}: {refused}"),
            "timeout": lambda: errors.SMTPConnectTimeoutError(f"Timed out connecting to {at}"),
        }

    def _failures(self, sender: str, recipients: list[str]) -> dict[str, Callable[[], Any]]:
        errors = self._errors

        def refused(code: int, text: str) -> Any:
            return errors.SMTPRecipientsRefused(
                [errors.SMTPRecipientRefused(code, text, address) for address in recipients]
            )

        failures: dict[str, Callable[[], Any]] = {
            "refused": lambda: errors.SMTPSenderRefused(*CLOSING, sender),
            "timeout": lambda: errors.SMTPReadTimeoutError("Timed out waiting for server response"),
            "connection lost": lambda: errors.SMTPServerDisconnected("Connection lost"),
            "recipient refused": lambda: refused(*UNKNOWN_USER),
            "greylisted": lambda: refused(*GREYLISTED),
            "message refused": lambda: errors.SMTPDataError(*REJECTED),
        }
        if len(recipients) > 1:
            answer = errors.SMTPResponse(*UNKNOWN_USER)
            failures["one recipient refused"] = lambda: Refusals({recipients[-1]: answer})
        return failures


class _Loop:
    """A client's event loop, at whose other end the bench's own server is."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    async def create_connection(self, factory: Callable[[], Any], *args: Any, **options: Any) -> tuple[Any, Any]:
        context = options.get("ssl")
        protocol = factory()
        transport = _Transport(self._loop, protocol, Session(is_secret=context is not None), context)
        protocol.connection_made(transport)
        transport.say(transport.session.greeting)
        return transport, protocol

    async def start_tls(self, transport: Any, protocol: Any, context: Any, **options: Any) -> Any:
        transport.context = context
        return transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


class _Transport(asyncio.Transport):
    """What a client has instead of a connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: Any, session: Session, context: Any) -> None:
        super().__init__()
        self.session = session
        self.context = context
        self._loop = loop
        self._protocol = protocol
        self._is_closing = False

    def say(self, answer: bytes) -> None:
        """Let the client have an answer, soon."""
        self._loop.call_soon(self._protocol.data_received, answer)

    def write(self, data: Any) -> None:
        """Take what the client sends."""
        self.say(self.session.hear(bytes(data)))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Only whether it is encrypted is known."""
        return self.context if name == "sslcontext" and self.context is not None else default

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self._is_closing

    def close(self) -> None:
        """Tell the client, soon."""
        if not self._is_closing:
            self._is_closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)


def _address(client: Any) -> tuple[str, int]:
    """Host and port, as the client fills in what it was not given."""
    port = client.port if client.port is not None else client._get_default_port()  # noqa: SLF001 - nothing else knows
    return client.hostname or "localhost", port
