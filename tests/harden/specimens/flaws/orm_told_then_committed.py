"""SQLAlchemy: the message goes out inside the session, and the row that says so is committed at its end."""

from __future__ import annotations

from sqlalchemy import update

from specimens.celery import app
from specimens.ledger import OPTIONS, Book, Session
from specimens.sms import send_sms
from specimens.specimen import Specimen


@app.task(autoretry_for=(OSError,))
def flawed(book):
    with Session.begin() as session:  # <- after
        claim = update(Book).where(Book.id == book, Book.told == "").values(told="yes")
        if session.execute(claim).rowcount:
            send_sms("+44 1", "Your statement is ready")  # <- before


@app.task(autoretry_for=(OSError,))
def repaired(book):
    send_sms("+44 1", "Your statement is ready", key=f"statement {book}")
    with Session.begin() as session:
        session.execute(update(Book).where(Book.id == book).values(told="yes"))


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1),
    repair=lambda bench: repaired.delay(1),
    verdict="duplicated",
    found_by=("kills", "failures"),
    within=5,
    options=OPTIONS,
)
