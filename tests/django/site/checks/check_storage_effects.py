"""What tasks do with Django's file storages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage

from coldframe import Bench

sys.path.insert(0, str(Path(__file__).parent))

from effects import answer, error_of, kill, run, state_of, touched
from shop import app


@pytest.fixture(params=["FileSystemStorage", "InMemoryStorage"])
def storage(request, tmp_path):
    """A storage, on disk or in memory."""
    return FileSystemStorage(tmp_path) if request.param == "FileSystemStorage" else InMemoryStorage()


def test_saving_and_deleting_are_effects(storage):
    def task():
        content = ContentFile(b"hello")
        assert storage.save("mail/a.txt", content) == "mail/a.txt"
        assert storage.save("mail/a.txt", ContentFile("again")) != "mail/a.txt"
        storage.delete("mail/a.txt")
        storage.delete("mail/a.txt")

    bench = run(task)
    assert error_of(bench) is None
    first, second, deleted = touched(bench, "file.write", "file.delete", "file.open", "file.mkdir")
    assert (first.effect, first.what) == ("file.write", "mail/a.txt")
    assert {name: first.details[name] for name in ("path", "saved as", "storage", "size", "text")} == {
        "path": "mail/a.txt",
        "saved as": "mail/a.txt",
        "storage": type(storage).__name__,
        "size": 5,
        "text": "hello",
    }
    assert first.failures == ("disk full", "permission denied")
    assert (second.details["text"], second.details["path"]) == ("again", "mail/a.txt")
    assert (deleted.effect, deleted.what, deleted.failures) == ("file.delete", "mail/a.txt", ("permission denied",))


def test_a_full_disk_saves_nothing(storage):
    def task():
        storage.save("a.txt", ContentFile("x"))

    bench = run(task, answer("file.write", "disk full"))
    assert str(error_of(bench)) == "[Errno 28] No space left on device: 'a.txt'"
    assert not storage.exists("a.txt")


@pytest.mark.parametrize(("place", "is_there"), [("before", False), ("after", True)])
def test_a_process_that_dies_there_has_saved_or_not(storage, place, is_there):
    def task():
        storage.save("a.txt", ContentFile("x"))

    assert state_of(run(task, kill(place, "file.write"))) == "LOST"
    assert storage.exists("a.txt") is is_there


def test_outside_of_tasks_nothing_is_recorded_and_all_is_put_back(storage):
    before = [vars(Storage)["save"], vars(type(storage))["delete"]]
    with Bench(app) as bench:
        storage.save("a.txt", ContentFile("x"))
        assert vars(Storage)["save"] is not before[0]
    assert touched(bench, "file.write") == []
    assert [vars(Storage)["save"], vars(type(storage))["delete"]] == before
