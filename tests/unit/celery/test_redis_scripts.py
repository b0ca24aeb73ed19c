"""Celery's scripts in Python give the replies, and leave the data, that the real Redis gives and leaves."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from celery import __version__ as celery_version
from celery.backends import redis as celery_redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coldframe._celery.redis_client import RedisServer
from coldframe.errors import SetupError

pytestmark = pytest.mark.skipif(
    not hasattr(celery_redis, "CHORD_PART_RETURN_LUA"), reason=f"Celery {celery_version} uses no scripts"
)
DATA_KEYS = ["j", "t", "s", "d"]
ALL_KEYS = [*DATA_KEYS, "g", "c"]
Step = tuple[str, tuple[Any, ...]]

tokens = st.sampled_from(["token-1", "token-2"])
part_returns = st.tuples(
    st.sampled_from(["task-1", "task-2", "task-3"]),
    st.sampled_from(["value-1", "value-2"]),
    st.sampled_from([0, 1]),
    st.sampled_from([0, 1, 2, "+inf"]),
    st.sampled_from([0, 500]),
    st.sampled_from([0, 900]),
    st.sampled_from([0, 60]),
    tokens,
)
steps = st.one_of(
    st.tuples(st.just("part_return"), part_returns),
    st.tuples(st.just("part_return"), part_returns),
    st.tuples(st.just("cleanup"), st.tuples(tokens, st.sampled_from([0, 300]))),
    st.tuples(st.just("extend"), st.tuples(tokens, st.sampled_from([0, 90]))),
    st.tuples(st.just("set"), st.tuples(st.sampled_from(["s", "t"]), st.integers(0, 3))),
    st.tuples(st.just("delete"), st.tuples(st.sampled_from(["c", "s"]))),
    st.tuples(st.just("set"), st.tuples(st.sampled_from(["c", "s"]), st.sampled_from(["token-1", "done"]))),
    st.tuples(st.just("rpush"), st.tuples(st.sampled_from(["c", "j"]), st.just("odd"))),
)


def take(client: Any, step: Step) -> object:
    """One step's reply; of a refusal only that it was one, as Redis adds the place in the script."""
    name, args = step
    scripts = {
        "part_return": (celery_redis.CHORD_PART_RETURN_LUA, ALL_KEYS),
        "cleanup": (celery_redis.CHORD_CLEANUP_LUA, ["c", *DATA_KEYS]),
        "extend": (celery_redis.CHORD_CLAIM_EXTEND_LUA, ["c", "s"]),
    }
    try:
        if name in scripts:
            text, keys = scripts[name]
            return client.register_script(text)(keys=keys, args=args, client=client)
        return getattr(client, name)(*args)
    except redis.ResponseError:
        return "refused"


def contents(client: Any) -> dict[bytes, object]:
    """The chord's keys with their values and the seconds that they have left."""
    read: dict[bytes, Any] = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    return {key: (read[client.type(key)](key), client.ttl(key)) for key in sorted(client.keys("?"))}


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(taken=st.lists(steps, min_size=1, max_size=15))
def test_any_course_of_a_chord_is_as_on_the_real_server(redis_url: str, taken: list[Step]) -> None:
    simulated = RedisServer(now=lambda: 0).client()
    with redis.Redis.from_url(redis_url) as real:
        real.delete(*ALL_KEYS)
        for step in taken:
            assert take(simulated, step) == take(real, step)
        assert contents(simulated) == contents(real)


def test_a_script_can_be_run_at_once_or_in_a_pipeline() -> None:
    client = RedisServer(now=lambda: 0).client()
    client.set("s", 3)
    text = celery_redis.CHORD_CLAIM_EXTEND_LUA
    assert client.eval(text, 2, "c", "s", "token", 90) == 1
    pipe = client.pipeline()
    assert client.register_script(text.encode())(keys=["c", "s"], args=["other", 90], client=pipe) is pipe
    assert pipe.get("c").execute() == [0, b"token"]


def test_a_script_is_known_whatever_its_indentation() -> None:
    client = RedisServer(now=lambda: 0).client()
    text = celery_redis.CHORD_CLEANUP_LUA.replace("\n", "\n    ")
    assert client.register_script(text)(keys=["c", *DATA_KEYS], args=["token", 300]) == 0


def test_an_unknown_script_names_the_version_of_celery_and_the_next_step() -> None:
    client = RedisServer(now=lambda: 0).client()
    with pytest.raises(SetupError, match="uses a Redis script that the bench does not know: 'return 1'") as caught:
        client.register_script("\nreturn 1\n")
    assert f"Celery {celery_version} uses" in caught.value.message
    assert caught.value.hint == (
        f"Install a coldframe that knows Celery {celery_version}, "
        'or give the app of this test result_backend="cache+memory://".'
    )
