"""Traces as JSON: everything comes back, nothing fails, and two processes write the same bytes."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import coldframe
from coldframe._core.events import EVENT_TYPES, Acked, Event, Finished, Logged, NodeChanged, Published, Started
from coldframe._core.plain import error_label, stable_repr
from coldframe._core.trace import FileTrace, MemoryTrace
from coldframe._core.trace_json import RecordedError, RecordedRepr, dumps, load, loads, save
from coldframe.errors import SetupError

AT = 1_774_738_800_000_000

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(lambda text: " at 0x" not in text)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
VALUES = st.recursive(
    SCALARS | st.builds(RecordedRepr, TEXT),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXT | st.sampled_from(["repr", "dict", "float"]), inner, max_size=3)
        | st.dictionaries(st.integers(), inner, max_size=2)
    ),
    max_leaves=8,
)
BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "body": st.binary(max_size=12),
    "args": st.lists(VALUES, max_size=3).map(tuple),
    "kwargs": st.dictionaries(TEXT | st.just("repr"), VALUES, max_size=2),
    "result": VALUES,
    "exception": st.none() | st.builds(RecordedError, TEXT, TEXT),
    "messages": st.lists(st.integers(), max_size=3).map(tuple),
    "queues": st.lists(TEXT, max_size=3).map(tuple),
    "details": st.dictionaries(TEXT | st.just("repr"), VALUES, max_size=2),
    "failures": st.lists(TEXT, max_size=3).map(tuple),
}
BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(),
    "int | None": st.none() | st.integers(),
    "bool": st.booleans(),
    "str": TEXT,
    "str | None": st.none() | TEXT,
}


def events_of(kind: type[Event]) -> st.SearchStrategy[Event]:
    by_name = BY_NAME | {
        field.name: BY_TYPE[str(field.type)] for field in dataclasses.fields(kind) if field.name not in BY_NAME
    }
    return st.builds(kind, **{field.name: by_name[field.name] for field in dataclasses.fields(kind)})


def read_back(event: Event) -> Event:
    (again,) = loads(dumps([event]))
    return again


@given(st.lists(st.one_of([events_of(kind) for kind in EVENT_TYPES.values()]), max_size=5))
def test_every_event_comes_back_equal_and_in_order(events: list[Event]) -> None:
    text = dumps(events)

    assert loads(text) == events
    assert dumps(loads(text)) == text


def test_a_line_leaves_out_what_holds_its_default() -> None:
    event = Published(AT, 1, "", "mail", ("mail",), "test", task="charge", body=b"[[7], {}, {}]")

    assert dumps([event]) == (
        '{"coldframe_trace": 1}\n'
        '{"event":"Published","at":1774738800000000,"message":1,"exchange":"","routing_key":"mail",'
        '"queues":["mail"],"by":"test","task":"charge","body":"[[7], {}, {}]"}\n'
    )


def test_a_body_that_is_no_text_is_kept_as_base64() -> None:
    event = Published(AT, 1, "", "mail", (), "test", body=b"\x80\x04")

    assert '"body":{"base64":"gAQ="}' in dumps([event])
    assert read_back(event) == event


def finished(result: Any = None, exception: BaseException | None = None) -> Finished:
    return Finished(AT, "id", "charge", 1, "SUCCESS", result, exception)


class Order:
    pass


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError


@dataclasses.dataclass
class Basket:
    fruits: set[str]


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ((1, (2, 3)), [1, [2, 3]]),
        (Order(), {"repr": f"<{__name__}.Order object at 0x…>"}),
        ({"b", "a", "c"}, {"repr": "{'a', 'b', 'c'}"}),
        (frozenset({2, 1}), {"repr": "frozenset({1, 2})"}),
        (set(), {"repr": "set()"}),
        (Basket({"pear", "fig"}), {"repr": "Basket(fruits={'fig', 'pear'})"}),
        (Broken(), {"repr": f"<{__name__}.Broken whose repr failed>"}),
        (b"raw", {"repr": "b'raw'"}),
        (float("inf"), {"float": "inf"}),
        (1 << 5000, {"repr": hex(1 << 5000)}),
        (CYCLE, [{"repr": "…"}]),
        ({1: "a"}, {"dict": [[1, "a"]]}),
        ({(1, 2): "a"}, {"dict": [[{"repr": "(1, 2)"}, "a"]]}),
        ({"repr": 1}, {"dict": [["repr", 1]]}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_is_not_plain_is_kept_by_its_text(value: Any, written: Any) -> None:
    line = dumps([finished(value)]).splitlines()[1]

    assert json.loads(line)["result"] == written


def test_a_deep_value_is_cut_and_not_failed_on() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]

    assert '[{"repr":"\\u2026"}]' in dumps([finished(deep)])
    assert stable_repr(deep).count("[") == 50


@pytest.mark.parametrize(
    ("error", "type_name", "text", "label"),
    [
        (ValueError("no answer"), "builtins.ValueError", "no answer", "ValueError('no answer')"),
        (KeyError("x"), "builtins.KeyError", "'x'", "KeyError('x')"),
        (ValueError(), "builtins.ValueError", "", "ValueError()"),
        (ValueError({"b", "a"}), "builtins.ValueError", "{'a', 'b'}", "ValueError(\"{'a', 'b'}\")"),
        (OSError(2, "no such file"), "builtins.OSError", "[Errno 2] no such file", None),
        (ValueError(1, {"b", "a"}), "builtins.ValueError", "(1, {'a', 'b'})", "ValueError(\"(1, {'a', 'b'})\")"),
    ],
    ids=["one argument", "a key", "no argument", "a set", "a number and a text", "a number and a set"],
)
def test_an_exception_comes_back_with_its_type_and_text(
    error: Exception, type_name: str, text: str, label: str | None
) -> None:
    again = read_back(finished(exception=error))

    assert isinstance(again, Finished)
    recorded = again.exception
    if isinstance(error, OSError):
        type_name, label = "builtins.FileNotFoundError", "FileNotFoundError('[Errno 2] no such file')"
    assert recorded == RecordedError(type_name, text)
    assert str(recorded) == text
    assert repr(recorded) == error_label(error) == label


def test_an_exception_whose_text_fails_is_kept_all_the_same() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert "an error whose text failed" in dumps([finished(exception=Mute())])


def test_addresses_are_replaced_in_log_lines() -> None:
    assert read_back(Logged(AT, "id", 1, "INFO", "shop", "got <Order at 0x7f00ab>")) == Logged(
        AT, "id", 1, "INFO", "shop", "got <Order at 0x…>"
    )


WRITE = """
from coldframe._core.events import Started, Finished
from coldframe._core.trace_json import dumps
class Order: pass
args = ({"b", "a", "c"}, frozenset("xyz"), Order(), {"deep": [{"q", "p"}]}, (Order(), {"n", "m"}))
print(dumps([Started(1, "id", "t", "n", "n", 1, args, {"s": {"k", "l"}}, 0, False, None),
             Finished(2, "id", "t", 1, "FAILURE", exception=KeyError(frozenset("abc")))]))
