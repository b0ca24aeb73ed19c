"""The real world: worker processes, a real broker, real time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import proj
from cable import Cable
from kombu import pools
from servers import Servers
from world import LIMIT, NeverHappened, Scenario, World

HERE = Path(__file__).parent
LOOK_EVERY = 0.02
TO_NOTICE = 0.2


class RealWorld(World):
    """One scenario on real servers; as a context manager it leaves nothing behind."""

    def __init__(self, scenario: Scenario, servers: Servers, folder: str) -> None:
        servers.database.empty()
        app = proj.make_app(
            servers.broker, broker_url=servers.broker_url, result_url=servers.result_url, config=scenario.config
        )
        super().__init__(app, servers.broker)
        self._scenario = scenario
        self._servers = servers
        self._folder = Path(folder)
        self._log = self._folder / "observations.jsonl"
        self._log.touch()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._cables: dict[str, Cable] = {}
        self._queues = {"work"}
        self._start = time.time()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._processes):
            self._kill(name)
        for cable in self._cables.values():
            cable.close()
        if self.broker == "rabbitmq":
            self._delete_queues()
        self._close_app()

    def _close_app(self) -> None:
        consumer = self.app.backend.result_consumer
        # A result that is collected later would connect again to unsubscribe.
        consumer.subscribed_to.clear()
        consumer.stop()
        self.app.backend.client.connection_pool.disconnect()
        self.app.close()
        # Apps share kombu's pools; a pooled connection remembers queues as declared that are deleted here.
        pools.reset()  # type: ignore[no-untyped-call]

    def start_node(self, name: str, queues: Sequence[str], concurrency: int, prefetch_multiplier: int) -> None:
        self._queues.update(queues)
        server = urlsplit(self._servers.broker_url)
        self._cables[name] = Cable(server.hostname or "127.0.0.1", server.port or 0)
        order = {
            "broker": self.broker,
            "broker_url": self._servers.broker_url.replace(f":{server.port}", f":{self._cables[name].port}"),
            "result_url": self._servers.result_url,
            "config": dict(self._scenario.config),
            "log": str(self._log),
            "argv": worker_arguments(name, queues, concurrency, prefetch_multiplier),
        }
        with (self._folder / f"{name}.log").open("ab") as output:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-W", "ignore", str(HERE / "node_main.py"), json.dumps(order)],
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.until(lambda: any(each.node == name for each in self.seen("ready")))
        self._start = time.time()

    def wait(self, span: float) -> None:
        time.sleep(span)

    def until(self, condition: Callable[[], bool], limit: float = LIMIT) -> None:
        deadline = time.monotonic() + limit
        while not condition():
            if time.monotonic() > deadline:
                raise NeverHappened(f"not within {limit} s; seen so far: {self._told_so_far()}")
            time.sleep(LOOK_EVERY)

    def kill_node(self, name: str) -> None:
        self._kill(name)
        # Redis hands a message that arrives before it noticed to the dead connection, and the message is lost.
        time.sleep(TO_NOTICE)

    def _kill(self, name: str) -> None:
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def kill_pool_process(self, label: str) -> None:
        os.kill(self.seen("start", label)[-1].pid, signal.SIGKILL)

    def cut_connection(self, name: str) -> None:
        self._cables[name].cut()

    def stop_node(self, name: str) -> None:
        process = self._processes.pop(name)
        process.terminate()
        process.wait(timeout=LIMIT)

    def records(self) -> list[proj.Record]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def started_at(self) -> float:
        return self._start

    def _told_so_far(self) -> list[tuple[str, str | None, Any]]:
        return [(each.what, each.label, each.info) for each in self.observations()]

    def _delete_queues(self) -> None:
        with self.app.connection_for_write() as connection:
            for queue in sorted(self._queues):
                connection.default_channel.queue_delete(queue)


def worker_arguments(name: str, queues: Sequence[str], concurrency: int, prefetch_multiplier: int) -> list[str]:
    """The command line of a worker."""
    return [
        "worker",
        "--pool=prefork",
        f"--hostname={name}@conformance",
        f"--queues={','.join(queues)}",
        f"--concurrency={concurrency}",
        f"--prefetch-multiplier={prefetch_multiplier}",
        "--without-gossip",
        "--without-mingle",
        "--loglevel=INFO",
    ]
