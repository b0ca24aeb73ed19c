"""While a bench is open, its thread lives in virtual time; afterwards nothing is left of it."""

from __future__ import annotations

import datetime
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from coldframe._core.captured import Captured
from coldframe._core.clock import VirtualTime, in_virtual_time, keeps_real_time, real_monotonic
from coldframe._core.fibers import Process
from coldframe._core.moments import SECOND, to_micros
from coldframe._core.scheduler import Scheduler
from coldframe.errors import AlreadyOpen, SetupError

START = to_micros(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
snooze = time.sleep  # noqa: TID251
monotonic = time.monotonic


@contextmanager
def virtual(start: int = START) -> Iterator[Scheduler]:
    scheduler = Scheduler(start)
    clock = VirtualTime(scheduler)
    captured = Captured(clock.replacements(), keeps_real_time)
    try:
        clock.install()
        captured.install()
        yield scheduler
    finally:
        captured.restore()
        clock.restore()
        scheduler.close([])


def in_thread(body: Callable[[], Any]) -> Any:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(body()))
    thread.start()
    thread.join()
    return answers[0]


def test_sleeping_takes_virtual_time_and_no_real_time() -> None:
    began = real_monotonic()
    with virtual() as scheduler:
        snooze(3600)
        assert scheduler.now == START + 3600 * SECOND
        time.sleep(0.25)  # noqa: TID251
        assert scheduler.now == START + 3600 * SECOND + 250_000
    assert real_monotonic() - began < 5


def test_all_wall_clocks_say_the_virtual_time() -> None:
    with virtual(START + 123_456):
        assert time.time() == 1767225600.123456
        assert time.time_ns() == 1767225600_123456000
        assert time.clock_gettime(time.CLOCK_REALTIME) == 1767225600.123456
        moment = datetime.datetime(2026, 1, 1, 0, 0, 0, 123456, datetime.UTC)
        assert datetime.datetime.now(datetime.UTC) == moment
        assert datetime.datetime.now().astimezone(datetime.UTC) == moment
        assert datetime.datetime.today() == datetime.datetime.now()
        assert datetime.datetime.now(datetime.UTC).date() == datetime.date(2026, 1, 1)
        assert time.gmtime()[:6] == (2026, 1, 1, 0, 0, 0)
        assert time.strftime("%Y", time.gmtime()) == "2026"
        assert time.mktime(time.localtime()) == 1767225600


def test_the_monotonic_clocks_agree_with_the_wall_clock_and_are_exact_to_the_microsecond() -> None:
    with virtual() as scheduler:
        assert (time.monotonic(), time.perf_counter()) == (time.time(), time.time())
        assert (time.monotonic_ns(), time.perf_counter_ns()) == (START * 1000, START * 1000)
        snooze(0.000001)
        assert time.monotonic_ns() == START * 1000 + 1000
        scheduler.now = START + 90 * 86400 * SECOND + 1
        assert time.monotonic() == 1775001600.000001
        assert time.clock_gettime(time.CLOCK_MONOTONIC) == 1775001600.000001
        assert time.clock_gettime_ns(time.CLOCK_MONOTONIC) == 1775001600_000001000
        assert monotonic() == 1775001600.000001


def test_clocks_of_the_processor_stay_real() -> None:
    with virtual():
        assert time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID) > 0
        assert time.clock_gettime_ns(time.CLOCK_PROCESS_CPUTIME_ID) > 0


