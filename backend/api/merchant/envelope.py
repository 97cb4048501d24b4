"""The merchant API's one shape of answer: ``{"code", "msg", "data"}``; 0 is success, 1 a refusal by the rules."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from fastapi.responses import Response

from backend.errors import IronBullError

PREFIX = "/merchant"

_SENTENCES = {
    400: "请求格式错误",
    404: "接口不存在",
    405: "请求方法不支持",
    408: "请求超时",
    413: "请求体过大",
    415: "不支持的请求格式",
    500: "系统繁忙，请稍后重试",
    503: "服务暂不可用，请稍后重试",
}


def body(code: int, msg: str, data: Any = None, **more: Any) -> bytes:
    """The envelope as bytes; decimals become text."""
    return orjson.dumps({"code": code, "msg": msg, "data": data, **more}, default=_encode)


def sentence(status: int, otherwise: str) -> str:
    """The documented sentence of an HTTP status that comes from outside the rules."""
    return _SENTENCES.get(status, otherwise)


def answer(content: bytes | str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The HTTP answer around an envelope."""
    return Response(content, status, dict(headers or {}), media_type="application/json")


def status_of(error: IronBullError) -> int:
    """The HTTP status of a refusal: refusals by the rules are 200, as existing clients expect."""
    if hasattr(error, "zh"):
        return error.status if type(error).__module__.startswith("backend.merchant") else 200
    return 200 if error.status < 408 and error.status not in (401, 403) else error.status


def refusal(error: IronBullError) -> bytes:
    """The envelope of a refusal; ``code`` is 1, or the HTTP status where that is not 200."""
    status = status_of(error)
    text = str(getattr(error, "zh", "") or error.message)
    more = {"detail": error.details["detail"]} if "detail" in error.details else {}
    return body(1 if status == 200 else status, text, **more)


def _encode(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} is not JSON")
