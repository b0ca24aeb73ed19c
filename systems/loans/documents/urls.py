"""Where the API of this app is."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from documents import document_api, import_api, money_api, note_api

urlpatterns: list[URLPattern | URLResolver] = [
    path("", document_api.DocumentList.as_view(), name="document-list"),
    path("<int:pk>/", document_api.DocumentDetail.as_view(), name="document-detail"),
    path("<int:pk>/new_version/", document_api.DocumentNewVersion.as_view(), name="document-new-version"),
    path("<int:pk>/download/", document_api.DocumentDownload.as_view(), name="document-download"),
    path("generate/", document_api.DocumentGenerate.as_view(), name="document-generate"),
    path("notes/", note_api.NoteList.as_view(), name="note-list"),
    path("notes/<int:pk>/", note_api.NoteDetail.as_view(), name="note-detail"),
    path("fees/", money_api.FeeList.as_view(), name="fee-list"),
    path("fees/<int:pk>/", money_api.FeeDetail.as_view(), name="fee-detail"),
    path("fees/<int:pk>/mark-paid/", money_api.FeeMarkPaid.as_view(), name="fee-mark-paid"),
    path("repayments/", money_api.RepaymentList.as_view(), name="repayment-list"),
    path("repayments/<int:pk>/", money_api.RepaymentDetail.as_view(), name="repayment-detail"),
    path("repayments/<int:pk>/mark-paid/", money_api.RepaymentMarkPaid.as_view(), name="repayment-mark-paid"),
    path("ledger/", money_api.LedgerList.as_view(), name="ledger-list"),
    path("imports/", import_api.ImportList.as_view(), name="import-list"),
    path("imports/<int:pk>/", import_api.ImportDetail.as_view(), name="import-detail"),
    path("imports/<int:pk>/bad-lines/", import_api.BadLineList.as_view(), name="import-bad-lines"),
]
