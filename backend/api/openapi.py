"""The OpenAPI document as the doors really answer: every refusal has one shape, and the wall stands before all doors."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from backend.api.merchant import envelope

_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["detail", "code", "request_id"],
    "properties": {
        "detail": {"type": "string", "description": "what is wrong and what to do"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_REFUSED = {
    "description": "Refused: 400 and 422 bad input, 401 sign in, 403 not yours to do, 404 no such object, 405 no such "
    "method, 409 already so, 413 and 415 the body, 429 too often",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def document(api: FastAPI) -> dict[str, Any]:
    """Made once, at the first question."""
    if api.openapi_schema is None:
        found = get_openapi(title=api.title, version=api.version, routes=api.routes)
        found.setdefault("components", {}).setdefault("schemas", {})["Problem"] = _PROBLEM
        for path, item in found["paths"].items():
            if path.startswith(f"{envelope.PREFIX}/"):
                continue
            for operation in item.values():
                # What FastAPI would answer to bad input is not what is answered here.
                operation["responses"].pop("422", None)
                operation["responses"]["4XX"] = _REFUSED
        api.openapi_schema = found
    return api.openapi_schema
