"""Files of documents: put them there, give them back, take them away. A file appears whole or not at all."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils.crypto import get_random_string

from core.clock import now
from core.errors import Conflict, NotPermitted, NotPossible
from documents.file_rules import clean_name, kind_of
from documents.models import Document, DocumentType
from documents.telling import tell_people
from users.models import Role

if TYPE_CHECKING:
    from applications.models import Application
    from users.models import User

#: Files that are being written; on the same file system as the finished ones, so that a move is a rename.
UNFINISHED = "unfinished"
STALE_AFTER = timedelta(days=1)


def upload(
    application: Application,
    file: File,
    by: User | None,
    *,
    title: str = "",
    document_type: str = DocumentType.OTHER,
    description: str = "",
) -> Document:
    """Keep a file with an application, and tell its people.

    Raises:
        NotPossible: the file is empty, too large, or of a kind that is not taken.
    """
    name = clean_name(file.name or "")
    document = Document(
        title=title or PurePosixPath(name).stem,
        document_type=document_type,
        description=description,
        application=application,
        created_by=by,
    )
    return _save(document, file, name, by)


def new_version(document: Document, file: File, by: User | None) -> Document:
    """Keep a file as the next version of a document. Clients may do that with what they sent themselves.

    Raises:
        Conflict: somebody else made the next version in the meantime.
        NotPermitted: a client wants to replace somebody else's document.
        NotPossible: the file is empty, too large, or of a kind that is not taken.
    """
    if by and by.role == Role.CLIENT and not by.is_admin and document.created_by_id != by.pk:
        raise NotPermitted("Clients make new versions of the documents that they uploaded themselves.")
    following = Document(
        title=document.title,
        document_type=document.document_type,
        description=document.description,
        chain=document.chain,
        version=document.version + 1,
        previous_version=document,
        application=document.application,
        borrower=document.borrower,
        created_by=by,
    )
    return _save(following, file, clean_name(file.name or ""), by)


def remove(document: Document) -> None:
    """Delete a document, and its file once that is certain."""
    name = document.file.name
    document.delete()
    transaction.on_commit(partial(default_storage.delete, name), robust=True)


def open_file(document: Document) -> IO[bytes]:
    """The content of a document.

    Raises:
        NotPossible: the file is gone.
    """
    try:
        return document.file.open("rb")
    except FileNotFoundError:
        raise NotPossible(f"The file of {document} is no longer there; ask the office to upload it again.") from None


def write_unfinished(content: bytes) -> str:
    """Write a file that is not yet to be seen; its name is for `move_into_place`."""
    return default_storage.save(f"{UNFINISHED}/{get_random_string(20)}.part", ContentFile(content))


def move_into_place(unfinished: str, name: str) -> None:
    """Give a written file its name, at once; what had that name is replaced."""
    target = Path(default_storage.path(name))
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(default_storage.path(unfinished), target)


def remove_stale_temp_files() -> int:
    """Delete what workers that died left unfinished; how many files those were."""
    if not default_storage.exists(UNFINISHED):
        return 0
    names = [f"{UNFINISHED}/{name}" for name in default_storage.listdir(UNFINISHED)[1]]
    stale = [name for name in names if _written_at(name) < now() - STALE_AFTER]
    for name in stale:
        default_storage.delete(name)
    return len(stale)


def _written_at(name: str) -> datetime:
    return datetime.fromtimestamp(Path(default_storage.path(name)).stat().st_mtime, UTC)


def _save(document: Document, file: File, name: str, by: User | None) -> Document:
    document.file_type = kind_of(file).content_type
    document.file_name, document.file_size = name, file.size
    ending = PurePosixPath(name).suffix.lower()
    document.file.save(get_random_string(20) + ending, file, save=False)  # nobody's file name becomes a path
    try:
        with transaction.atomic():
            document.save()
    except BaseException as error:
        default_storage.delete(document.file.name)
        if isinstance(error, IntegrityError):
            raise Conflict(
                f"{document.title} has a version {document.version} already; load it, and try again."
            ) from None
        raise
    tell_people(document, but=by)
    return document
