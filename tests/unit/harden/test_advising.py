"""The repair that is proposed fits what was broken."""

from __future__ import annotations

import pytest

from coldframe._effects.faults import AFTER, BEFORE, KILL_PROCESS, PAUSE, REDELIVER, Break
from coldframe._harden.advising import advice
from coldframe._harden.broken_tasks import Fate
from coldframe._harden.telling import Surroundings
from coldframe._harden.touches import Place

KILLED = Break(1, AFTER, KILL_PROCESS)
TIMEOUT, UNCERTAIN = Break(1, BEFORE, "fail: timeout"), Break(1, BEFORE, "unknown: timeout")


def place(effect: str | None) -> Place | None:
    return None if effect is None else Place(1, effect, "", "tasks.py:1", "shop.pay", 1, "t", (), "", None)


@pytest.mark.parametrize(
    ("step", "before", "after", "verdict", "begins"),
    [
        (KILLED, "mail.send", "sql.write", "duplicated", "record it before mail.send, and look there"),
        (KILLED, "file.write", "sql.write", "duplicated", "let the name follow from the work"),
        (KILLED, "sql.write", None, "duplicated", "let a unique key decide"),
        (KILLED, "sql.write", None, "diverged", "let a unique key decide"),
        (Break(1, BEFORE, REDELIVER), None, "sql.write", "diverged", "let a unique key decide"),
        (Break(1, BEFORE, KILL_PROCESS), None, "sql.write", "diverged", "nothing was done, but it came later"),
        (KILLED, "sql.write", "sql.write", "lost", "make both in one transaction"),
        (KILLED, "sql.commit", "publish", "lost", "note with the row what is still to be done"),
        (KILLED, "publish", "sql.commit", "lost", "send the message after what it tells of is committed"),
        (KILLED, "file.rename", "file.write", "diverged", "write all of it under another name"),
        (KILLED, "file.delete", "sql.write", "lost", "delete it last, when what was made of it is committed"),
        (KILLED, "mail.send", "sql.write", "lost", "note before mail.send that it was begun"),
        (KILLED, "cache.write", "sql.write", "lost", "let what cache.write left end by itself"),
        (KILLED, "sql.write", "sql.write", "stuck", "let whoever finds the work half done take it over"),
        (TIMEOUT, None, "http.request", "lost", "let the error out and try again"),
        (TIMEOUT, "sms", "sms", "duplicated", "the retry does again what was done before the error"),
        (UNCERTAIN, None, "sms", "duplicated", "nobody knows whether sms took place"),
        (Break(1, BEFORE, PAUSE), "read", "sql.write", "diverged", "let the database decide"),
        (Break(1, BEFORE, PAUSE), "publish", "sql.commit", "lost", "send messages after the commit"),
        (Break(1, BEFORE, PAUSE), "cache.write", "sql.commit", "lost", "do cache.write after the commit"),
        (Break(1, BEFORE, PAUSE), "sql.write", "sql.write", "diverged", "claim the work with one conditional UPDATE"),
    ],
)
def test_the_advice_fits(step: Break, before: str | None, after: str | None, verdict: str, begins: str) -> None:
    around = Surroundings(place(before), place(after))
    assert advice(step, around, verdict, Fate()).startswith(begins)


@pytest.mark.parametrize(
    ("verdict", "told"),
    [("lost", "the next try took for done what had only been recorded"), ("diverged", "the retry does again what was")],
)
def test_who_was_tried_again_is_not_told_to_try_again(verdict: str, told: str) -> None:
    around = Surroundings(place("sql.write"), place("sms"))
    assert advice(TIMEOUT, around, verdict, Fate(tried_again=True)).startswith(told)


def test_who_acks_early_is_told_so_first() -> None:
    around = Surroundings(place("sql.write"), place("publish"))
    told = advice(KILLED, around, "lost", Fate(acked_early=True))
    assert told == "the message was acked when the task began: set acks_late=True and reject_on_worker_lost=True"


def test_whose_result_was_stored_is_told_that_it_will_not_run_again() -> None:
    around = Surroundings(place("result.write"), place("sql.write"))
    told = advice(KILLED, around, "lost", Fate(stored=True))
    assert told == "its result was stored, so Celery runs it no more: let a sweep look for what should have followed"


def test_what_is_added_twice_needs_a_key_and_what_is_done_by_half_a_note() -> None:
    around = Surroundings(place("sql.commit"), place("sms"))
    assert advice(KILLED, around, "diverged", Fate(repeated=True)).startswith("let a unique key decide")
    assert advice(KILLED, around, "diverged", Fate()).startswith("note with the row what is still to be done")
