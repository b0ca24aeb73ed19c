"""What can go wrong by the rules of the business. The API answers with the status and the message."""

from __future__ import annotations


class BusinessError(Exception):
    """Something that the rules do not allow; the message is for the person who asked for it."""

    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotPossible(BusinessError):
    """The request makes no sense as it stands."""


class NotPermitted(BusinessError):
    """The person may not do that."""

    status = 403


class Conflict(BusinessError):
    """The thing is no longer as the person saw it."""

    status = 409
