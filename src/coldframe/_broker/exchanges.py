"""Exchanges and bindings: which queues a message goes to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from operator import eq
from typing import Any

#: Routing keys are few in practice; a scheme with one key per message must not fill the memory.
CACHED_ROUTES = 1024

EXCHANGE_TYPES = ("direct", "topic", "fanout", "headers")
PREDECLARED = {"amq.direct": "direct", "amq.topic": "topic", "amq.fanout": "fanout", "amq.headers": "headers"}

Matches = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Binding:
    """A rule of an exchange: what matches goes to a queue, or on to another exchange."""

    destination: str
    routing_key: str
    arguments: dict[str, Any]
    is_exchange: bool = False


@dataclass(slots=True)
class Exchange:
    """An exchange with its bindings, in the order in which they were made."""

    name: str
    type: str
    durable: bool = False
    auto_delete: bool = False
    arguments: dict[str, Any] = field(default_factory=dict)
    bindings: list[Binding] = field(default_factory=list)


@lru_cache(maxsize=CACHED_ROUTES)
def _amqp_pattern(pattern: str) -> re.Pattern[str]:
    expression = ""
    for word in pattern.split("."):
        if word == "#":
            expression += r"(?:\.[^.]*)*"
        else:
            expression += r"\." + (r"[^.]*" if word == "*" else re.escape(word))
    return re.compile(expression)


def amqp_topic_matches(pattern: str, routing_key: str) -> bool:
    """RabbitMQ's rule: `*` is one word, `#` is any number of words, also none."""
    return _amqp_pattern(pattern).fullmatch("." + routing_key) is not None


@lru_cache(maxsize=CACHED_ROUTES)
def _kombu_pattern(pattern: str) -> re.Pattern[str]:
    wildcards = {"*": r"[^\.]+", "#": r".*?"}
    return re.compile(r"\.".join(wildcards.get(word, re.escape(word)) for word in pattern.split(".")))


def kombu_topic_matches(pattern: str, routing_key: str) -> bool:
    """The rule of kombu's virtual transports: `a.#` does not match `a`."""
    return _kombu_pattern(pattern).fullmatch(routing_key) is not None


def redis_channel_matches(pattern: str, routing_key: str) -> bool:
    """The rule of kombu's fanout on Redis: the binding key is a pattern of PSUBSCRIBE."""
    return fnmatchcase(routing_key, pattern.replace("#", "*"))


def headers_match(arguments: Mapping[str, Any], headers: Mapping[str, Any]) -> bool:
    """The rule of headers exchanges: all of the binding's arguments, or any with `x-match: any`."""
    mode = str(arguments.get("x-match", "all"))
    wanted = {
        key: value
        for key, value in arguments.items()
        if key != "x-match" and (mode.endswith("-with-x") or not key.startswith("x-"))
    }
    hits = (key in headers and (value is None or headers[key] == value) for key, value in wanted.items())
    return any(hits) if mode.startswith("any") else all(hits)


class Routing:
    """All exchanges of a broker, and the way through them.

    Args:
        topic_matches: The rule for binding keys of topic exchanges.
        fanout_matches: The rule for binding keys of fanout exchanges.
    """

    def __init__(self, topic_matches: Matches, fanout_matches: Matches) -> None:
        self.exchanges: dict[str, Exchange] = {"": Exchange("", "direct", durable=True)}
        for name, kind in PREDECLARED.items():
            self.exchanges[name] = Exchange(name, kind, durable=True)
        self._matches: dict[str, Matches] = {
            "direct": eq,
            "topic": topic_matches,
            "fanout": fanout_matches,
        }
        self._cache: dict[tuple[str, str], tuple[str, ...]] = {}

    def forget_routes(self) -> None:
        """To be called when an exchange or a binding changed."""
        self._cache.clear()

    def route(self, exchange: str, routing_key: str, headers: Mapping[str, Any]) -> tuple[str, ...]:
        """The names of the queues bound for such a message; the default exchange is not looked at here."""
        key = (exchange, routing_key)
        names = self._cache.get(key)
        if names is None:
            found: dict[str, None] = {}
            visited: list[str] = []
            self._collect(exchange, routing_key, headers, found, visited)
            names = tuple(found)
            if not any(self.exchanges[name].type == "headers" for name in visited):
                if len(self._cache) >= CACHED_ROUTES:
                    self._cache.clear()
                self._cache[key] = names
        return names

    def unbind_queue(self, name: str) -> None:
        """Remove every binding to a queue, and the auto-delete exchanges that are left without any."""
        self._unbind_everywhere(name, is_exchange=False)

    def delete(self, name: str) -> None:
        """Remove an exchange and every binding to it."""
        del self.exchanges[name]
        self._unbind_everywhere(name, is_exchange=True)

    def bind(self, source: Exchange, binding: Binding) -> None:
        """Add a binding; one that is there already is not added again."""
        if binding not in source.bindings:
            source.bindings.append(binding)
            self.forget_routes()

    def unbind(self, source: Exchange, binding: Binding) -> None:
        """Remove a binding, and with its last one an auto-delete exchange."""
        if binding in source.bindings:
            source.bindings.remove(binding)
            self.forget_routes()
            if source.auto_delete and not source.bindings:
                self.delete(source.name)

    def _unbind_everywhere(self, name: str, *, is_exchange: bool) -> None:
        self.forget_routes()
        for source in list(self.exchanges.values()):
            kept = [b for b in source.bindings if b.destination != name or b.is_exchange is not is_exchange]
            if len(kept) < len(source.bindings):
                source.bindings = kept
                if source.auto_delete and not kept and source.name in self.exchanges:
                    self.delete(source.name)

    def _collect(
        self, name: str, key: str, headers: Mapping[str, Any], found: dict[str, None], visited: list[str]
    ) -> None:
        exchange = self.exchanges.get(name)
        if exchange is None or name in visited:
            return
        visited.append(name)
        hits = [binding for binding in exchange.bindings if self._fits(exchange.type, binding, key, headers)]
        for binding in hits:
            if binding.is_exchange:
                self._collect(binding.destination, key, headers, found, visited)
            else:
                found[binding.destination] = None
        if not hits and "alternate-exchange" in exchange.arguments:
            self._collect(exchange.arguments["alternate-exchange"], key, headers, found, visited)

    def _fits(self, kind: str, binding: Binding, routing_key: str, headers: Mapping[str, Any]) -> bool:
        if kind == "headers":
            return headers_match(binding.arguments, headers)
        return self._matches[kind](binding.routing_key, routing_key)
