"""What of a Django project is put back between runs: its databases, its files, its caches, its outbox."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from coldframe._harden.postgresql import PostgresCopy, name_of_copy, refuse_open_transaction
from coldframe._harden.project import NOT_ALLOWED
from coldframe._harden.sqlite import SqliteFile, image_of
from coldframe._harden.state import Columns, Folder, Part, Rows
from coldframe.errors import SetupError

#: A database in which nothing is yet.
EMPTY = b""

Lead = Callable[[Path], object]


def find_django(directory: Path, stack: ExitStack, ignore: frozenset[str]) -> Iterator[Part]:
    """The parts of the project, if it is one of Django's; its settings lead to copies until the stack closes."""
    if "django" not in sys.modules:
        return
    from django.apps import apps
    from django.conf import settings

    if not settings.configured or not apps.ready:
        return
    yield from _databases(directory, stack, ignore)
    if settings.MEDIA_ROOT:
        yield _media(directory, stack, Path(settings.MEDIA_ROOT))
    memory = Memory()
    stack.callback(memory.leave)
    yield memory


def _databases(directory: Path, stack: ExitStack, ignore: frozenset[str]) -> Iterator[Part]:
    from django.db import connections

    for number, alias in enumerate(connections, start=1):
        settings = connections.settings[alias]
        if settings["ENGINE"] == "django.db.backends.dummy":
            continue
        connection = connections[alias]
        stack.callback(connections.settings.__setitem__, alias, settings)
        lead = partial(_lead_to, alias, settings)
        if connection.vendor == "sqlite":
            yield SqliteFile(alias, _image(connection), directory, lead, ignore)
        elif connection.vendor == "postgresql":
            yield _postgresql(alias, connection, f"{directory.name}_d{number}", stack, lead, ignore)
        else:
            raise SetupError(
                f"database {alias!r} ({connection.vendor}) cannot be put back between runs",
                hint="harden knows SQLite and PostgreSQL: let the test settings use one of them",
            )


def _postgresql(
    alias: str, connection: Any, unique: str, stack: ExitStack, lead: Lead, ignore: frozenset[str]
) -> PostgresCopy:
    import psycopg

    if connection.in_atomic_block:
        raise refuse_open_transaction(alias)
    connection.close()
    parameters = connection.get_connection_params()
    for option in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(option, None)

    def connect(name: str) -> Any:
        return psycopg.connect(**{**parameters, "dbname": name}, autocommit=True)

    source = connection.settings_dict["NAME"]
    copy = PostgresCopy(alias, source, name_of_copy(source, unique), connect, lead, ignore)
    stack.callback(copy.remove)
    copy.remember()
    return copy


def _image(connection: Any) -> bytes:
    try:
        connection.ensure_connection()
    except NOT_ALLOWED:  # nor may its tasks
        return EMPTY
    return image_of(connection.connection)


def _lead_to(alias: str, settings: dict[str, Any], name: Path) -> None:
    from django.db import connections

    connections.settings[alias] = {**settings, "NAME": str(name)}


def _media(directory: Path, stack: ExitStack, root: Path) -> Folder:
    from django.conf import settings
    from django.test.utils import override_settings

    own = override_settings(MEDIA_ROOT=str(root))
    stack.enter_context(own)
    return Folder(root, directory, lambda path: _change_media(settings, path))


def _change_media(settings: Any, path: Path) -> None:
    from django.core.signals import setting_changed

    settings.MEDIA_ROOT = str(path)
    setting_changed.send(sender=type(settings), setting="MEDIA_ROOT", value=str(path), enter=True)


class Memory:
    """What Django keeps in memory: caches of its kind `locmem`, and the outbox."""

    file = ""

    def __init__(self) -> None:
        self._held = [{name: type(content)(content) for name, content in store.items()} for store in _stores()]
        mail: Any = sys.modules.get("django.core.mail")
        self._outbox = list(getattr(mail, "outbox", ()))

    def move(self, directory: Path) -> None:
        """Each process has its own."""

    def put_back(self) -> None:
        """Fill the caches as they were, and empty the outbox."""
        for place, store in enumerate(_stores()):
            held = self._held[place] if self._held else {}
            for name, content in store.items():
                content.clear()
                content.update(held.get(name, {}))
        mail: Any = sys.modules.get("django.core.mail")
        if mail is not None and hasattr(mail, "outbox"):
            mail.outbox = []

    def leave(self) -> None:
        """The last run has ended: nothing of it stays."""
        self.put_back()
        mail: Any = sys.modules.get("django.core.mail")
        if mail is not None and hasattr(mail, "outbox"):
            mail.outbox = self._outbox

    def rows(self) -> Rows:
        """Nothing that runs are compared by."""
        return {}

    def columns(self) -> Columns:
        """Nothing that runs are compared by."""
        return {}


def _stores() -> tuple[dict[str, Any], ...]:
    """What caches of the kind `locmem` keep; Django imports it when a cache is used for the first time."""
    locmem: Any = sys.modules.get("django.core.cache.backends.locmem")
    return (locmem._caches, locmem._expire_info) if locmem else ()  # noqa: SLF001
