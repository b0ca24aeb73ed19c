"""The queues that an app declares, and which of them takes a message."""

from __future__ import annotations

from celery import Celery

from coldframe._broker.exchanges import (
    Binding,
    Exchange,
    Routing,
    amqp_topic_matches,
    kombu_topic_matches,
    redis_channel_matches,
)
from coldframe._broker.profiles import Redis
from coldframe._celery.apps import profile_for


def queues_that_take(app: Celery, exchange: str, routing_key: str) -> tuple[str, ...]:
    """The declared queues to which the broker would bring a message; `celery worker` reads all of them."""
    queues = app.amqp.Queues(app.conf.task_queues)
    if not exchange:
        return (routing_key,) if routing_key in queues else ()
    on_redis = isinstance(profile_for(app, None), Redis)
    routing = Routing(
        kombu_topic_matches if on_redis else amqp_topic_matches,
        redis_channel_matches if on_redis else lambda pattern, key: True,
    )
    for name, queue in queues.items():
        bindings = [(queue.exchange, queue.routing_key)] if queue.exchange else []
        bindings += [(binding.exchange, binding.routing_key) for binding in queue.bindings or ()]
        for source, key in bindings:
            _declare(routing, source.name, source.type)
            routing.bind(routing.exchanges[source.name], Binding(name, key or "", {}))
    return routing.route(exchange, routing_key, {}) if exchange in routing.exchanges else ()


def _declare(routing: Routing, name: str, kind: str) -> None:
    if name not in routing.exchanges:
        routing.exchanges[name] = Exchange(name, kind)
