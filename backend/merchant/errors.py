"""How the merchant API refuses: the documented Chinese sentence, the HTTP status and the headers that go with it.

``zh`` is what the caller reads; errors of other rooms carry one too where the sentence is documented.
"""

from __future__ import annotations

from collections.abc import Mapping

from backend.errors import IronBullError


class Refused(IronBullError):
    """The call was understood and refused."""

    code = "refused"
    status = 200

    def __init__(self, zh: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(zh)
        self.zh = zh
        self.headers = dict(headers or {})


class NotAdmitted(Refused):
    """The signature, the time or the key is not right."""

    code = "not_admitted"
    status = 401


class Forbidden(Refused):
    """The signature is right, but this key may not do this."""

    code = "forbidden"
    status = 403


class BadParameters(Refused):
    """A parameter is missing or of the wrong kind."""

    code = "bad_parameters"
    status = 422


class InProgress(Refused):
    """The first call with this Idempotency-Key is still under way."""

    code = "in_progress"
    status = 409


class QuotaExceeded(Refused):
    """The plan allows no more."""

    code = "quota_exceeded"
    status = 429
