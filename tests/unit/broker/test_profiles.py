from __future__ import annotations

import pytest

from coldframe._broker.profiles import RabbitMQ, Redis, resolve
from coldframe.errors import UnknownProfile


def test_a_name_gives_the_profile_with_its_defaults() -> None:
    assert resolve("rabbitmq") == RabbitMQ(consumer_timeout=1800.0, version=(3, 13))
    assert resolve("redis") == Redis(visibility_timeout=3600.0, priority_steps=(0, 3, 6, 9))


def test_a_profile_is_returned_as_it_is() -> None:
    profile = Redis(visibility_timeout=60)
    assert resolve(profile) is profile


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UnknownProfile, match="there is no broker profile 'kafka'") as caught:
        resolve("kafka")
    assert caught.value.hint == "use one of the profiles 'rabbitmq' or 'redis'"


def test_a_near_miss_is_suggested() -> None:
    with pytest.raises(UnknownProfile, match="there is no broker profile 'RabitMQ'") as caught:
        resolve("RabitMQ")
    assert caught.value.hint == "did you mean 'rabbitmq'? The profiles are 'rabbitmq' or 'redis'"
