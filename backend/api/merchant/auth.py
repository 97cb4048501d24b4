"""Reading a signed request off the wire, before anything in it is believed."""

from __future__ import annotations

from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from backend.api.context import peer
from backend.merchant import rules
from backend.merchant.admission import SignedCall
from backend.merchant.errors import BadParameters

M = TypeVar("M", bound=BaseModel)

FORM = "application/x-www-form-urlencoded"
WARNING = {
    "Deprecation": "true",
    "Warning": '299 ironbull "MD5 signatures cover neither path nor body. Use X-Sign-Version: 2."',
}
"""What every answer to an MD5 signature carries."""


async def read_call(request: Request) -> SignedCall:
    """The request as it came. A header that is given twice counts as missing."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    return SignedCall(
        app_key=_header(request, "x-app-key"),
        timestamp=_header(request, "x-timestamp"),
        nonce=_header(request, "x-nonce"),
        version=_header(request, "x-sign-version"),
        signature=_header(request, "x-sign"),
        method=request.method,
        path=raw.split(b"?", 1)[0].decode("latin-1"),
        query=request.scope.get("query_string", b"").decode("latin-1"),
        body=await request.body(),
        ip=peer(request),
    )


def parameters(request: Request, call: SignedCall, model: type[M]) -> M:
    """The query of a GET or the form of a POST as ``model``; an empty optional field counts as absent.

    Raises ``BadParameters`` naming the fields.
    """
    form = call.method == "POST"
    if form and call.body and request.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
        raise BadParameters(f"参数错误: 请使用 {FORM}")
    try:
        given = rules.as_mapping(rules.read_pairs(call.body if form else call.query))
    except rules.BadPairs as error:
        raise BadParameters(f"参数错误: {error.message}") from None
    needed = {name for name, field in model.model_fields.items() if field.is_required()}
    try:
        return model.model_validate({name: value for name, value in given.items() if value != "" or name in needed})
    except ValidationError as error:
        found = [
            {"loc": ["body" if form else "query", *item["loc"]], "msg": item["msg"], "type": item["type"]}
            for item in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        names = ", ".join(dict.fromkeys(str(item["loc"][1]) for item in found))
        refused = BadParameters(f"参数错误: {names}")
        refused.details["detail"] = found
        raise refused from None


def _header(request: Request, name: str) -> str:
    values = request.headers.getlist(name)
    return values[0].strip(" \t") if len(values) == 1 else ""
