"""Each symbol of Celery and its libraries that Coldframe patches or relies upon is still what we think it is."""

from __future__ import annotations

import importlib
import inspect

import pytest

from coldframe._celery.patches import SYMBOLS


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_symbol_exists_with_the_parameters_that_are_relied_upon(symbol: str) -> None:
    module, _, path = symbol.partition(":")
    found = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    expected = SYMBOLS[symbol]
    if expected is None:
        assert not inspect.isfunction(found)
    else:
        assert tuple(inspect.signature(found).parameters)[: len(expected)] == expected