"""


def test_two_processes_write_the_same_bytes() -> None:
    source = str(Path(next(iter(coldframe.__path__))).parent)

    def written(seed: str) -> bytes:
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": source}
        return subprocess.run([sys.executable, "-c", WRITE], env=environment, check=True, capture_output=True).stdout

    assert len({written(seed) for seed in ("0", "1", "2")}) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"^the text is no trace: its first line is ''\n  hint: a trace begins with"),
        ("[]\n", r"^the text is no trace: its first line is '\[\]'"),
        ('{"coldframe_trace": 2}\n', r"^the text is a trace of version 2, and this Coldframe reads version 1"),
        ('{"coldframe_trace": 1}\n{"event":"Ack', r"^line 2 of the text holds no event: Unterminated string"),
        ('{"coldframe_trace": 1}\n\n', r"^line 2 of the text holds no event: Expecting value"),
        ('{"coldframe_trace": 1}\n[1]\n', r"^line 2 of the text holds no event: it is no JSON object"),
        ('{"coldframe_trace": 1}\n{"event":"Acks","at":1}\n', r"holds no event: there is no event named 'Acks'"),
        ('{"coldframe_trace": 1}\n{"event":"Acked"}\n', r"holds no event: Acked has no moment `at`"),
        ('{"coldframe_trace": 1}\n{"event":"Acked","at":1,"x":2}\n', r"its fields are not those of Acked: at, x\n"),
    ],
)
def test_a_broken_trace_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(SetupError, match=message):
        loads(text)


def test_a_trace_is_saved_and_loaded(tmp_path: Path) -> None:
    events = [NodeChanged(AT, "mail", "up"), Acked(AT, 1, "mail", "mail")]

    save(events, tmp_path / "trace.jsonl")

    assert load(tmp_path / "trace.jsonl") == events
    assert (tmp_path / "trace.jsonl").read_text() == dumps(events)


def test_a_trace_that_is_not_there_is_named() -> None:
    with pytest.raises(SetupError, match=r"^there is no trace 'nowhere.jsonl'"):
        load("nowhere.jsonl")


def test_a_line_that_is_no_text_is_refused_with_its_number(tmp_path: Path) -> None:
    (tmp_path / "trace").write_bytes(b'{"coldframe_trace": 1}\n{"event":"Acked","at":\xff}\n')

    with pytest.raises(SetupError, match=r"^line 2 of .*trace holds no event"):
        load(tmp_path / "trace")


def test_a_trace_in_memory_keeps_the_objects() -> None:
    order = Order()
    trace = MemoryTrace()

    trace.append(Started(AT, "id", "charge", "mail", "mail/1", 1, (order,), {}, 0, False, None))

    (event,) = trace
    assert isinstance(event, Started)
    assert event.args[0] is order
    assert repr(trace) == "<MemoryTrace of 1 events>"


def test_a_file_trace_reads_back_what_was_appended_before(tmp_path: Path) -> None:
    events = [Acked(AT + number, number, "mail", "mail") for number in range(1_000)]
    with FileTrace(tmp_path / "trace.jsonl") as trace:
        for event in events[:-1]:
            trace.append(event)
        reading = iter(trace)
        trace.append(events[-1])

        assert list(reading) == events[:-1]
        assert list(trace) == events
        assert len(trace) == 1_000
        assert repr(trace) == f"<FileTrace of 1000 events in '{tmp_path}/trace.jsonl'>"

    assert list(trace) == events
    assert load(trace.path) == events


def test_a_closed_file_trace_takes_no_more(tmp_path: Path) -> None:
    trace = FileTrace(tmp_path / "trace.jsonl")
    trace.close()
    trace.close()

    with pytest.raises(SetupError, match=r"^an event was recorded after the trace '.*' was closed"):
        trace.append(Acked(AT, 1, "mail", "mail"))


def test_a_file_trace_needs_a_directory(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"^the trace cannot be written to '.*none/trace': No such file or directory"):
        FileTrace(tmp_path / "none" / "trace")
