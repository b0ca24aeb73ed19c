"""Notes in the office's admin: another moment to be reminded at means another reminder, as everywhere."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from documents.models import Note
from documents.services import add_note, edit_note


class NoteForm(forms.ModelForm):
    """A note says something, about something."""

    def clean(self) -> dict[str, Any]:
        """What the service would refuse, said in the form."""
        data = super().clean() or {}
        if not (data.get("title", "").strip() or data.get("content", "").strip()):
            raise forms.ValidationError("The note is empty; write a title or a text.")
        if not self.instance.pk and not (data.get("application") or data.get("borrower")):
            raise forms.ValidationError("The note is about nothing; name an application or a borrower.")
        return data


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin):
    """What people wrote down."""

    form = NoteForm
    list_display = ("__str__", "application", "borrower", "remind_date", "remind_sent_at", "created_by", "created_at")
    list_filter = ("is_internal",)
    list_select_related = ("application", "borrower", "created_by")
    search_fields = ("title", "content", "application__reference_number")
    autocomplete_fields = ("application", "borrower")
    fields = ("application", "borrower", "title", "content", "remind_date", "is_internal", "remind_sent_at")
    date_hierarchy = "created_at"

    def get_readonly_fields(self, request: HttpRequest, obj: Note | None = None) -> tuple[str, ...]:
        """What it is about stays."""
        return ("remind_sent_at", "application", "borrower") if obj else ("remind_sent_at",)

    def save_model(self, request: HttpRequest, obj: Note, form: forms.ModelForm, change: bool) -> None:  # noqa: FBT001
        """Through the service, and only what was changed."""
        if change:
            edit_note(obj, **{name: form.cleaned_data[name] for name in form.changed_data})
        else:
            obj.pk = add_note(**form.cleaned_data, by=request.user).pk
