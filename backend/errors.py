"""One base for every error a person may see.

``code`` is stable and documented, ``status`` is the HTTP status, the message says what happened and what to
do. Anything that is not an ``IronBullError`` reaches a user only as ``internal_error`` with a request id.
"""

from __future__ import annotations

from typing import Any


class IronBullError(Exception):
    """Base of all expected failures."""

    code = "error"
    status = 400

    def __init__(self, message: str | None = None, **details: Any) -> None:
        self.message = message or (self.__doc__ or self.code).strip().splitlines()[0]
        self.details = details
        super().__init__(self.message)


class InvalidInput(IronBullError):
    """The input is not valid. Correct the named field and send it again."""

    code = "invalid_input"
    status = 400


class NotFound(IronBullError):
    """There is no such object, or it is not yours."""

    code = "not_found"
    status = 404


class Conflict(IronBullError):
    """The object has changed or the action does not fit its state. Reload and try again."""

    code = "conflict"
    status = 409


class NotSignedIn(IronBullError):
    """Please sign in."""

    code = "not_signed_in"
    status = 401


class BadCredentials(IronBullError):
    """The name or the password is not right."""

    code = "bad_credentials"
    status = 401


class NotAllowed(IronBullError):
    """Your account may not do this."""

    code = "not_allowed"
    status = 403


class TooManyTries(IronBullError):
    """Too many tries. Wait a minute and try again."""

    code = "too_many_tries"
    status = 429


class Unavailable(IronBullError):
    """A part this needs does not answer. Try again shortly."""

    code = "unavailable"
    status = 503


class ConfigurationError(IronBullError):
    """The configuration is not usable."""

    code = "configuration_error"
    status = 500
