"""Where the API of this app is."""

from __future__ import annotations

from django.urls import path

from reports import api

urlpatterns = [
    path("", api.StoredReports.as_view(), name="stored-reports"),
    path("<int:pk>/", api.StoredReport.as_view(), name="stored-report"),
    path("repayment-compliance/", api.RepaymentCompliance.as_view(), name="repayment-compliance"),
    path("application-volume/", api.ApplicationVolume.as_view(), name="application-volume"),
    path("application-status/", api.ApplicationStatus.as_view(), name="application-status"),
]
