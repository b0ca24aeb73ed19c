"""Where the pages of the office are."""

from __future__ import annotations

from django.urls import path

from web.views import application, bell, entry, jobs, pipeline, repayments

app_name = "web"
urlpatterns = [
    path("", pipeline.pipeline, name="pipeline"),
    path("login/", entry.login, name="login"),
    path("logout/", entry.logout, name="logout"),
    path("applications/<int:pk>/", application.application, name="application"),
    path("applications/<int:pk>/move/", pipeline.move, name="move"),
    path("applications/<int:pk>/documents/", application.ask_for_document, name="ask-for-document"),
    path("applications/<int:pk>/documents/<uuid:job_id>/", application.document_job, name="document-job"),
    path("documents/<int:pk>/download/", application.download, name="download"),
    path("repayments/", repayments.repayments, name="repayments"),
    path("repayments/<int:pk>/pay/", repayments.pay, name="pay"),
    path("notifications/", bell.notifications, name="notifications"),
    path("notifications/read/", bell.read, name="read"),
    path("notifications/token/", bell.token, name="token"),
    path("jobs/", jobs.jobs, name="jobs"),
]
