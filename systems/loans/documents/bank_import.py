"""Book what a bank reports, a batch of lines at a time.

Each batch is booked in one transaction with the number of the line up to which the file was read. A run that is killed
goes on from there. Two runs of the same import help each other, because a batch belongs to the one that moves that
number. The bank's reference is unique: a payment that comes again, in this file or another, is not booked again.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING

from django.core.files import File
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.crypto import get_random_string

from core.clock import now
from core.errors import BusinessError, Conflict, NotPossible
from core.sweeps import RUN_BROKEN
from documents.bank_file import Line, NotABankFile, read
from documents.bank_payment import BankPayment, payment_of
from documents.models import BadLine, BankTransaction, Repayment, RepaymentImport
from documents.payments import record_payment

if TYPE_CHECKING:
    from users.models import User

logger = logging.getLogger(__name__)

BATCH = 200
LONGEST_COMPLAINT = 500
BOOKED, KNOWN, BAD = "booked", "known_before", "bad_lines"

Status = RepaymentImport.Status
Result = dict[str, int | str]


def start(file: File, by: User | None) -> RepaymentImport:
    """Keep a bank's file; `run` books it."""
    name = (file.name or "").replace("\0", "")[-255:]
    file.name = f"{get_random_string(20)}.csv"  # what people call their files is no name for ours
    return RepaymentImport.objects.create(file=file, file_name=name, created_by=by)


def reopen(source: RepaymentImport) -> RepaymentImport:
    """Let a failed import go on where it stopped.

    Raises:
        Conflict: it did not fail.
    """
    failed = RepaymentImport.objects.filter(pk=source.pk, status=Status.FAILED)
    if not failed.update(status=Status.WAITING, error="", finished_at=None, updated_at=now()):
        raise Conflict("Only an import that failed can be run again.")
    source.refresh_from_db()
    return source


def run(import_id: int, tell: Callable[[int, str], None]) -> Result:
    """Book what the file says, from the line where an earlier run stopped; the result of the task."""
    source = RepaymentImport.objects.filter(pk=import_id).first()
    if source is None:
        logger.warning("import %s is no longer there", import_id)
        return {"status": "missing"}
    unfinished = RepaymentImport.objects.filter(pk=import_id, status__in=[Status.WAITING, Status.RUNNING])
    if unfinished.update(status=Status.RUNNING, updated_at=now()):
        try:
            _book_file(source, tell)
            _finish(source, Status.DONE)
        except (NotABankFile, FileNotFoundError) as error:
            _finish(source, Status.FAILED, _explain(error))
        except (*RUN_BROKEN, ConnectionError, TimeoutError):
            raise
        except Exception as error:
            _finish(source, Status.FAILED, f"{type(error).__name__}: {error}")
            raise
    return _result(source)


def _book_file(source: RepaymentImport, tell: Callable[[int, str], None]) -> None:
    with source.file.open("rb") as stream:
        size = source.file.size
        lines = (line for line in read(stream) if line.last > source.lines_read)
        while batch := list(islice(lines, BATCH)):
            _book_batch(source, batch)
            tell(min(99, 100 * stream.tell() // size), f"{source.lines_read} lines read")


def _book_batch(source: RepaymentImport, batch: list[Line]) -> None:
    """Book these lines, without those that another run of the same import took."""
    while batch:
        with transaction.atomic():
            mine = RepaymentImport.objects.filter(pk=source.pk, lines_read=source.lines_read)
            if mine.update(lines_read=batch[-1].last, updated_at=now()):
                counts = Counter(_book(source, line) for line in batch)
                mine = RepaymentImport.objects.filter(pk=source.pk)
                mine.update(**{name: F(name) + counts[name] for name in (BOOKED, KNOWN, BAD)})
        source.refresh_from_db()
        batch = [line for line in batch if line.last > source.lines_read]


def _book(source: RepaymentImport, line: Line) -> str:
    try:
        return _book_payment(source, line, payment_of(line))
    except BusinessError as error:
        text = line.text.replace("\0", " ")[:LONGEST_COMPLAINT]
        BadLine.objects.create(source=source, line=line.number, text=text, reason=error.message)
        return BAD


def _book_payment(source: RepaymentImport, line: Line, payment: BankPayment) -> str:
    before = BankTransaction.objects.filter(reference=payment.reference).first()
    if before is None:
        try:
            with transaction.atomic():
                _record(source, line, payment)
                return BOOKED
        except IntegrityError:  # another import has just booked it
            before = BankTransaction.objects.get(reference=payment.reference)
    if (before.amount, before.paid_on) != (payment.amount, payment.paid_on):
        raise NotPossible(
            f"The reference {payment.reference} is known for another payment: {before.amount} on {before.paid_on}."
        )
    return KNOWN


def _record(source: RepaymentImport, line: Line, payment: BankPayment) -> None:
    repayment = _repayment_for(payment)
    BankTransaction.objects.create(
        reference=payment.reference,
        repayment=repayment,
        amount=payment.amount,
        paid_on=payment.paid_on,
        source=source,
        line=line.number,
    )
    record_payment(repayment, payment.paid_on, payment.amount, key=payment.reference, by=source.created_by)


def _repayment_for(payment: BankPayment) -> Repayment:
    """The instalment that is named, or the oldest unpaid one of the application with that amount."""
    rows = Repayment.objects.all()
    if payment.application:
        rows = rows.filter(application__reference_number=payment.application)
    if payment.repayment is not None:
        found = rows.filter(pk=payment.repayment).first()
        named = f"repayment {payment.repayment}"
    else:
        found = rows.filter(paid_date__isnull=True, amount=payment.amount).order_by("due_date", "pk").first()
        named = f"unpaid instalment of {payment.amount}"
    if found is None:
        where = f" of application {payment.application[:50]}" if payment.application else ""
        raise NotPossible(f"There is no {named}{where}.")
    return found


def _explain(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "The file is no longer there; upload it again."
    return str(error)


def _finish(source: RepaymentImport, status: Status, error: str = "") -> None:
    moment = now()
    RepaymentImport.objects.filter(pk=source.pk, status=Status.RUNNING).update(
        status=status, error=error.replace("\0", " "), finished_at=moment, updated_at=moment
    )


def _result(source: RepaymentImport) -> Result:
    source.refresh_from_db()
    return {
        "status": source.status,
        "lines_read": source.lines_read,
        "booked": source.booked,
        "known_before": source.known_before,
        "bad_lines": source.bad_lines,
        "error": source.error,
    }
