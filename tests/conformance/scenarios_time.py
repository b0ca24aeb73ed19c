"""Scenarios: countdowns, expiry, visibility timeouts, rate limits and time limits."""

from __future__ import annotations

import time
from typing import Any

import proj
from celery import Task
from celery.exceptions import SoftTimeLimitExceeded
from world import World, scenario


@proj.task(rate_limit="2/s")
def limited(self: Task[..., Any]) -> None:
    proj.note_start(self)


@proj.task()
def tidy_up_when_out_of_time(self: Task[..., Any], seconds: float) -> str:
    proj.note_start(self)
    try:
        time.sleep(seconds)
    except SoftTimeLimitExceeded as error:
        proj.note(self, "out of time", error=proj.said(error))
        return "tidied"
    return "rested"


@scenario()
def countdowns_run_in_the_order_of_their_moments(world: World) -> Any:
    world.node()
    world.send("nap", "a", 0, countdown=1.5)
    world.send("nap", "b", 0, countdown=0.5)
    world.send("nap", "c", 0, countdown=1)
    world.until_ready("a", "b", "c")
    return {"order": world.order("start"), "received": world.order("received"), "at least": int(world.starts("a")[0])}


@scenario()
def held_countdowns_do_not_count_against_the_prefetch(world: World) -> Any:
    world.node(concurrency=1, prefetch_multiplier=2)
    for label in ("a", "b", "c"):
        world.send("nap", label, 0, countdown=1.5)
    world.until_seen("received", times=3)
    world.wait(0.5)
    world.send("nap", "now", 0)
    world.until_ready("a", "b", "c", "now")
    return {"first": world.order("start")[0], "received": world.order("received")}


@scenario()
def a_task_that_expired_before_it_was_sent_is_revoked(world: World) -> Any:
    world.node()
    world.send("nap", "a", 0, expires=-5)
    world.until_ready("a")
    return world.told("a")


@scenario()
def a_task_that_expires_while_its_node_is_busy_is_revoked(world: World) -> Any:
    world.node()
    world.send("nap", "a", 1.5)
    world.until_seen("start", "a")
    world.send("nap", "b", 0, expires=0.5)
    world.until_ready("a", "b")
    world.until_seen("postrun", "a")
    return world.told("a", "b")


@scenario(brokers_agree=False)
def a_task_that_expires_in_a_queue_that_nobody_reads(world: World) -> Any:
    """Redis: the first node that reads the queue revokes it.
    RabbitMQ: the broker throws it away; no node hears of it, and its state stays `PENDING`.
    """
    world.node("elsewhere", queues=["elsewhere"])
    world.send("nap", "a", 0, expires=0.5)
    world.wait(1)
    world.node()
    world.wait(1)
    return world.told("a")


@scenario()
def a_task_that_expires_before_its_eta(world: World) -> Any:
    """It is revoked, and does not run."""
    world.node()
    world.send("nap", "a", 0, countdown=1.5, expires=0.5)
    world.wait(2.5)
    return world.told("a")


@scenario(visibility_timeout=1, brokers_agree=False)
def a_late_ack_task_longer_than_the_visibility_timeout_beside_a_free_process(world: World) -> Any:
    """Redis: it runs twice, and the second run begins while the first one is still busy.
    RabbitMQ: it runs once; there is no visibility timeout.
    """
    world.node(concurrency=2)
    world.send("late_nap", "a", 1.5)
    world.until_seen("postrun", "a")
    world.wait(3)
    return world.told("a")


@scenario(visibility_timeout=1, brokers_agree=False)
def a_late_ack_task_longer_than_the_visibility_timeout_on_one_process(world: World) -> Any:
    """Redis: it runs twice, one run after the other.
    RabbitMQ: it runs once.
    """
    world.node(concurrency=1)
    world.send("late_nap", "a", 1.5)
    world.until_seen("postrun", "a")
    world.wait(3)
    return world.told("a")


