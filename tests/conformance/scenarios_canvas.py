"""Scenarios: chains, groups and chords."""

from __future__ import annotations

from typing import Any

import proj
from celery import Task, chain, chord, group
from celery.exceptions import ChordError
from world import World, scenario


@proj.task()
def total(self: Task[..., Any], numbers: list[int]) -> int:
    proj.note_start(self, got=numbers)
    return sum(numbers)


@scenario()
def a_chain_passes_results_on(world: World) -> Any:
    world.node()
    chain(world.sig("echo", "a", 1), world.sig_after("follow", "b"), world.sig_after("follow", "c")).apply_async()
    world.until_ready("a", "b", "c")
    world.until_seen("postrun", "c")
    return world.told("a", "b", "c")


@scenario()
def a_chain_stops_at_a_failure(world: World) -> Any:
    """The results of the tasks that never ran show the same failure."""
    world.node()
    chain(world.sig("echo", "a", 1), world.sig("fail", "b", "boom"), world.sig_after("follow", "c")).apply_async()
    world.until_ready("a", "b")
    world.until_seen("postrun", "b")
    world.wait(0.5)
    return world.told("a", "b", "c")


@scenario()
def a_chain_goes_on_after_a_retry(world: World) -> Any:
    world.node()
    chain(world.sig("succeed_at_third", "a"), world.sig_after("follow", "b")).apply_async()
    world.until_ready("a", "b")
    return {"runs of a": len(world.starts("a")), "runs of b": len(world.starts("b")), "b": world.outcome("b")}


@scenario()
def a_group_keeps_the_order_of_its_results(world: World) -> Any:
    world.node(concurrency=2)
    labels = ["a", "b", "c", "d"]
    result = group(world.sig("echo", label, number) for number, label in enumerate(labels)).apply_async()
    world.until(result.ready)
    return {"results": result.join_native(), "order of members": [each.id for each in result.results]}


@scenario()
def a_group_with_a_failure_runs_all_its_members(world: World) -> Any:
    world.node()
    members = [world.sig("echo", "a", 1), world.sig("fail", "b", "boom"), world.sig("echo", "c", 3)]
    result = group(members).apply_async()
    world.until(result.ready)
    return {"failed": result.failed(), "outcomes": [world.outcome(label) for label in ("a", "b", "c")]}


@scenario()
def a_chord_runs_its_body_once_with_all_results(world: World) -> Any:
    world.node(concurrency=2)
    header = [world.sig("echo", label, number) for number, label in enumerate(["a", "b", "c"])]
    chord(header)(world.sig_after("total", "body"))
    world.until_ready("body")
    world.until_seen("postrun", "body")
    return world.told("body")


@scenario()
def a_chord_with_a_failing_header_fails_its_body_without_running_it(world: World) -> Any:
    """The body fails with `ChordError`, and its errback is called once, with the id of the body."""
    world.node()
    header = [world.sig("echo", "a", 1), world.sig("fail", "b", "boom"), world.sig("echo", "c", 3)]
    body = world.sig_after("total", "body").on_error(world.sig_after("errback", "e"))
    chord(header)(body)
    world.until_ready("a", "b", "c", "body")
    world.wait(0.5)
    outcomes = {label: world.outcome(label) for label in ("a", "b", "c", "body")}
    return {
        "outcomes": outcomes,
        "body": world.story("body"),
        "errbacks": [dict(each.info) for each in world.seen("start", "e")],
        "is a chord error": isinstance(world.result("body").result, ChordError),
    }


@scenario()
def a_chord_waits_for_a_header_task_that_retries(world: World) -> Any:
    world.node(concurrency=2)
    chord([world.sig("succeed_at_third", "a"), world.sig("echo", "b", "b")])(world.sig_after("follow", "body"))
    world.until_ready("body")
    return {"runs of a": len(world.starts("a")), "body": world.outcome("body"), "runs": len(world.starts("body"))}


@scenario()
def a_chord_whose_header_process_is_killed_fails_its_body(world: World) -> Any:
    """With a `ChordError` that names `WorkerLostError`."""
    world.node(concurrency=2)
    chord([world.sig("nap", "a", 3), world.sig("echo", "b", "b")])(world.sig_after("follow", "body"))
    world.until_seen("start", "a")
    world.kill_pool_process("a")
    world.until_ready("a")
    world.wait(1)
    return {"a": world.outcome("a"), "body": world.outcome("body"), "runs": len(world.starts("body"))}