def test_fibers_sleep_side_by_side() -> None:
    seen: list[tuple[str, int]] = []

    def sleeper(name: str, *spans: float) -> Callable[[], None]:
        def body() -> None:
            for span in spans:
                snooze(span)
                seen.append((name, (scheduler.now - START) // 1000))

        return body

    with virtual() as scheduler:
        process = Process("node")
        scheduler.spawn(process, sleeper("a", 3, 3))
        scheduler.spawn(process, sleeper("b", 2, 2, 2))
        scheduler.spawn(process, sleeper("c", 0.5))
        snooze(10)
    assert seen == [("c", 500), ("b", 2000), ("a", 3000), ("b", 4000), ("a", 6000), ("b", 6000)]


def test_sleeping_for_no_time_gives_way() -> None:
    seen: list[str] = []
    with virtual() as scheduler:
        scheduler.spawn(Process("node"), lambda: seen.append("other"))
        snooze(0)
        assert (seen, scheduler.now) == (["other"], START)


@pytest.mark.parametrize(
    ("span", "error", "message"),
    [
        (-1, ValueError, "sleep length must be non-negative"),
        (-0.5, ValueError, "sleep length must be non-negative"),
        (float("nan"), ValueError, "NaN"),
        (float("inf"), OverflowError, "infinity"),
        ("1", TypeError, "'str' object cannot be interpreted as an integer"),
    ],
)
def test_a_span_that_is_none_is_refused(span: Any, error: type[Exception], message: str) -> None:
    with virtual(), pytest.raises(error, match=message):
        snooze(span)


@pytest.mark.parametrize("clock", [time.time, time.monotonic, time.perf_counter_ns])
def test_a_loop_that_only_reads_a_clock_makes_time_pass(clock: Callable[[], float]) -> None:
    name = clock.__name__
    with virtual() as scheduler:
        read = getattr(time, name)
        until = read() + (2_000_000 if name.endswith("_ns") else 0.002)
        reads = 1
        while read() < until:
            reads += 1
        assert scheduler.now == START + 2000
        assert reads in range(20_000, 20_004)


def test_reads_count_from_the_last_switch() -> None:
    with virtual() as scheduler:
        for _ in range(3):
            for _ in range(9_000):
                time.time()
            snooze(0)
        assert scheduler.now == START


def test_in_callbacks_of_the_scheduler_a_sleep_is_left_out_and_reading_never_parks() -> None:
    moments: list[int] = []

    def callback() -> None:
        snooze(5)
        for _ in range(10_002):
            time.monotonic()
        moments.append(scheduler.now)

    with virtual() as scheduler:
        scheduler.call_at(START + SECOND, callback)
        snooze(2)
        assert (moments, scheduler.now) == ([START + SECOND], START + 2 * SECOND)


def test_other_threads_live_in_real_time() -> None:
    real = time.time()
    with virtual() as scheduler:
        assert in_thread(time.time) - real < 60
        assert in_thread(time.time_ns) // 10**9 - real < 60
        assert in_thread(lambda: datetime.datetime.now(datetime.UTC)).timestamp() - real < 60
        assert abs(in_thread(time.monotonic) - real_monotonic()) < 60
        in_thread(lambda: snooze(0.001))
        assert not in_thread(in_virtual_time)
        assert in_virtual_time()
        assert scheduler.now == START


def test_local_time_follows_daylight_saving_of_any_zone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    spring = datetime.datetime(2026, 3, 29, 1, 59, 59, tzinfo=berlin)
    with virtual(to_micros(spring)):
        assert datetime.datetime.now(berlin).isoformat() == "2026-03-29T01:59:59+01:00"
        snooze(1)
        assert datetime.datetime.now(berlin).isoformat() == "2026-03-29T03:00:00+02:00"


def test_the_time_zone_of_the_host_stays() -> None:
    names, zone = time.tzname, os.environ.get("TZ")
    with virtual():
        assert (time.tzname, os.environ.get("TZ")) == (names, zone)


def test_a_class_that_is_made_while_open_may_hold_a_clock_as_builtins_may_be_held() -> None:
    with virtual():

        class Limit:
            clock = time.monotonic

        assert Limit().clock() == START / SECOND
    assert abs(Limit().clock() - real_monotonic()) < 60


def test_what_still_holds_a_replacement_has_real_time_between_benches_and_virtual_time_in_the_next() -> None:
    with virtual():
        held = time.monotonic
    assert abs(held() - real_monotonic()) < 60
    with virtual():
        assert held() == START / SECOND


def test_a_replacement_can_be_pickled() -> None:
    with virtual():
        assert pickle.loads(pickle.dumps(time.monotonic))() == START / SECOND


def test_modules_that_wait_for_real_things_keep_the_real_clocks() -> None:
    with virtual():
        assert abs(threading._time() - real_monotonic()) < 60  # type: ignore[attr-defined]
    assert [
        name
        for name in ("threading", "concurrent.futures.thread", "logging.handlers", "pytest_timeout", "coldframe.bench")
        if not keeps_real_time(name)
    ] == []
    assert [name for name in ("logging", "threadings", "celery.beat", "sched", "time") if keeps_real_time(name)] == []


def test_modules_imported_before_and_while_open_have_their_clocks_back_after() -> None:
    real = time.monotonic
    code = "from time import monotonic\ndef f(clock=monotonic): return clock()"
    modules: list[Any] = [ModuleType("clock_sample_before"), ModuleType("clock_sample_during")]
    try:
        for module in modules:
            sys.modules[module.__name__] = module
        exec(code, vars(modules[0]))
        with virtual():
            exec(code, vars(modules[1]))
            assert [module.f() for module in modules] == [START / SECOND] * 2
        assert [module.monotonic for module in modules] == [real, real]
        assert [module.f.__defaults__ for module in modules] == [(real,), (real,)]
    finally:
        for module in modules:
            del sys.modules[module.__name__]


def test_a_second_clock_is_refused() -> None:
    with virtual() as scheduler:
        with pytest.raises(AlreadyOpen, match="virtual time was started while it already runs"):
            VirtualTime(scheduler).install()
        assert time.monotonic() == START / SECOND


def test_a_travel_that_a_test_starts_on_top_goes_on_after_the_bench() -> None:
    travel = time_machine.travel(0, tick=False)
    with virtual():
        travel.start()
        assert time.time() == 0
    assert time.time() == 0
    travel.stop()
    assert not time_machine.escape_hatch.is_travelling()


def test_a_clock_that_freezegun_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = type("FakeDatetime", (datetime.datetime,), {})
    monkeypatch.setitem(sys.modules, "freezegun", ModuleType("freezegun"))
    monkeypatch.setattr(datetime, "datetime", fake)
    with pytest.raises(SetupError, match="virtual time cannot start while freezegun holds the clock"):
        VirtualTime(Scheduler(START)).install()
    assert not in_virtual_time()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_has_real_time() -> None:
    with virtual() as scheduler:
        if not (child := os.fork()):
            snooze(0.001)
            wall_is_real = time.time() != START / SECOND
            os._exit(0 if wall_is_real and time.monotonic() != START / SECOND and scheduler.now == START else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_two_hundred_benches_leave_nothing() -> None:
    def everything() -> dict[str, object]:
        return {name: getattr(time, name) for name in dir(time)}

    before, names = everything(), (snooze, monotonic)
    with virtual():
        pass
    for _ in range(200):
        with virtual():
            snooze(1)
    assert everything() == before
    assert (snooze, monotonic) == names
    assert not time_machine.escape_hatch.is_travelling()
    assert not in_virtual_time()


def test_two_processes_with_other_hash_seeds_see_the_same_times() -> None:
    script = (
        "import time, test_clock\n"
        "with test_clock.virtual() as scheduler:\n"
        "    for span in (0.1, 1 / 3, 1e-9, 86400): time.sleep(span); print(time.time_ns(), time.monotonic())\n"
    )
    outputs = set()
    for hash_seed in ("0", "1"):
        path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
        run = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        outputs.add(run.stdout)
    (output,) = outputs
    assert output.splitlines() == [
        "1767225600100000000 1767225600.1",
        "1767225600433333000 1767225600.433333",
        "1767225600433334000 1767225600.433334",
        "1767312000433334000 1767312000.433334",
    ]
