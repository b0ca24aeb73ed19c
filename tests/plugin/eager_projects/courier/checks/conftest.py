from __future__ import annotations

import pytest

from courier import tasks
from courier.app import app


@pytest.fixture(autouse=True)
def eager():
    app.conf.update(task_always_eager=True, task_eager_propagates=False)
    tasks.DELIVERED.clear()
    tasks.LOST.clear()
    yield
    app.conf.update(task_always_eager=False)
