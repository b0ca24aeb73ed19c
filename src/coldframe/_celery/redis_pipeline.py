"""Commands for a simulated Redis that are sent together, and scripts that can be sent among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Self

from coldframe._celery.redis_keyspace import Encodable, is_reply_error
from coldframe._celery.redis_scripts import ScriptBody

if TYPE_CHECKING:
    from coldframe._celery.redis_client import RedisClient

NOT_QUEUED = frozenset({"close", "pipeline", "pubsub", "register_script", "scan_iter"})


class Script:
    """A registered script; `client` may be a pipeline."""

    def __init__(self, registered_client: RedisClient, body: ScriptBody) -> None:
        self.registered_client = registered_client
        self.body = body

    def __call__(
        self,
        keys: Iterable[Encodable] | None = None,
        args: Iterable[Encodable] | None = None,
        client: RedisClient | Pipeline | None = None,
    ) -> object:
        return (client or self.registered_client).run_script(self.body, keys or (), args or ())


class Pipeline:
    """Has the client's commands as methods; each returns the pipeline."""

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._commands: list[tuple[Callable[..., object], tuple[object, ...], dict[str, object]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.reset()

    def __len__(self) -> int:
        return len(self._commands)

    def __bool__(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Callable[..., Pipeline]:
        if name.startswith("_") or name in NOT_QUEUED:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        command = getattr(self._client, name)

        def queue(*args: object, **kwargs: object) -> Pipeline:
            self._commands.append((command, args, kwargs))
            return self

        return queue

    def reset(self) -> None:
        """Forget the commands that were not executed."""
        self._commands = []

    def execute(self, *, raise_on_error: bool = True) -> list[object]:
        """Run all commands; a refused one does not stop the others, as in MULTI and EXEC."""
        commands, self._commands = self._commands, []
        replies: list[object] = []
        refused: Exception | None = None
        for command, args, kwargs in commands:
            try:
                replies.append(command(*args, **kwargs))
            except Exception as error:
                if not is_reply_error(error):
                    raise
                replies.append(error)
                refused = refused or error
        if refused is not None and raise_on_error:
            raise refused
        return replies
