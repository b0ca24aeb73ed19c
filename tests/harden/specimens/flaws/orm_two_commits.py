"""SQLAlchemy: a commit in the middle of what belongs together.

Killed between the two, the entry is there, the balance is not, and the next run takes the entry for all of it.
"""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.dialects.sqlite import insert

from specimens.celery import app
from specimens.ledger import OPTIONS, Book, Entry, Session
from specimens.specimen import Specimen


@app.task
def flawed(book, reference, amount):
    with Session() as session:
        entry = insert(Entry).values(book_id=book, reference=reference, amount=amount)
        is_new = session.execute(entry.on_conflict_do_nothing()).rowcount
        session.commit()  # <- before
        if is_new:
            session.execute(update(Book).where(Book.id == book).values(balance=Book.balance + amount))  # <- after
            session.commit()


@app.task
def repaired(book, reference, amount):
    with Session.begin() as session:
        entry = insert(Entry).values(book_id=book, reference=reference, amount=amount)
        if session.execute(entry.on_conflict_do_nothing()).rowcount:
            session.execute(update(Book).where(Book.id == book).values(balance=Book.balance + amount))


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1, "a", 10),
    repair=lambda bench: repaired.delay(1, "a", 10),
    verdict="diverged",
    found_by=("kills",),
    within=5,
    options=OPTIONS,
)
