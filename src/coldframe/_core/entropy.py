"""Seeded randomness for this thread: `random`, `os.urandom` and what stands on them (uuid, secrets).

`tempfile` goes on picking real random names, as test processes on one machine share its directory. numpy's
generators, OpenSSL's and instances of `random.Random` that were made before the bench are left alone.
"""

from __future__ import annotations

import os
import random
import tempfile
import uuid
from threading import get_ident
from types import MethodType
from typing import Any

from coldframe._core.references import Replacement
from coldframe.errors import AlreadyOpen

_real_urandom = os.urandom
_real_seed = random.Random.seed

#: The generator behind the functions of `random`.
_SHARED: Any = random.seed.__self__  # type: ignore[attr-defined]

_SEED_BYTES = 32
#: A node id with the multicast bit set says that it is no network card's address (RFC 9562).
_MULTICAST = 1 << 40


class SeededEntropy:
    """The randomness of one bench.

    `os.urandom` and unseeded generators follow only with a sweep: `Captured(entropy.replacements(), ...)`.

    Args:
        seed: Equal seeds give equal random numbers, also in another process.
    """

    def __init__(self, seed: int | str) -> None:
        self.thread = get_ident()
        self._seed = seed
        self._urandom = self.stream("urandom")
        self._undo: tuple[tuple[Any, ...], dict[str, Any]] | None = None

    def stream(self, purpose: str) -> random.Random:
        """A generator of its own for one purpose, so that one's use does not shift the numbers of another."""
        return random.Random(f"{self._seed}/{purpose}")

    def install(self) -> None:
        """Seed the shared generator and uuid1's node in this process, and `os.urandom` in this thread."""
        if _FUNCTIONS.entropy is not None:
            raise AlreadyOpen(
                "seeded randomness was started while it already runs",
                hint="Close the open bench before you open another one.",
            )
        self.thread = get_ident()
        _keep_file_names_random()
        self._undo = (random.getstate(), {name: getattr(uuid, name) for name in ("_node", "_last_timestamp")})
        try:
            _FUNCTIONS.open(self)
            random.setstate(self.stream("random").getstate())
            vars(uuid)["_node"] = self.stream("node").getrandbits(48) | _MULTICAST
            vars(uuid)["_last_timestamp"] = None
        except BaseException:
            self.restore()
            raise

    def restore(self) -> None:
        """Put the shared generator and uuid1 back to where they were; harmless if they are."""
        if _FUNCTIONS.entropy is self:
            _FUNCTIONS.forget()
        if self._undo is not None:
            state, names = self._undo
            random.setstate(state)
            vars(uuid).update(names)
            self._undo = None

    def replacements(self) -> list[Replacement]:
        """The sources of randomness that need a sweep, each with what takes its place."""
        return list(_REPLACEMENTS)

    def urandom(self, size: int) -> bytes:
        """The next bytes."""
        return self._urandom.randbytes(size)


class _Functions:
    """What takes the place of the sources of randomness; they outlive benches, and are real in between."""

    def __init__(self) -> None:
        self.entropy: SeededEntropy | None = None
        self.forgets_on_fork = False

    def __reduce__(self) -> str:
        return "_FUNCTIONS"

    def open(self, entropy: SeededEntropy) -> None:
        """Let an entropy rule; a process that this one forks must not repeat its numbers."""
        self.entropy = entropy
        if not self.forgets_on_fork and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forget)
            self.forgets_on_fork = True

    def forget(self) -> None:
        """Let no entropy rule."""
        self.entropy = None

    def urandom(self, size: int, /) -> bytes:
        """Do as `os.urandom` does."""
        entropy = self.entropy
        if entropy is None or entropy.thread != get_ident():
            return _real_urandom(size)
        if size < 0:
            raise ValueError("negative argument not allowed")
        return entropy.urandom(size)


_FUNCTIONS = _Functions()


def _seed(self: random.Random, a: Any = None, version: int = 2) -> None:
    """Do as `random.Random.seed` does; without a seed it takes one that is seeded itself."""
    entropy = _FUNCTIONS.entropy
    if a is None and entropy is not None and entropy.thread == get_ident():
        a = entropy.urandom(_SEED_BYTES)
    _real_seed(self, a, version)


def _keep_file_names_random() -> None:
    """Have `tempfile` make its generator of names while randomness is real."""
    candidates: Any = tempfile._get_candidate_names()  # type: ignore[attr-defined]  # noqa: SLF001
    candidates.rng  # noqa: B018


_REPLACEMENTS: tuple[Replacement, ...] = (
    (os.urandom, _FUNCTIONS.urandom),
    (random.Random.seed, _seed),
    (random.seed, MethodType(_seed, _SHARED)),
)
