"""All of this app in the office's admin; each part registers itself."""

from __future__ import annotations

from documents import document_admin, import_admin, money_admin, note_admin

__all__ = ["document_admin", "import_admin", "money_admin", "note_admin"]
