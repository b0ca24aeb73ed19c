"""What can be done with papers, notes and money: the front of this app. Each function lives in a small module."""

from __future__ import annotations

from documents.bank_import import reopen as reopen_bank_import
from documents.bank_import import run as run_bank_import
from documents.bank_import import start as start_bank_import
from documents.fees import add_fee, cancel_fee, create_standard_fees, mark_fee_paid
from documents.files import new_version, remove, upload
from documents.generation import generate, request_document
from documents.notes import add_note, edit_note, reschedule_note
from documents.payments import add_repayment, cancel_repayment, record_payment
from documents.schedule import generate_repayment_schedule

__all__ = [
    "add_fee",
    "add_note",
    "add_repayment",
    "cancel_fee",
    "cancel_repayment",
    "create_standard_fees",
    "edit_note",
    "generate",
    "generate_repayment_schedule",
    "mark_fee_paid",
    "new_version",
    "record_payment",
    "remove",
    "reopen_bank_import",
    "request_document",
    "reschedule_note",
    "run_bank_import",
    "start_bank_import",
    "upload",
]
