"""Finding the user's own app, and what it declares."""

from __future__ import annotations

import difflib
import importlib
from typing import Any

import celery
from celery import Celery, _state
from celery.local import Proxy

from coldframe._broker.profiles import Profile, RabbitMQ, Redis, resolve
from coldframe.errors import AppNotFound, ColdframeError, SetupError

FORM = "its form is 'package.module:app'"
DEFAULT_ATTRIBUTES = ("app", "celery", "celery_app")


def find_app(app: Any) -> Celery:
    """The app itself, or the app at a path such as `proj.celery:app`.

    Raises:
        AppNotFound: When the path does not import or names no app.
    """
    if isinstance(app, Proxy):
        app = app._get_current_object()
    if isinstance(app, str):
        return _app_at(app)
    if isinstance(app, Celery):
        return app
    raise AppNotFound(
        f"a bench needs a Celery app, not {app!r}",
        hint='pass the app itself, or its path: Bench("proj.celery:app")',
    )


def _app_at(path: str) -> Celery:
    module_name, _, attribute = path.partition(":")
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise AppNotFound(f"{path!r} is no path of an app", hint=f"correct it; {FORM}")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        is_absent = missing is not None and f"{module_name}.".startswith(f"{missing}.")
        raise AppNotFound(
            f"the app path {path!r} does not import: {type(error).__name__}: {error}",
            hint=f"run from the directory that holds the package, or correct the path; {FORM}"
            if is_absent
            else f"make 'import {module_name}' work first: the traceback above shows where it fails",
        ) from error
    names = (attribute,) if attribute else DEFAULT_ATTRIBUTES
    for name in names:
        found = getattr(module, name, None)
        if isinstance(found, Proxy):
            found = found._get_current_object()
        if isinstance(found, Celery):
            return found
    apps = [name for name, value in vars(module).items() if isinstance(value, Celery)]
    near = difflib.get_close_matches(attribute, apps, n=1, cutoff=0.0) if apps else []
    raise AppNotFound(
        f"{path!r} names no Celery app: module {module_name!r} has no app called {' or '.join(map(repr, names))}",
        hint=f"did you mean '{module_name}:{near[0]}'?" if near else "name the module in which Celery(...) is called",
    )


def import_tasks(app: Celery) -> None:
    """Import the modules of an app's tasks, as a worker does when it starts.

    Raises:
        SetupError: One of them does not import.
    """
    try:
        app.loader.import_default_modules()
        app.finalize()
    except (ColdframeError, Warning):
        raise
    except Exception as error:
        raise SetupError(
            f"the tasks of the app {app.main!r} do not import: {type(error).__name__}: {error}",
            hint="correct the module, or the name of it in the app's settings: no real worker would start with it",
        ) from error


def celery_version() -> str:
    """The version of Celery that is installed."""
    return str(celery.__version__)


def made_apps() -> list[Celery]:
    """The apps that this process has made, by name; the one that was set as default, if any, goes for all of them.

    Celery makes a stand-in, called `default`, when somebody asks for an app and there is none.
    """
    default = _state.default_app
    if default is not None and default.main != "default":
        return [default]
    return sorted((app for app in _state._get_active_apps() if app is not default), key=lambda app: str(app.main))


def profile_for(app: Celery, profile: str | Profile | None) -> Profile:
    """The broker profile that was asked for, or the one that the app's broker URL names.

    The app's transport options apply to it, as they would to the real transport.
    """
    if profile is not None and not isinstance(profile, str):
        return profile
    chosen = resolve(profile or _profile_of_url(app))
    options = app.conf.broker_transport_options or {}
    if isinstance(chosen, RabbitMQ):
        return chosen
    return Redis(
        visibility_timeout=float(options.get("visibility_timeout", chosen.visibility_timeout)),
        priority_steps=tuple(options.get("priority_steps", chosen.priority_steps)),
        restore_interval=float(options.get("unacked_restore_interval", chosen.restore_interval)),
        restore_throttle=int(options.get("unacked_restore_throttle", chosen.restore_throttle)),
        queue_order=str(options.get("queue_order_strategy", chosen.queue_order)),
    )


def _profile_of_url(app: Celery) -> str:
    url = app.conf.broker_url or ""
    first = url[0] if isinstance(url, (list, tuple)) and url else url
    scheme = str(first).partition(":")[0].lower()
    return "redis" if scheme in ("redis", "rediss", "sentinel") else "rabbitmq"


def declared_queues(app: Celery) -> tuple[str, ...]:
    """The queues that the app declares: what `celery worker` reads without -Q.

    Made of its settings anew: to the queues that an app keeps, it adds those that it was asked to send to.
    """
    attributes = vars(app.amqp)
    held = dict(attributes)
    declared = tuple(app.amqp.Queues(app.conf.task_queues))
    attributes.clear()
    attributes.update(held)
    return declared
