"""What somebody waits for: it is sent once its transaction is committed, and picked up by a sweep if it gets lost."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import coldframe
from coldframe import Bench
from django.core.files.base import ContentFile
from django.db import transaction

from applications.models import Application
from applications.moves import move
from applications.services import change_stage
from applications.tasks import pick_up_missed_stage_changes, send_email_async
from core.enqueue import after_commit
from core.models import EmailLog
from documents import bank_import
from documents.generation import request_document
from documents.models import BadLine, BankTransaction, DocumentJob, DocumentType, Repayment, RepaymentImport
from documents.tasks import generate_document_async, generate_pdf_async, import_repayments, pick_up_missed_jobs
from tests.factories import AdminFactory, ApplicationFactory, BDMFactory, BrokerFactory, RepaymentFactory
from tests.scenarios.hardened.promises import mailed, noticed, one_document, sent_mails, unanswered
from tests.scenarios.hardened.sweeps import ADMIN, ANN, BEN, BOSS, NOON, REFERENCE
from users.models import User

JOB = UUID(int=7)


# --- changes of stage -------------------------------------------------------------------------------------------


def an_inquiry() -> None:
    """Of a broker and a boss, with an administrator who is told, too."""
    AdminFactory(email=ADMIN)
    ApplicationFactory(
        pk=1, reference_number=REFERENCE, bd=BDMFactory(user__email=BOSS), broker=BrokerFactory(user__email=BEN)
    )


CHANGE = [(person, f"Application {REFERENCE}: pre-approval") for person in (ADMIN, BEN, BOSS)]


@coldframe.scenario(setup=an_inquiry, promises=(mailed(*CHANGE), noticed(*CHANGE)), start=NOON)
def change_of_stage(bench: Bench) -> None:
    bench.beat(only=["pick-up-missed-stage-changes"])
    with transaction.atomic():
        move(Application.objects.get(), "pre_approval", User.objects.get(email=BOSS))
    bench.advance(minutes=45)


def a_change_nobody_was_told_of() -> None:
    """Its message was lost between the commit and the broker."""
    an_inquiry()
    change_stage(Application.objects.get(), "pre_approval", None)


@coldframe.scenario(setup=a_change_nobody_was_told_of, promises=(mailed(*CHANGE), noticed(*CHANGE)), start=NOON)
def missed_change_of_stage(bench: Bench) -> None:
    bench.advance(minutes=6)
    for _ in range(2):
        pick_up_missed_stage_changes.delay()
        bench.advance(minutes=10)


# --- one e-mail -------------------------------------------------------------------------------------------------


def sent_once_or_in_doubt(bench: Bench) -> None:
    """The e-mail is sent once, or its log says that somebody has to look at it."""
    (log,) = EmailLog.objects.all()
    sent = sent_mails(bench)[ANN, "Hello"]
    assert 1 <= sent <= 1 + unanswered(bench) or (not sent and log.status == EmailLog.Status.SENDING), f"{sent}, {log}"


@coldframe.scenario(promises=sent_once_or_in_doubt, start=NOON)
def one_email(bench: Bench) -> None:
    send_email_async.delay("Hello", "Hi.", [ANN])


# --- documents --------------------------------------------------------------------------------------------------


def the_job_is_done(bench: Bench) -> None:
    """Whoever asked for the document is told that it is there."""
    (job,) = DocumentJob.objects.all()
    assert (job.finished_at is not None, job.document_id is not None, job.error) == (True, True, "")


@coldframe.scenario(setup=an_inquiry, promises=(one_document, the_job_is_done), start=NOON)
def document(bench: Bench) -> None:
    bench.beat(only=["pick-up-missed-jobs"])
    with transaction.atomic():
        job = request_document(Application.objects.get(), DocumentType.INDICATIVE_LETTER, None, JOB)
        after_commit(generate_document_async, 1, job.document_type, None, task_id=str(JOB))
    bench.advance(hours=3)


def a_job_that_got_lost() -> None:
    """Its message never reached the broker."""
    an_inquiry()
    request_document(Application.objects.get(), DocumentType.INDICATIVE_LETTER, None, JOB)


@coldframe.scenario(setup=a_job_that_got_lost, promises=(one_document, the_job_is_done), start=NOON)
def missed_document(bench: Bench) -> None:
    for _ in range(2):
        bench.advance(hours=2)
        pick_up_missed_jobs.delay()


@coldframe.scenario(setup=an_inquiry, promises=one_document, start=NOON)
def letter_of_the_callers_own(bench: Bench) -> None:
    generate_pdf_async.apply_async(
        ("indicative_letter", {"greeting": "Hello"}, "offer.pdf", "indicative_letter", 1, None), task_id=str(JOB)
    )


# --- a bank's file ----------------------------------------------------------------------------------------------


def a_file_of_payments() -> None:
    """Two instalments are paid; the third line is about an application that nobody knows."""
    application = ApplicationFactory(pk=1, reference_number=REFERENCE)
    for pk, day in ((1, date(2026, 3, 9)), (2, date(2026, 3, 16))):
        RepaymentFactory(pk=pk, application=application, due_date=day, amount=Decimal("100.00"))
    lines = ["reference,date,amount,application,repayment"]
    lines += ["B1,2026-03-09,100.00,,1", "B2,2026-03-10,100.00,,2", "B3,2026-03-11,5.00,APP-UNKNOWN,"]
    bank_import.start(ContentFile("\n".join(lines).encode(), name="march.csv"), None)


def booked_once(bench: Bench) -> None:
    """Each line of the bank's file is booked once, or told as bad once."""
    (source,) = RepaymentImport.objects.all()
    assert (source.status, source.booked, source.bad_lines) == (RepaymentImport.Status.DONE, 2, 1), source
    assert sorted(BankTransaction.objects.values_list("reference", flat=True)) == ["B1", "B2"]
    assert Repayment.objects.filter(paid_amount=Decimal("100.00")).count() == 2
    assert BadLine.objects.count() == 1


@coldframe.scenario(setup=a_file_of_payments, promises=booked_once, start=NOON)
def bank_file(bench: Bench) -> None:
    bench.beat(only=["pick-up-missed-jobs"])
    after_commit(import_repayments, RepaymentImport.objects.get().pk)
    bench.advance(hours=3)
