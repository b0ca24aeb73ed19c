"""Lua for the server, by way of lupa if it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from coldframe._celery.redis_keyspace import is_reply_error, reply_error
from coldframe._effects.redis_server.wire import Scored, Status, error_line, number

if TYPE_CHECKING:
    from coldframe._effects.redis_server.session import Session

#: What a script sees: `redis` with its functions, which raise what `redis.call` raises.
PROLOGUE = b"""
local call, status, KEYS, ARGV, script = ...
local redis = {LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3}
function redis.pcall(...) return call(...) end
function redis.call(...)
  local reply = call(...)
  if type(reply) == 'table' and reply.err then error(reply, 0) end
  return reply
end
function redis.status_reply(text) return {ok = text} end
function redis.error_reply(text) return {err = text} end
function redis.log() end
function redis.replicate_commands() return true end
function redis.sha1hex(text) return status(text) end
local place = setmetatable({redis = redis, KEYS = KEYS, ARGV = ARGV}, {__index = _G})
local body, wrong = loadstring(script, '@user_script')
if not body then error({err = 'Error compiling script (new function): ' .. wrong}, 0) end
setfenv(body, place)
local fine, reply = pcall(body)
if fine then return reply end
if type(reply) == 'table' then return reply end
return {err = tostring(reply)}
"""


def is_there() -> bool:
    """Whether Lua 5.1, which Redis has, is installed."""
    return find_spec("lupa") is not None and find_spec("lupa.lua51") is not None


def run(session: Session, text: str, keys: list[bytes], args: list[bytes]) -> Any:
    """Run a script; what it does is done when it returns."""
    from coldframe._effects.redis_server.known_scripts import sha_of

    lua: Any = import_module("lupa.lua51").LuaRuntime(encoding=None, register_eval=False)

    raised: list[Exception] = []

    def call(*words: Any) -> Any:
        try:
            return _to_lua(lua, session.run_in_script([_word(word) for word in words]))
        except Exception as error:
            if not is_reply_error(error):
                raised.append(error)
            return lua.table_from({b"err": error_line(error)})

    # One chunk: the prologue gets what the script needs as its arguments.
    chunk = lua.eval(b"function(...) " + PROLOGUE + b" end")
    reply = chunk(call, lambda given: sha_of(given.decode()), lua.table_from(keys), lua.table_from(args), text.encode())
    if raised:  # it is none of Redis' errors, which a script may catch
        raise raised[0]
    return _from_lua(reply)


def _word(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(float(value)) if isinstance(value, float) else b"%d" % value
    raise reply_error("Lua redis lib command arguments must be strings or integers")


def _to_lua(lua: Any, reply: Any) -> Any:
    """A reply as scripts know it, which is that of version 2 of the protocol."""
    if reply is None:
        return False
    if isinstance(reply, Status):
        return lua.table_from({b"ok": reply.encode()})
    if isinstance(reply, float):
        return number(reply)
    if isinstance(reply, (bytes, int)):
        return reply
    return lua.table_from([_to_lua(lua, part) for part in _flat(reply)])


def _flat(reply: Any) -> Iterator[Any]:
    if isinstance(reply, dict):
        for pair in reply.items():
            yield from pair
    elif isinstance(reply, Scored):
        for pair in reply:
            yield from pair
    else:
        yield from reply


def _from_lua(value: Any) -> Any:
    """What a script returned as a reply."""
    if value is None or value is False:
        return None
    if value is True:
        return 1
    if isinstance(value, (int, float)):
        return int(value)
    if isinstance(value, bytes):
        return value
    if value[b"err"] is not None:
        raise reply_error(value[b"err"].decode("utf-8", "replace").removeprefix("ERR "))
    if value[b"ok"] is not None:
        return Status(value[b"ok"].decode())
    items = []
    at = 1
    while (item := value[at]) is not None:
        items.append(_from_lua(item))
        at += 1
    return items
