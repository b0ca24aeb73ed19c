"""Scenarios: retries, failures, results and their states."""

from __future__ import annotations

from typing import Any

import proj
from celery import Task
from celery.exceptions import Ignore
from world import World, scenario


@proj.task()
def echo(self: Task[..., Any], value: Any) -> Any:
    proj.note_start(self)
    return value


@proj.task()
def fail(self: Task[..., Any], text: str) -> None:
    proj.note_start(self)
    raise ValueError(text)


@proj.task(max_retries=5)
def succeed_at_third(self: Task[..., Any]) -> str:
    proj.note_start(self)
    if self.request.retries < 2:
        raise self.retry(countdown=0.5, exc=ValueError("not yet"))
    return "done"


@proj.task(max_retries=1, default_retry_delay=0.3)
def retry_in_vain(self: Task[..., Any]) -> None:
    proj.note_start(self)
    raise self.retry()


@proj.task(autoretry_for=(ValueError,), max_retries=2, default_retry_delay=0.3)
def autoretry_in_vain(self: Task[..., Any]) -> None:
    proj.note_start(self)
    raise ValueError("boom")


@proj.task(autoretry_for=(ValueError,), max_retries=1, default_retry_delay=0.3, acks_late=True)
def autoretry_late(self: Task[..., Any]) -> None:
    proj.note_start(self)
    raise ValueError("boom")


@proj.task(ignore_result=True)
def keep_nothing(self: Task[..., Any]) -> str:
    proj.note_start(self)
    return "unheard"


@proj.task(track_started=True)
def tell_when_started(self: Task[..., Any], seconds: float) -> str:
    return proj.nap_and_note(self, seconds)


@proj.task()
def ignore_itself(self: Task[..., Any]) -> None:
    proj.note_start(self)
    raise Ignore


@proj.task()
def follow(self: Task[..., Any], value: Any) -> str:
    proj.note_start(self, got=value)
    return f"after {value}"


@proj.task()
def errback(self: Task[..., Any], parent: str) -> None:
    proj.note_start(self, of=parent)


@scenario()
def a_task_retries_until_it_succeeds(world: World) -> Any:
    world.node()
    world.send("succeed_at_third", "a")
    world.until_ready("a")
    world.until_seen("success", "a")
    world.until_seen("postrun", "a", times=3)
    first, second, third = world.starts("a")
    return {**world.told("a"), "spacing": [round((second - first) * 2) / 2, round((third - second) * 2) / 2]}


@scenario()
def a_task_that_waits_for_its_retry_has_the_state_retry(world: World) -> Any:
    world.node()
    world.send("succeed_at_third", "a")
    world.until_seen("received", "a", times=2)
    world.until_seen("postrun", "a")
    return world.outcome("a")


@scenario()
def a_retry_over_the_maximum_fails_the_task(world: World) -> Any:
    world.node()
    world.send("retry_in_vain", "a")
    world.until_ready("a")
    world.until_seen("postrun", "a", times=2)
    return world.told("a")


@scenario()
def an_autoretry_over_the_maximum_fails_with_the_error_itself(world: World) -> Any:
    """Not with `MaxRetriesExceededError`, which `retry()` without an error ends with."""
    world.node()
    world.send("autoretry_in_vain", "a")
    world.until_ready("a")
    world.until_seen("postrun", "a", times=3)
    return world.told("a")


@scenario()
def a_late_ack_task_that_retries_is_not_redelivered(world: World) -> Any:
    world.node()
    world.send("autoretry_late", "a")
    world.until_ready("a")
    world.until_seen("postrun", "a", times=2)
    world.wait(0.5)
    return world.told("a")


@scenario()
def a_failure_is_kept_as_a_result(world: World) -> Any:
    world.node()
    world.send("fail", "a", "boom")
    world.until_ready("a")
    world.until_seen("postrun", "a")
    return world.told("a")


@scenario()
def a_task_of_an_unknown_name_is_thrown_away(world: World) -> Any:
    """Its result fails with `NotRegistered`, and the node goes on."""
    world.node()
    world.send_unregistered("no_such_task", "a")
    world.until_seen("unknown", "a")
    world.send("echo", "after", 1)
    world.until_ready("after")
    return {"seen": world.seen("unknown")[0].info["name"], "outcome": world.outcome("a")}


@scenario()
def an_ignored_result_is_not_kept(world: World) -> Any:
    """Its state stays `PENDING`."""
    world.node()
    world.send("keep_nothing", "a")
    world.until_seen("postrun", "a")
    world.wait(0.3)
    return world.told("a")


@scenario()
def a_task_that_raises_ignore_keeps_no_result(world: World) -> Any:
    """Its state stays `PENDING`."""
    world.node()
    world.send("ignore_itself", "a")
    world.until_seen("postrun", "a")
    world.wait(0.3)
    return world.told("a")


@scenario()
def a_running_task_is_started_only_when_it_tracks_that(world: World) -> Any:
    """`STARTED` needs `track_started`; without it, a running task is `PENDING`."""
    world.node(concurrency=2)
    world.send("tell_when_started", "a", 1)
    world.send("nap", "b", 1)
    world.until_seen("start", times=2)
    running = [world.result("a").state, world.result("b").state]
    world.until_ready("a", "b")
    return {"running": running, "done": [world.outcome("a"), world.outcome("b")]}


@scenario()
def a_link_gets_the_result_of_its_parent(world: World) -> Any:
    world.node()
    world.send("echo", "a", 7, link=world.sig_after("follow", "b"))
    world.until_ready("a", "b")
    world.until_seen("postrun", "b")
    return world.told("a", "b")


@scenario()
def a_link_of_a_failed_task_does_not_run_but_its_errback_does(world: World) -> Any:
    world.node()
    world.send("fail", "a", "boom", link=world.sig_after("follow", "b"), link_error=world.sig_after("errback", "e"))
    world.until_ready("a")
    world.until_seen("start", "e")
    world.wait(0.5)
    return world.told("a", "b", "e")


@scenario()
def an_errback_of_a_task_that_retries_runs_once_at_the_end(world: World) -> Any:
    world.node()
    world.send("autoretry_in_vain", "a", link_error=world.sig_after("errback", "e"))
    world.until_ready("a")
    world.until_seen("start", "e")
    world.wait(0.5)
    return {"runs": len(world.starts("a")), "errbacks": len(world.starts("e")), "outcome": world.outcome("a")}


@scenario()
def an_errback_runs_when_the_pool_process_is_killed(world: World) -> Any:
    world.node()
    world.send("nap", "a", 3, link_error=world.sig_after("errback", "e"))
    world.until_seen("start", "a")
    world.kill_pool_process("a")
    world.until_ready("a")
    world.wait(1)
    return {"errbacks": len(world.starts("e")), "outcome": world.outcome("a")}
