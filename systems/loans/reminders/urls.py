"""Where the API of this app is."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from reminders.api import ReminderViewSet

router = SimpleRouter(use_regex_path=False)
router.register("", ReminderViewSet, "reminder")

urlpatterns = router.urls
