"""What shall survive."""

from __future__ import annotations

from shop.tasks import forget, tell, tell_once, told

import coldframe


def ada_knows(bench):
    """Ada was told."""
    assert told == {"ada"}, f"told {sorted(told)}"


@coldframe.scenario(reset=forget, faults="kills")
def twice(bench):
    tell.delay("ada")


@coldframe.scenario(reset=forget, faults="kills", promises=ada_knows)
def once(bench):
    tell_once.delay("ada")


def unmarked(bench):
    tell_once.delay("bob")


def fails(bench):
    tell_once.delay()
