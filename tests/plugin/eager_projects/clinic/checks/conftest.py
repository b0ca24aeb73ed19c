from __future__ import annotations

import pytest

from visits.models import Visit


@pytest.fixture(autouse=True)
def eager(settings):
    settings.CELERY_TASK_ALWAYS_EAGER = True


@pytest.fixture
def visit(db):
    return Visit.objects.create(patient="Ada")
