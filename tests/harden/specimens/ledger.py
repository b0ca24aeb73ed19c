"""Accounts that SQLAlchemy keeps, in a database of their own."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sqlalchemy import ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

DIRECTORY = tempfile.TemporaryDirectory()
ENGINE = create_engine(f"sqlite:///{Path(DIRECTORY.name) / 'ledger.sqlite3'}")
Session = sessionmaker(ENGINE)

#: What the specimens tell `coldframe.harden`.
OPTIONS = {"databases": (ENGINE,)}


class Base(DeclarativeBase):
    """All tables."""


class Book(Base):
    """An account."""

    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    balance: Mapped[int] = mapped_column(default=100)
    told: Mapped[str] = mapped_column(default="")


class Entry(Base):
    """A change of it; the reference tells one from another."""

    __tablename__ = "entries"
    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("books.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    amount: Mapped[int]


def build() -> None:
    """Make the tables, and fill them."""
    Base.metadata.create_all(ENGINE)
    with Session.begin() as session:
        session.add_all([Book(), Book()])
