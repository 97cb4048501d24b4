"""Shaping shared by the agent's pages: rows of positions, the position drawer, decisions of a scan."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from state.words import MISSING, figure, percent, price, quantity

REASONS = {
    "passed": "reason.opened",
    "skip list": "reason.skip_list",
    "already held": "reason.held",
    "max opened per scan": "reason.max_opened",
    "cooldown": "reason.cooldown",
    "risk gate": "reason.risk",
    "score below minimum": "reason.score",
    "long minimum": "reason.long",
    "MA slope filter": "reason.ma",
    "size": "reason.size",
    "risk limit": "reason.limit",
    "no bar": "reason.no_bar",
    "warming up": "reason.warming",
    "no direction": "reason.no_direction",
    "filtered": "reason.filtered",
}
_LAST = ("size", "risk limit")
GATE_WORDS = ("skip_list", "held", "max_opened", "cooldown", "risk", "score", "long", "hot", "ma", "size")
EXITS = ("SL", "TP", "TRAILING", "TIME", "MANUAL", "LIQUIDATION", "EXTERNAL", "NAKED", "KILL", "UNCONFIRMED")


def reason_key(reason: str) -> str:
    """Catalogue key of a skip reason; the "85+ LONG skip" carries its threshold in its name."""
    return "reason.hot" if reason.endswith("LONG skip") else REASONS.get(reason, "reason.other")


def exit_key(reason: str) -> str:
    """Catalogue key of an exit reason."""
    return f"exit.{reason}" if reason in EXITS else "exit.other"


def base_of(symbol: str) -> str:
    """``SOL`` of ``SOL/USDT``."""
    return symbol.split("/", 1)[0]


def position_shown(row: dict[str, Any]) -> dict[str, Any]:
    """A position row as the tables show it: text, signs, precision."""
    return {
        "id": str(row["id"]),
        "symbol": row["symbol"],
        "base": base_of(row["symbol"]),
        "side": row["side"],
        "mode": row["mode"],
        "lev": f"{row['leverage']}×",
        "margin": figure(row["margin"]),
        "entry": price(row["entry"]),
        "mark": price(row["mark"]),
        "mark_cell": f"prices>{row['symbol']}",
        "pnl": figure(row["pnl"], sign=True),
        "pnl_cell": f"positions>{row['id']}>pnl",
        "roi": percent(row["roi"], sign=True),
        "roi_cell": f"positions>{row['id']}>roi",
        "stop": price(row["stop_loss"]),
        "target": price(row["take_profit"]),
        "score": str(row["score"]),
        "opened_ms": row["opened_ms"],
        "closed_ms": row["closed_ms"],
        "why": exit_key(row["reason"]),
        "digits": places_of(row["mark"] or row["entry"]),
    }


def places_of(value: Decimal | None) -> int:
    """Decimal places a price of this size is shown with."""
    text = price(value)
    return len(text.partition(".")[2]) if text != MISSING else 2


def decision_shown(row: dict[str, Any]) -> dict[str, Any]:
    """One decision of a scan panel for the list."""
    opened = bool(row["passed"])
    passed = 10 if opened else max(0, int(row["gate"])) if row["gate"] >= 0 else 9 if row["reason"] in _LAST else 0
    return {
        "id": f"{row['symbol']}:{row['direction']}",
        "symbol": row["symbol"],
        "base": base_of(row["symbol"]),
        "side": row["direction"],
        "score": int(row["score"]),
        "scored": bool(row["direction"]) or int(row["score"]) > 0,
        "opened": opened,
        "why": reason_key(row["reason"]),
        "why_p": _why_numbers(row),
        "passed": passed,
    }


def _why_numbers(row: dict[str, Any]) -> dict[str, Any]:
    gate = row["gate"]
    if gate < 0 or gate >= len(row["gates"]):
        return {"note": row.get("note", "")}
    had, needed, _ = row["gates"][gate]
    return {"had": _number(had), "needed": _number(needed)}


def _number(value: Any) -> str:
    if value is None:
        return MISSING
    if isinstance(value, bool | int):
        return str(int(value))
    if isinstance(value, float):
        return figure(Decimal(str(value)), 2 if value != int(value) else 0)
    return str(value)


def gates_shown(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The ten gates of one decision for the drawer; the tenth is sizing and opening."""
    gate = int(row["gate"])
    shown: list[dict[str, Any]] = []
    for index, word in enumerate(GATE_WORDS[:9]):
        had, needed, _ok = row["gates"][index] if index < len(row["gates"]) else (None, None, True)
        state = "skip" if not row["gates"] or 0 <= gate < index else "stop" if index == gate else "pass"
        shown.append(_gate(index, word, state, (had, needed), row["direction"]))
    last = "pass" if row["passed"] else "stop" if row["reason"] in _LAST else "skip"
    shown.append(_gate(9, "size", last, (None, None), row["direction"]) | {"why_p": {"note": row.get("note", "")}} | _limit(row))
    return shown


def _limit(row: dict[str, Any]) -> dict[str, Any]:
    """The limit that refused, in the reader's words."""
    limit = row.get("limit")
    if not limit:
        return {}
    return {"why": f"limit.why.{limit['name']}", "why_p": {"had": limit["had"] or MISSING, "needed": limit["needed"], "n": 1}}


