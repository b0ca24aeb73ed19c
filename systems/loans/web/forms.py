"""What people type into the pages, checked."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from applications.models import Application, Stage
from core.clock import today
from documents.letters import TEMPLATES
from documents.models import Repayment


def search_field() -> forms.CharField:
    """Words to look for."""
    return forms.CharField(label="Search", required=False, max_length=100, widget=forms.SearchInput)


class LoginForm(AuthenticationForm):
    """E-mail address and password. The address may be written in capitals."""

    username = forms.EmailField(
        label="E-mail address", widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"})
    )

    error_messages = {
        "invalid_login": "This e-mail address and this password do not belong together. Please try again.",
        "inactive": "This person may no longer log in.",
    }

    def clean_username(self) -> str:
        """Addresses are stored in small letters."""
        return self.cleaned_data["username"].lower()


class Choices(forms.Form):
    """What a list is narrowed down to. What makes no sense is told, and does not narrow it."""

    def values(self) -> dict[str, str]:
        """The choices that make sense, and the defaults of the others."""
        self.is_valid()
        return {name: self.cleaned_data.get(name) or self.fields[name].initial or "" for name in self.fields}


class PipelineFilter(Choices):
    """Narrows down the pipeline."""

    q = search_field()
    stage = forms.ChoiceField(label="Stage", required=False, choices=[("", "All open stages"), *Stage.choices])


class RepaymentFilter(Choices):
    """Narrows down what is to be paid."""

    SHOW = {"overdue": "Overdue", "soon": "Due in 7 days", "unpaid": "All unpaid"}

    q = search_field()
    show = forms.ChoiceField(required=False, initial="overdue", choices=list(SHOW.items()))


class JobFilter(Choices):
    """Narrows down the background jobs, and says whether the list renews itself."""

    SHOW = {"all": "All", "running": "Running", "failed": "Failed"}

    show = forms.ChoiceField(required=False, initial="all", choices=list(SHOW.items()))
    live = forms.ChoiceField(required=False, initial="on", choices=[("on", "on"), ("off", "off")])


class ReadForm(forms.Form):
    """Which notification was read; without an id, all."""

    id = forms.IntegerField(required=False, min_value=1)


class MoveForm(forms.Form):
    """To which stage an application moves. It remembers from which, so that nobody decides about an old picture."""

    from_stage = forms.CharField(widget=forms.HiddenInput)
    to_stage = forms.ChoiceField(
        label="New stage", widget=forms.RadioSelect, error_messages={"required": "Choose the stage to move it to."}
    )

    def __init__(self, *args: Any, application: Application, moves: list[Stage], **kwargs: Any) -> None:
        first = moves[0] if moves else None
        super().__init__(*args, initial={"from_stage": application.stage, "to_stage": first}, **kwargs)
        self.application = application
        self.fields["to_stage"].choices = [(stage.value, stage.label) for stage in moves]

    def clean(self) -> dict[str, Any]:
        """It must still be where the person saw it. If not, the form shows where it is, and can be sent again."""
        data = super().clean() or {}
        if data.get("from_stage") != self.application.stage:
            self.data = {**self.data.dict(), "from_stage": self.application.stage}
            where = self.application.get_stage_display()
            raise forms.ValidationError(f"Somebody else moved it meanwhile: it is in {where} now. Please look again.")
        return data


class PayForm(forms.Form):
    """When an instalment was paid, and how much. The key makes it one payment however often it is sent."""

    key = forms.CharField(max_length=100, widget=forms.HiddenInput)
    paid_on = forms.DateField(label="Paid on", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))
    amount = forms.DecimalField(label="Amount received", min_value=0, max_digits=12, decimal_places=2)

    def __init__(self, *args: Any, repayment: Repayment, **kwargs: Any) -> None:
        initial = {"key": f"web-{uuid.uuid4()}", "paid_on": today(), "amount": repayment.amount}
        super().__init__(*args, initial=initial, **kwargs)
        self.fields["amount"].widget.attrs.update(step="0.01", inputmode="decimal")


class DocumentForm(forms.Form):
    """Which paper to make. The request id makes it one paper however often it is sent."""

    document_type = forms.ChoiceField(choices=[(kind.value, kind.label) for kind in TEMPLATES])
    request_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def clean(self) -> dict[str, Any]:
        """Without a proper request id, the form did not come from this page."""
        if "request_id" in self.errors:
            self.add_error("document_type", "This form is too old. Load the page again, then ask once more.")
        return super().clean() or {}

    def renew(self) -> None:
        """What is sent after a complaint is another request."""
        self.data = {**self.data.dict(), "request_id": str(uuid.uuid4())}
