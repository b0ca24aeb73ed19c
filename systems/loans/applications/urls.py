"""Where the API of this app is."""

from __future__ import annotations

from django.urls import path

from applications.api import money, moves, papers, records

urlpatterns = [
    path("", records.ApplicationList.as_view(), name="application-list"),
    path("validate-schema/", records.ValidateSchema.as_view(), name="application-validate-schema"),
    path("<int:pk>/", records.ApplicationDetail.as_view(), name="application-detail"),
    path("<int:pk>/update_stage/", moves.UpdateStage.as_view(), name="application-update-stage"),
    path("<int:pk>/add_borrowers/", moves.AddBorrowers.as_view(), name="application-add-borrowers"),
    path("<int:pk>/remove_borrowers/", moves.RemoveBorrowers.as_view(), name="application-remove-borrowers"),
    path("<int:pk>/signature/", moves.Signature.as_view(), name="application-signature"),
    path("<int:pk>/add_note/", papers.AddNote.as_view(), name="application-add-note"),
    path("<int:pk>/upload_document/", papers.UploadDocument.as_view(), name="application-upload-document"),
    path("<int:pk>/notes/", papers.Notes.as_view(), name="application-notes"),
    path("<int:pk>/documents/", papers.Documents.as_view(), name="application-documents"),
    path("<int:pk>/add_fee/", money.AddFee.as_view(), name="application-add-fee"),
    path("<int:pk>/add_repayment/", money.AddRepayment.as_view(), name="application-add-repayment"),
    path("<int:pk>/record_payment/", money.RecordPayment.as_view(), name="application-record-payment"),
    path("<int:pk>/generate_schedule/", money.GenerateSchedule.as_view(), name="application-generate-schedule"),
    path("<int:pk>/fees/", money.Fees.as_view(), name="application-fees"),
    path("<int:pk>/repayments/", money.Repayments.as_view(), name="application-repayments"),
    path("<int:pk>/ledger/", money.LedgerEntries.as_view(), name="application-ledger"),
]
