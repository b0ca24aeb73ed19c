"""The API of applications: what is theirs, and what one does with them."""

from __future__ import annotations
