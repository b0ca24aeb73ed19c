"""How the background work is doing; for administrators."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from core.deliveries import in_doubt
from web import job_status
from web.access import admins_only, office
from web.answers import page_or_part
from web.forms import JobFilter


@office
@admins_only
@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """The latest runs of tasks, and where the messages stand; the list renews itself unless that is switched off."""
    form = JobFilter(request.GET)
    values = form.values()
    context = {
        "filter": form,
        **values,
        "lines": job_status.recent_jobs(values["show"]),
        "counts": job_status.job_counts(),
        "deliveries": job_status.delivery_counts(),
        "doubtful": in_doubt().order_by("claimed_at", "pk")[: job_status.RECENT],
        "refusals": job_status.refusals(),
        "most": job_status.RECENT,
    }
    return page_or_part(request, "web/jobs.html", "web/_jobs.html", context)
