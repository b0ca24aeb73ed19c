"""Repayments that are due or overdue, and recording that one was paid."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from core.errors import BusinessError
from documents.models import Repayment
from documents.payments import record_payment
from documents.selectors import visible_repayments
from web import selectors
from web.access import demand, office
from web.answers import done, found_list, page_or_part, sent_data, way_back
from web.forms import PayForm, RepaymentFilter
from web.templatetags.office import money

ON_A_PAGE = 25


@office
@require_safe
def repayments(request: HttpRequest) -> HttpResponse:
    """What is to be paid, the most overdue first."""
    form = RepaymentFilter(request.GET)
    values = form.values()
    due = selectors.due(request.user, **values)
    pages = Paginator(due.rows, ON_A_PAGE)
    pages.count = due.found  # counted already
    context = {"filter": form, "show": values["show"], "due": due, "page": pages.get_page(request.GET.get("page"))}
    return found_list(request, "web/repayments.html", "web/_repayments.html", context)


@office
@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask when an instalment was paid, and record it. Sent twice, it is one payment."""
    repayment = get_object_or_404(visible_repayments(request.user).select_related("application"), pk=pk)
    demand(request.user, "record_payment")
    form = PayForm(sent_data(request), repayment=repayment)
    back = way_back(request, reverse("web:repayments"))
    status = 200 if request.method != "POST" else 400
    if form.is_valid():
        try:
            return _paid(request, repayment, form, back)
        except BusinessError as error:
            form.add_error(None, error.message)
            status = error.status
    context = {"repayment": repayment, "form": form, "back": back}
    return page_or_part(request, "web/pay.html", "web/_pay.html", context, status)


def _paid(request: HttpRequest, repayment: Repayment, form: PayForm, back: str) -> HttpResponse:
    data = form.cleaned_data
    row = record_payment(repayment, data["paid_on"], data["amount"], key=data["key"], by=request.user)
    message = f"{money(row.paid_amount)} for {repayment.application} is recorded as paid."
    return done(request, message, "repayment-paid", back)
