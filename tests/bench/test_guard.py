"""Nothing real is reached from a bench, unless it was allowed by name."""

from __future__ import annotations

import asyncio
import http.client
import smtplib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from celery import Celery

from coldframe import Bench
from coldframe._core.events import Refused
from coldframe.errors import NetworkRefused, TaskFailed

REMOTE = "192.0.2.7"  # kept for documentation (RFC 5737): nothing answers there


@pytest.fixture
def server() -> Iterator[int]:
    """The port of something that listens on loopback, and answers whoever connects with `hello`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"hello")

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def say_hello(address: tuple[str, int]) -> bytes:
    with socket.create_connection(address, timeout=5) as connection:
        return connection.recv(5)


@pytest.mark.parametrize(
    ("port", "what"), [(5672, "RabbitMQ"), (6379, "Redis"), (25, "mail server"), (587, "mail server"), (9092, "Kafka")]
)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_brokers_and_mail_servers_are_refused_on_the_machine_itself(
    app: Celery, host: str, port: int, what: str
) -> None:
    with (
        Bench(app),
        pytest.raises(NetworkRefused, match=rf"^test reached for .*:{port} \({what}\), and a bench reaches"),
    ):
        say_hello((host, port))


def test_another_port_of_the_machine_itself_may_be_reached(app: Celery, server: int) -> None:
    with Bench(app):
        assert say_hello(("127.0.0.1", server)) == b"hello"
        assert say_hello(("localhost", server)) == b"hello"
        assert say_hello(("0.0.0.0", server)) == b"hello"


def connect() -> None:
    with socket.socket() as client:
        client.connect((REMOTE, 443))


def connect_ex() -> None:
    with socket.socket() as client:
        client.connect_ex((REMOTE, 443))


def send_datagram() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.sendto(b"ping", (REMOTE, 443))


def send_datagram_with_flags() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.sendto(b"ping", 0, (REMOTE, 443))


def send_message() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.sendmsg([b"ping"], [], 0, (REMOTE, 443))


def request() -> None:
    http.client.HTTPSConnection(REMOTE, timeout=5).request("GET", "/")


def in_a_loop() -> None:
    asyncio.run(_open(REMOTE))


async def _open(host: str) -> None:
    await asyncio.open_connection(host, 443)


WAYS = [connect, connect_ex, send_datagram, send_datagram_with_flags, send_message, request, in_a_loop]


@pytest.mark.parametrize("reach", WAYS, ids=lambda way: way.__name__)
def test_a_remote_address_is_refused(app: Celery, reach: Callable[[], None]) -> None:
    with (
        Bench(app),
        pytest.raises(NetworkRefused, match=rf"^test reached for {REMOTE}(:443)?, and a bench reaches no real"),
    ):
        reach()


LOOK_UPS: list[Callable[[], Any]] = [
    lambda: socket.getaddrinfo("api.example.com", 443),
    lambda: socket.getaddrinfo(b"api.example.com", 443),
    lambda: socket.gethostbyname("api.example.com"),
    lambda: http.client.HTTPConnection("api.example.com").connect(),
    lambda: asyncio.run(_open("api.example.com")),
]


@pytest.mark.parametrize("look_up", LOOK_UPS, ids=["str", "bytes", "old", "http", "asyncio"])
def test_a_remote_name_is_not_even_looked_up(app: Celery, look_up: Callable[[], Any]) -> None:
    with (
        Bench(app),
        pytest.raises(NetworkRefused, match=r"allow it by name: Bench\(app, allow=\['api\.example\.com'\]\)"),
    ):
        look_up()


def test_mail_is_refused_by_the_name_of_its_server(app: Celery) -> None:
    with Bench(app), pytest.raises(NetworkRefused, match=r"^test reached for 127\.0\.0\.1:25 \(mail server\)"):
        smtplib.SMTP("127.0.0.1", 25)


@pytest.mark.parametrize("allow", [["192.0.2.7"], ["192.0.2.7:443"], "192.0.2.7"])
def test_what_is_allowed_gets_through_the_guard(app: Celery, allow: Any) -> None:
    with Bench(app, allow=allow) as bench, socket.socket(type=socket.SOCK_DGRAM) as client:
        client.connect((REMOTE, 443))
        assert [event for event in bench.trace if isinstance(event, Refused)] == []


def test_allowing_one_port_of_a_host_leaves_the_others_refused(app: Celery) -> None:
    with (
        Bench(app, allow=["192.0.2.7:443"]),
        socket.socket() as client,
        pytest.raises(NetworkRefused, match=rf"reached for {REMOTE}:80"),
    ):
        client.connect((REMOTE, 80))


def test_an_allowed_name_may_be_reached_at_the_address_it_resolves_to(app: Celery) -> None:
    with Bench(app, allow=["localhost:11211"]), socket.socket(type=socket.SOCK_DGRAM) as client:
        for *_, address in socket.getaddrinfo("localhost", 11211, socket.AF_INET):
            client.connect(address)
            assert client.getpeername() == ("127.0.0.1", 11211)


def test_a_refusal_is_in_the_trace_and_names_the_task(app: Celery) -> None:
    @app.task(name="shop.call", shared=False)
    def call() -> None:
        connect()

    with Bench(app) as bench:
        result = call.delay()
        with pytest.raises(TaskFailed, match=rf"task shop\.call reached for {REMOTE}:443"):
            bench.drain()
        (refused,) = (event for event in bench.trace if isinstance(event, Refused))
        assert (refused.address, refused.by_task_id) == (f"{REMOTE}:443", result.id)
        assert refused.by == "celery/1"


def test_a_refusal_is_an_error_of_the_connection_that_clients_handle(app: Celery) -> None:
    with Bench(app), pytest.raises(ConnectionRefusedError, match=rf"reached for {REMOTE}:443"):
        connect()


def test_other_threads_are_left_alone(app: Celery) -> None:
    seen: list[object] = []

    def elsewhere() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", 6379))
            seen.append(client.getpeername())

    with Bench(app):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert seen == [("127.0.0.1", 6379)]


def test_the_guard_is_gone_when_the_bench_is_closed(app: Celery) -> None:
    with Bench(app):
        pass
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.connect((REMOTE, 443))
        assert client.getpeername() == (REMOTE, 443)


def test_a_thread_that_a_task_starts_reaches_no_real_host_either(app: Celery) -> None:
    @app.task(name="shop.notify_all")
    def notify_all() -> None:
        told = (
            rf"^task shop.notify_all reached for {REMOTE} in a thread of its own, and a bench reaches no real host\n"
            r"  hint: a bench has one thread: what is declared for it \(bench.http, bench.mail\) is not known in others"
        )
        with ThreadPoolExecutor() as pool, pytest.raises(NetworkRefused, match=told):
            pool.submit(say_hello, (REMOTE, 443)).result()

    with Bench(app) as bench:
        notify_all.delay()
        bench.drain()
        assert [event.address for event in bench.trace if isinstance(event, Refused)] == [REMOTE]
        bench.assert_ran(notify_all, times=1)
