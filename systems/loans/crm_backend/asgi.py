"""The ASGI door: pages and API over HTTP, the bell over a WebSocket."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_backend.settings")
http = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter

from users.routing import websocket_urlpatterns
from users.socket_auth import TokenAuth

# A WebSocket may come from any page or program: what lets it in is a token that it must know, and never a cookie.
application = ProtocolTypeRouter({"http": http, "websocket": TokenAuth(URLRouter(websocket_urlpatterns))})
