"""Faults on demand: the ways an exchange and the network to it misbehave, switched on for tests.

A fault is one JSON object: ``kind`` plus its own fields, and the filters ``path`` (prefix), ``method``,
``account`` (name, id or API key), ``times`` (how often), ``skip`` (leave the first n alone) and
``probability`` with ``seed``. Kinds:

- ``delay`` {delay_ms, when: before|after}: waits before or after the request takes effect
- ``status`` {status, retry_after_s?, when, body?}: answers this HTTP status; ``after`` = it took effect anyway
- ``error`` {code, msg?, status?}: a refusal by the venue, e.g. -2019
- ``drop`` {when}: closes the connection without a reply
- ``cut`` {bytes, clean?}: sends only so many bytes of the body; ``clean`` with a matching length
- ``partial`` {fractions: ["0.3", ...], over_ticks?}: fills orders in parts of the quantity
- ``hide`` {hide_ms}: new orders cannot be found for so long
- ``garbage`` {fields: {name: value}} or {body: text}: replaces numbers, or the whole reply
- ``reject_stops`` {code?}: refuses conditional orders
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from backend.paper_exchange.errors import VenueError, text_of

_DEFAULT_PATHS: dict[str, tuple[str, str]] = {
    "partial": ("POST", "/fapi/v1/"),
    "hide": ("POST", "/fapi/v1/"),
    "reject_stops": ("POST", "/fapi/v1/algoOrder"),
}
_ALLOWED: dict[str, frozenset[str]] = {
    "delay": frozenset({"delay_ms", "when"}),
    "status": frozenset({"status", "retry_after_s", "when", "body"}),
    "error": frozenset({"code", "msg", "status"}),
    "drop": frozenset({"when"}),
    "cut": frozenset({"bytes", "clean"}),
    "partial": frozenset({"fractions", "over_ticks"}),
    "hide": frozenset({"hide_ms"}),
    "garbage": frozenset({"fields", "body"}),
    "reject_stops": frozenset({"code"}),
}
_FILTERS = frozenset({"kind", "path", "method", "account", "times", "skip", "probability", "seed"})


class BadFault(ValueError):
    """The described fault cannot be set; the message says why."""


@dataclass
class Fault:
    """One active fault. ``hits`` counts how often it struck."""

    kind: str
    detail: dict[str, Any]
    path: str = ""
    method: str = ""
    account: str = ""
    times: int | None = None
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    hits: int = 0
    rng: random.Random = field(default_factory=random.Random, repr=False)

    @property
    def when(self) -> str:
        return str(self.detail.get("when", "before"))

    def describe(self) -> dict[str, Any]:
        """The fault as JSON, with its hits."""
        return {
            "kind": self.kind, **self.detail, "path": self.path, "method": self.method,
            "account": self.account, "times": self.times, "skip": self.skip, "probability": self.probability,
            "hits": self.hits,
        }  # fmt: skip

    def matches(self, method: str, path: str, names: frozenset[str]) -> bool:
        """Whether a request is concerned; counts skips, dice and times."""
        if self.times is not None and self.hits >= self.times:
            return False
        if self.method and method != self.method:
            return False
        if not path.startswith(self.path) or (self.account and self.account not in names):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.probability < 1 and self.rng.random() >= self.probability:
            return False
        self.hits += 1
        return True


def read_fault(data: Mapping[str, Any]) -> Fault:
    """Checks a described fault."""
    kind = data.get("kind")
    if kind not in _ALLOWED:
        raise BadFault(f"kind must be one of {', '.join(sorted(_ALLOWED))}")
    unknown = set(data) - _FILTERS - _ALLOWED[kind]
    if unknown:
        raise BadFault(f"fault {kind} does not know {', '.join(sorted(unknown))}")
    detail = {name: data[name] for name in _ALLOWED[kind] if name in data}
    if detail.get("when", "before") not in ("before", "after"):
        raise BadFault("when must be before or after")
    need = {"delay": "delay_ms", "status": "status", "error": "code", "cut": "bytes", "partial": "fractions",
            "hide": "hide_ms"}.get(kind)  # fmt: skip
    if need and need not in detail:
        raise BadFault(f"fault {kind} needs {need}")
    try:
        if kind == "partial":
            parts = [Decimal(str(part)) for part in detail["fractions"]]
            if not parts or any(not 0 < part <= 1 for part in parts) or sum(parts) > 1:
                raise BadFault("fractions must lie above 0 and add up to at most 1")
            detail["fractions"] = [str(part) for part in parts]
        for name in ("delay_ms", "status", "retry_after_s", "code", "bytes", "hide_ms"):
            if name in detail:
                detail[name] = int(detail[name])
        times = data.get("times")
        method, path = _DEFAULT_PATHS.get(kind, ("", ""))
        seed = int(data.get("seed", 0))
        return Fault(
            kind=kind,
            detail=detail,
            path=str(data.get("path") or path),
            method=str(data.get("method") or method).upper(),
            account=str(data.get("account") or ""),
            times=None if times is None else int(times),
            skip=int(data.get("skip", 0)),
            probability=float(data.get("probability", 1)),
            seed=seed,
            rng=random.Random(seed),
        )
    except (TypeError, ValueError, InvalidOperation) as error:
        raise BadFault(f"fault {kind}: {error}") from None


class Faults:
    """The active faults and the orders they hide."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self.hidden: dict[int, int] = {}

    def add(self, fault: Fault) -> None:
        """Switches a fault on."""
        self.active.append(fault)

    def clear(self) -> None:
        """Switches all faults off and shows what they hid."""
        self.active.clear()
        self.hidden.clear()

    def strike(self, method: str, path: str, names: frozenset[str]) -> list[Fault]:
        """The faults that hit this request."""
        return [fault for fault in self.active if fault.matches(method, path, names)]

    def is_hidden(self, number: int, now_ms: int) -> bool:
        """Whether an order id must not be found yet."""
        until = self.hidden.get(number)
        if until is None:
            return False
        if until > now_ms:
            return True
        del self.hidden[number]
        return False


def of_kind(faults: list[Fault], *kinds: str, when: str | None = None) -> Iterator[Fault]:
    """Those of some kinds, optionally only before or after the effect."""
    return (f for f in faults if f.kind in kinds and (when is None or f.when == when))


def refusal(fault: Fault) -> VenueError:
    """The venue error of an ``error`` or ``reject_stops`` fault."""
    code = int(fault.detail.get("code", -4045))
    return VenueError(code, str(fault.detail.get("msg") or text_of(code)), int(fault.detail.get("status", 400)))


def spoil(reply: Any, fields: Mapping[str, Any]) -> Any:
    """A copy of a JSON value with the named fields replaced at every depth."""
    if isinstance(reply, dict):
        return {key: fields[key] if key in fields else spoil(value, fields) for key, value in reply.items()}
    if isinstance(reply, list):
        return [spoil(value, fields) for value in reply]
    return reply
