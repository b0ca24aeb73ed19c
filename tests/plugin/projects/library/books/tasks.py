from __future__ import annotations

from books.models import Book
from celery import shared_task


@shared_task
def lend(book_id):
    return Book.objects.filter(pk=book_id, lent=False).update(lent=True)
