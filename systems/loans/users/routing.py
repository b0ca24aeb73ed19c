"""Where the WebSockets are."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from users.consumers import NotificationConsumer, nowhere

websocket_urlpatterns: list[URLPattern] = [
    path("ws/notifications/", NotificationConsumer.as_asgi()),
    re_path("", nowhere),
]
