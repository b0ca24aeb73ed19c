"""The front of the app names what its small modules do, and nothing else."""

from __future__ import annotations

import inspect

import pytest

from documents import bank_import, fees, files, generation, notes, payments, schedule, services

pytestmark = pytest.mark.unit

WRITE = (fees, notes, payments, schedule)


def public_functions(module: object) -> set[str]:
    found = inspect.getmembers(module, inspect.isfunction)
    return {name for name, function in found if function.__module__ == module.__name__ and name[0] != "_"}


def test_everything_that_can_be_done_with_money_and_notes_is_there() -> None:
    assert set().union(*map(public_functions, WRITE)) <= set(services.__all__)


def test_each_name_is_the_function_of_its_module() -> None:
    for name in services.__all__:
        function = getattr(services, name)
        home = inspect.getmodule(function)
        assert home in (*WRITE, bank_import, files, generation)
        assert getattr(home, name.removesuffix("_bank_import")) is function