def _gate(index: int, word: str, state: str, check: tuple[Any, Any], direction: str) -> dict[str, Any]:
    had, needed = check
    value = ""
    if word in ("max_opened", "risk") and isinstance(had, int | float):
        value = f"{_number(had)} / {_number(needed)}"
    elif word in ("score", "long", "hot") and needed is not None:
        value = _number(had)
    elif word == "ma" and had is not None:
        value = f"{_number(had)} %"
    elif word == "cooldown" and had:
        value = f"{_number(had)} min"
    return {
        "n": str(index + 1),
        "k": f"gate.{word}_na" if word in ("long", "hot") and needed is None else f"gate.{word}",
        "kp": {"needed": _number(needed)},
        "state": state if state != "skip" else "skip",
        "value": value if state != "skip" else "",
        "why": f"gate.{word}.why" if word != "ma" else f"gate.ma.why_{direction or 'LONG'}",
        "why_p": {"had": _number(had), "needed": _number(needed)},
    }


def story(detail: dict[str, Any]) -> list[dict[str, Any]]:
    """What happened to a position, in order: signal, intent, sent, fills, stop, close."""
    steps: list[dict[str, Any]] = []
    signal = detail["signal"]
    if signal:
        steps.append(_step(signal["at_ms"], "story.signal", {"side": detail["side"], "score": signal["score"]}))
    by_order: dict[int, list[dict[str, Any]]] = {}
    for fill in detail["fills"]:
        by_order.setdefault(fill["order_pk"], []).append(fill)
    for order in detail["orders"]:
        if order["type"] == "STOP_MARKET":
            placed = order["status"] in ("OPEN", "FILLED", "PARTIAL", "CANCELLED", "EXPIRED")
            kind = "story.stop" if placed else "story.stop_not"
            steps.append(_step(order["created_ms"], kind, {"price": price(order["price"] or order["stop_loss"])}))
        else:
            steps.append(_step(order["created_ms"], "story.intent", {"id": order["client_id"]}))
            if order["submitted_ms"]:
                steps.append(_step(order["submitted_ms"], "story.sent", {"trade": order["trade_type"]}))
        filled = by_order.get(order["id"], [])
        if filled:
            total = sum((f["quantity"] for f in filled), Decimal(0))
            mean = sum((f["quantity"] * f["price"] for f in filled), Decimal(0)) / total if total else None
            fee = sum((f["fee"] for f in filled), Decimal(0))
            figures = {"quantity": quantity(total), "price": price(mean), "n": len(filled), "fee": figure(fee)}
            steps.append(_step(filled[-1]["at_ms"], "story.filled", figures))
        elif order["status"] in ("REJECTED", "EXPIRED", "UNKNOWN"):
            steps.append(_step(order["updated_ms"], f"story.{order['status']}", {"why": order["error"] or order["reason"]}))
    return sorted(steps, key=lambda step: step["at_ms"])


def _step(at_ms: int, key: str, figures: dict[str, Any]) -> dict[str, Any]:
    return {"at_ms": at_ms, "k": key, "p": figures}


def chart_lines(detail: dict[str, Any]) -> list[dict[str, Any]]:
    """Entry, stop, target and mark as price lines."""
    wanted = (("target", "take_profit"), ("mark", "mark"), ("entry", "entry"), ("stop", "stop_loss"))
    return [{"kind": kind, "price": float(detail[name]), "title": ""} for kind, name in wanted if detail[name]]


def chart_markers(detail: dict[str, Any], candles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entry and exit arrows on the bars they happened in; those before the first bar are left out."""
    times = [bar["time"] for bar in candles]
    found: list[dict[str, Any]] = []
    for fill in detail["fills"]:
        bar = next((t for t in reversed(times) if t <= fill["market_s"]), None)
        if bar is not None:
            kind = "entry" if fill["trade_type"] in ("OPEN", "ADD") else "exit"
            found.append({"time": bar, "kind": kind, "side": detail["side"], "text": quantity(fill["quantity"])})
    return found


def detail_shown(detail: dict[str, Any]) -> dict[str, Any]:
    """The position drawer's text."""
    return position_shown(detail) | {
        "open": detail["status"] == "OPEN",
        "quantity": f"{quantity(detail['quantity'])} {base_of(detail['symbol'])}",
        "notional": figure(detail["notional"]),
        "risk": figure(detail["risk"]),
        "fee": figure(-detail["fee"], sign=True),
        "realized": figure(detail["realized"], sign=True),
        "strategy": detail["strategy"],
        "max_hold": str(detail["max_hold_ms"] // 3_600_000) if detail["max_hold_ms"] else MISSING,
        "stop_status": detail["stop_status"],
        "stop_raw": _typed(detail["stop_loss"]),
        "target_raw": typed_target(detail["take_profit"]),
        "to_stop": _away(detail, "stop_loss"),
        "to_target": _away(detail, "take_profit"),
        "story": story(detail),
    }


def _typed(price: Decimal | None) -> str:
    """A price as a person would type it."""
    return "" if price is None else f"{price.normalize():f}"


def typed_target(target: Decimal | None) -> str:
    """A target for its field: computed from a percentage it has digits that nobody would type."""
    return "" if target is None else _typed(Decimal(price(target).replace(",", "")))


def _away(detail: dict[str, Any], level: str) -> str:
    """How far the price is from a level, in percent of the price."""
    price, mark = detail[level], detail["mark"]
    if price is None or not mark or detail["status"] != "OPEN":
        return MISSING
    return percent(abs(price - mark) / mark, 2)
