"""Projects of their own: their tests run in processes of their own, never with ours."""

from __future__ import annotations

collect_ignore_glob = ["*"]
