"""Where the API of this app is."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from users.api import accounts, notifications

router = SimpleRouter(use_regex_path=False)
router.register("notifications", notifications.NotificationViewSet, basename="notification")
router.register("", accounts.PeopleViewSet, basename="person")

urlpatterns: list[URLPattern | URLResolver] = [
    path("auth/login/", accounts.LoginView.as_view(), name="login"),
    path("auth/refresh/", accounts.RefreshView.as_view(), name="refresh"),
    path("auth/register/", accounts.RegisterView.as_view(), name="register"),
    path("me/", accounts.MeView.as_view(), name="me"),
    path("notifications/preferences/", notifications.PreferenceView.as_view(), name="preferences"),
    *router.urls,
]
