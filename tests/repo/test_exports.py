"""The front door: few names, each explained in the code and in the docs."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import coldframe

ROOT = Path(__file__).parents[2]
MAX_NAMES = 25

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

if coldframe.__file__ is None:
    pytest.skip("coldframe has no front door yet", allow_module_level=True)


def test_the_front_door_is_small_and_sorted() -> None:
    assert len(coldframe.__all__) <= MAX_NAMES
    assert list(coldframe.__all__) == sorted(set(coldframe.__all__))


@pytest.mark.parametrize("name", coldframe.__all__)
def test_a_name_at_the_front_door_has_a_docstring_that_begins_with_a_sentence(name: str) -> None:
    value = getattr(coldframe, name)
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        pytest.skip(f"{name} is a value, not a class or a function")
    first_line = (
        ((vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__) or "").strip().partition("\n")[0]
    )
    assert first_line.endswith((".", "?", ":")), f"{name} begins with {first_line!r}"


@pytest.mark.parametrize("name", coldframe.__all__)
def test_a_name_at_the_front_door_is_in_the_docs(name: str) -> None:
    mentions = [page.name for page in PAGES if page.exists() and re.search(rf"\b{name}\b", page.read_text("utf-8"))]
    assert mentions != []