@scenario(visibility_timeout=1)
def an_early_ack_task_longer_than_the_visibility_timeout(world: World) -> Any:
    """It runs once: its message was acknowledged before it began."""
    world.node(concurrency=2)
    world.send("nap", "a", 1.5)
    world.until_seen("postrun", "a")
    world.wait(1)
    return world.told("a")


@scenario(visibility_timeout=1, brokers_agree=False)
def a_countdown_longer_than_the_visibility_timeout(world: World) -> Any:
    """Redis: it is handed out again and again while it is held; each copy runs: three times here.
    RabbitMQ: it is received once and runs once.
    """
    world.node()
    world.send("nap", "a", 0, countdown=2.6)
    world.until_ready("a")
    world.wait(1)
    # All copies are due at one moment; which of them is first is up to microseconds.
    return {
        "received": len(world.seen("received", "a")),
        "redelivered": sorted(each.info["redelivered"] for each in world.seen("start", "a")),
        "outcome": world.outcome("a"),
    }


@scenario(visibility_timeout=1, brokers_agree=False)
def a_countdown_longer_than_the_visibility_timeout_with_two_nodes(world: World) -> Any:
    """Redis: it runs twice.
    RabbitMQ: it runs once.
    """
    world.node("n1")
    world.node("n2")
    world.send("late_nap", "a", 0, countdown=1.6)
    world.until_ready("a")
    world.wait(1)
    return {"starts": sorted([each.info["redelivered"] for each in world.seen("start")]), "told": world.outcome("a")}


@scenario(visibility_timeout=1, brokers_agree=False)
def a_prefetched_task_that_waits_longer_than_the_visibility_timeout(world: World) -> Any:
    """Redis: it runs twice.
    RabbitMQ: it runs once.
    """
    world.node()
    world.send("nap", "a", 1.6)
    world.until_seen("start", "a")
    world.send("nap", "b", 0)
    world.until_seen("postrun", "b")
    world.wait(1)
    return world.told("a", "b")


@scenario()
def a_rate_limit_spaces_the_runs(world: World) -> Any:
    """Two a second: one every half second."""
    world.node(concurrency=2)
    for label in ("a", "b", "c", "d"):
        world.send("limited", label)
    world.until_seen("start", times=4)
    first, *others = world.starts()
    return {"order": world.order("start"), "after the first": [round((at - first) * 2) / 2 for at in others]}


@scenario()
def a_soft_time_limit_fails_the_task(world: World) -> Any:
    world.node()
    world.send("nap", "a", 5, soft_time_limit=1)
    world.until_ready("a")
    world.until_seen("postrun", "a")
    return world.told("a")


@scenario()
def a_soft_time_limit_can_be_caught(world: World) -> Any:
    world.node()
    world.send("tidy_up_when_out_of_time", "a", 5, soft_time_limit=1)
    world.until_ready("a")
    world.until_seen("postrun", "a")
    return world.told("a")


@scenario()
def a_hard_time_limit_kills_the_process(world: World) -> Any:
    """The task fails with `TimeLimitExceeded`, and the node goes on with a new process."""
    world.node()
    world.send("nap", "a", 5, time_limit=1)
    world.until_ready("a")
    world.send("nap", "after", 0)
    world.until_ready("after")
    world.until_seen("postrun", "after")
    return world.told("a", "after")


@scenario()
def a_process_over_its_hard_time_limit_still_runs_its_finally(world: World) -> Any:
    """It gets `SIGTERM` first, which raises `SystemExit` inside the task."""
    world.node()
    world.send("nap_and_clean_up", "a", 5, time_limit=1)
    world.until_ready("a")
    world.wait(0.5)
    return world.told("a")


@scenario()
def a_late_ack_task_over_its_hard_time_limit_is_not_run_again(world: World) -> Any:
    world.node()
    world.send("late_nap", "a", 5, time_limit=1)
    world.until_ready("a")
    world.wait(1)
    return world.told("a")
