"""Where everything is."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from documents.job_api import TaskState

handler400 = "crm_backend.refusals.refused"
handler404 = "crm_backend.refusals.not_found"
handler500 = "crm_backend.refusals.failed"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
    path("api/users/", include("users.urls")),
    path("api/brokers/", include("brokers.urls")),
    path("api/borrowers/", include("borrowers.urls")),
    path("api/applications/", include("applications.urls")),
    path("api/documents/", include("documents.urls")),
    path("api/reports/", include("reports.urls")),
    path("api/reminders/", include("reminders.urls")),
    path("api/tasks/<uuid:task_id>/", TaskState.as_view(), name="task-state"),
    path("", include("web.urls")),
]
