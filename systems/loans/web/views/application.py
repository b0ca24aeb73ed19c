"""One application with all that belongs to it, and the papers that can be made for it."""

from __future__ import annotations

from uuid import UUID

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from applications.access import may
from applications.models import Application
from applications.selectors import visible_applications
from core.enqueue import after_commit
from core.errors import BusinessError, NotPossible
from documents.files import open_file
from documents.generation import request_document
from documents.jobs import state_of, visible_jobs
from documents.models import DocumentJob
from documents.selectors import visible_documents
from documents.tasks import generate_document_async
from web import selectors
from web.access import office
from web.answers import done, not_found, page_or_part
from web.forms import DocumentForm


@office
@require_safe
def application(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything about one application."""
    found = get_object_or_404(selectors.application_for(request.user, pk))
    context = {
        "application": found,
        "may_move": may(request.user, "update_stage") and not found.is_closed,
        "may_pay": may(request.user, "record_payment"),
        "instalments": selectors.instalments(found, every=request.GET.get("repayments") == "all"),
        "form": DocumentForm(),
        "jobs": selectors.unfinished_jobs(found),
    }
    return page_or_part(request, "web/application.html", "web/_application.html", context)


@office
@require_POST
def ask_for_document(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a paper made in the background; its progress is shown until it can be downloaded."""
    found = get_object_or_404(visible_applications(request.user), pk=pk)
    form, status = DocumentForm(request.POST), 400
    if form.is_valid():
        try:
            return _asked_for(request, found, **form.cleaned_data)
        except BusinessError as error:
            form.add_error("document_type", error.message)
            status = error.status
    form.renew()
    context = {"application": found, "form": form}
    return page_or_part(request, "web/ask_for_document.html", "web/_ask_for_document.html", context, status)


def _asked_for(request: HttpRequest, found: Application, document_type: str, request_id: UUID) -> HttpResponse:
    job = request_document(found, document_type, request.user, request_id)
    if job.finished_at is None:
        after_commit(generate_document_async, found.pk, document_type, request.user.pk, task_id=str(job.pk))
    back = reverse("web:document-job", args=[found.pk, job.pk])
    return done(request, f"{job.get_document_type_display()} was asked for.", "document-asked-for", back)


@office
@require_safe
def document_job(request: HttpRequest, pk: int, job_id: UUID) -> HttpResponse:
    """How far a paper is. When it is there, the page hears `document-ready`."""
    jobs = visible_jobs(request.user).select_related("document")
    job: DocumentJob = get_object_or_404(jobs, application=pk, pk=job_id)
    context = {"job": job, "state": state_of(job.pk, job)}
    response = page_or_part(request, "web/document_job.html", "web/_document_job.html", context)
    return trigger_client_event(response, "document-ready") if job.document else response


@office
@require_safe
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """The file of a paper, under its own name."""
    paper = get_object_or_404(visible_documents(request.user), pk=pk)
    try:
        stream = open_file(paper)
    except NotPossible as error:
        return not_found(request, error.message)
    return FileResponse(stream, as_attachment=True, filename=paper.file_name or f"document-{paper.pk}")
