"""SQLAlchemy: `+=` on a mapped attribute adds in memory, and writes the sum.

What somebody else booked between the read and the write is gone. `Book.balance + amount` lets the database add.
"""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.dialects.sqlite import insert

from specimens.celery import app
from specimens.ledger import OPTIONS, Book, Entry, Session
from specimens.specimen import Specimen


@app.task
def flawed(book, reference, amount):
    with Session.begin() as session:
        account = session.get(Book, book)  # <- before
        if not session.query(Entry).filter_by(reference=reference).count():
            account.balance += amount
            session.flush()  # <- after
            session.add(Entry(book_id=book, reference=reference, amount=amount))


@app.task
def repaired(book, reference, amount):
    with Session.begin() as session:
        entry = insert(Entry).values(book_id=book, reference=reference, amount=amount)
        if session.execute(entry.on_conflict_do_nothing()).rowcount:
            session.execute(update(Book).where(Book.id == book).values(balance=Book.balance + amount))


specimen = Specimen(
    flaw=lambda bench: (flawed.delay(1, "a", 10), flawed.delay(1, "b", 20)),
    repair=lambda bench: (repaired.delay(1, "a", 10), repaired.delay(1, "b", 20)),
    verdict="diverged",
    found_by=("overlaps",),
    within=60,
    options=OPTIONS,
)
