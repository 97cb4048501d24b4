"""Account routes: balance, positions, settings, incomes."""

from __future__ import annotations

from typing import Any

import orjson

from backend.paper_exchange import desk
from backend.paper_exchange.errors import VenueError, refuse
from backend.paper_exchange.exchange import Exchange
from backend.paper_exchange.http import SIGNED, Call, Route
from backend.paper_exchange.model import Position
from backend.paper_exchange.replies import account_reply, balance_rows, income_reply, position_risk
from backend.paper_exchange.requests import flag, integer, limit_of, spec_of, text
from backend.paper_exchange.symbols import SymbolSpec

PERMISSIONS = frozenset(
    {
        "ipRestrict", "enableReading", "enableWithdrawals", "enableInternalTransfer", "enableFutures",
        "permitsUniversalTransfer", "multiAssetsMargin",
    }
)  # fmt: skip
"""What an account's key may be told to allow, to try out how such a key is met."""


def permissions_of(x: Exchange, account_id: int) -> dict[str, bool]:
    """What was changed about an account's key; the rest is as a careful trader sets it."""
    text_kept = x.store.meta(f"permissions:{account_id}")
    return dict(orjson.loads(text_kept)) if text_kept else {}


def balance(x: Exchange, call: Call) -> Any:
    return balance_rows(call.account, x.book.summary(call.account))


def account(version: int) -> Any:
    def handler(x: Exchange, call: Call) -> Any:
        summary = x.book.summary(call.account)
        return account_reply(call.account, summary, x.source.specs, x.prices, version)

    return handler


def positions(version: int) -> Any:
    def handler(x: Exchange, call: Call) -> Any:
        held = call.account.held()
        if call.params.get("symbol"):
            spec = spec_of(call.params, x.source.specs)
            held = [p for p in held if p.symbol == spec.symbol]
            if not held and version == 2:
                sides = ("LONG", "SHORT") if call.account.dual else ("BOTH",)
                held = [Position(call.account.account_id, spec.symbol, side) for side in sides]
        summary = x.book.summary(call.account)
        return [position_risk(call.account, p, summary, x.source.specs, x.prices, version=version) for p in held]

    return handler


def set_leverage(x: Exchange, call: Call) -> Any:
    spec = spec_of(call.params, x.source.specs)
    wanted = text(call.params, "leverage")
    if not wanted.lstrip("-").isdecimal() or not wanted.isascii():
        raise refuse(-1102, "leverage")
    cap = desk.set_leverage(x.book, call.account, spec, int(wanted))
    return {"leverage": int(wanted), "maxNotionalValue": str(cap), "symbol": spec.symbol}


def set_margin_type(x: Exchange, call: Call) -> Any:
    spec = spec_of(call.params, x.source.specs)
    kind = text(call.params, "marginType")
    if kind not in ("ISOLATED", "CROSSED"):
        raise refuse(-1130, "marginType")
    desk.set_margin_type(x.book, call.account, spec, kind == "ISOLATED")
    return {"code": 200, "msg": "success"}


def get_dual(_: Exchange, call: Call) -> Any:
    return {"dualSidePosition": call.account.dual}


def set_dual(x: Exchange, call: Call) -> Any:
    text(call.params, "dualSidePosition")
    desk.set_dual(x.book, call.account, flag(call.params, "dualSidePosition"))
    return {"code": 200, "msg": "success"}


def get_multi_assets(x: Exchange, call: Call) -> Any:
    return {"multiAssetsMargin": bool(permissions_of(x, call.account.account_id).get("multiAssetsMargin"))}


def income(x: Exchange, call: Call) -> Any:
    params = call.params
    symbol = spec_of(params, x.source.specs).symbol if params.get("symbol") else None
    limit = limit_of(params, 100, 1000)
    page = integer(params, "page", 1) or 1
    rows = x.store.incomes(
        call.account.account_id,
        symbol,
        params.get("incomeType") or None,
        start_ms=integer(params, "startTime"),
        end_ms=integer(params, "endTime"),
        limit=limit,
        offset=(page - 1) * limit,
    )
    return [income_reply(row) for row in rows]


def _bracket_row(spec: SymbolSpec) -> dict[str, Any]:
    return {
        "symbol": spec.symbol,
        "brackets": [
            {"bracket": b.number, "initialLeverage": b.max_leverage, "notionalCap": int(b.cap),
             "notionalFloor": int(b.floor), "maintMarginRatio": float(b.maint_rate), "cum": float(b.cum)}
            for b in spec.brackets
        ],
    }  # fmt: skip


def leverage_bracket(x: Exchange, call: Call) -> Any:
    if call.params.get("symbol"):
        return [_bracket_row(spec_of(call.params, x.source.specs))]
    return [_bracket_row(spec) for spec in x.source.specs.values()]


def symbol_config(x: Exchange, call: Call) -> Any:
    specs = [spec_of(call.params, x.source.specs)] if call.params.get("symbol") else x.source.specs.values()
    out = []
    for spec in specs:
        setting = call.account.settings.get(spec.symbol)
        leverage, isolated = (setting.leverage, setting.isolated) if setting else (20, False)
        out.append({"symbol": spec.symbol, "marginType": "ISOLATED" if isolated else "CROSSED",
                    "isAutoAddMargin": False, "leverage": leverage,
                    "maxNotionalValue": str(spec.cap_at(leverage))})  # fmt: skip
    return out


def commission_rate(x: Exchange, call: Call) -> Any:
    spec = spec_of(call.params, x.source.specs)
    return {
        "symbol": spec.symbol,
        "makerCommissionRate": f"{x.config.maker_fee_bps / 10_000:f}",
        "takerCommissionRate": f"{x.config.taker_fee_bps / 10_000:f}",
    }


def account_config(_: Exchange, call: Call) -> Any:
    return {"feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": False,
            "dualSidePosition": call.account.dual, "updateTime": 0, "multiAssetsMargin": False,
            "tradeGroupId": -1}  # fmt: skip


def api_restrictions(x: Exchange, call: Call) -> Any:
    return {
        "ipRestrict": True, "createTime": call.account.created_ms, "enableReading": True,
        "enableWithdrawals": False, "enableInternalTransfer": False, "enableMargin": False,
        "enableFutures": True, "permitsUniversalTransfer": False, "enableVanillaOptions": False,
        "enablePortfolioMarginTrading": False, "enableFixApiTrade": False, "enableFixReadOnly": False,
        "enableSpotAndMarginTrading": False,
    } | permissions_of(x, call.account.account_id)  # fmt: skip


def countdown_cancel_all(x: Exchange, call: Call) -> Any:
    spec = spec_of(call.params, x.source.specs)
    wait_ms = integer(call.params, "countdownTime")
    if wait_ms is None:
        raise refuse(-1102, "countdownTime")
    key = call.account.account_id, spec.symbol
    if wait_ms:
        x.book.countdowns[key] = x.book.wall_ms() + wait_ms
    else:
        x.book.countdowns.pop(key, None)
    return {"symbol": spec.symbol, "countdownTime": str(wait_ms)}


def change_margin(x: Exchange, call: Call) -> Any:
    """Adds (type 1) or takes (type 2) isolated margin."""
    from backend.paper_exchange.requests import number

    spec = spec_of(call.params, x.source.specs)
    amount, kind = number(call.params, "amount"), text(call.params, "type")
    side = call.params.get("positionSide") or "BOTH"
    held = call.account.positions.get((spec.symbol, side))
    if held is None or not call.account.setting(spec.symbol).isolated:
        raise VenueError(-4046 if held else -4054, "Cannot add position margin: position is 0.")
    if amount is None or amount <= 0 or kind not in ("1", "2"):
        raise refuse(-1130, "amount")
    price = x.prices.last(spec.symbol)
    if kind == "1":
        if amount > x.book.summary(call.account).available:
            raise VenueError(-4051, "Isolated balance insufficient.")
        held.margin += amount
    else:
        need = abs(held.amount) * price / call.account.setting(spec.symbol).leverage
        if held.margin + held.pnl(price) - amount < need:
            raise VenueError(-4051, "Isolated balance insufficient.")
        held.margin -= amount
    x.book.changes.positions[call.account.account_id, spec.symbol, side] = held
    x.book.touch(call.account)
    return {"amount": float(amount), "code": 200, "msg": "Successfully modify position margin.", "type": int(kind)}


def signed_empty_list(_: Exchange, __: Call) -> Any:
    return []


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/fapi/v2/balance"): Route(balance, SIGNED, 5),
    ("GET", "/fapi/v3/balance"): Route(balance, SIGNED, 5),
    ("GET", "/fapi/v2/account"): Route(account(2), SIGNED, 5),
    ("GET", "/fapi/v3/account"): Route(account(3), SIGNED, 5),
    ("GET", "/fapi/v2/positionRisk"): Route(positions(2), SIGNED, 5),
    ("GET", "/fapi/v3/positionRisk"): Route(positions(3), SIGNED, 5),
    ("POST", "/fapi/v1/leverage"): Route(set_leverage, SIGNED),
    ("POST", "/fapi/v1/marginType"): Route(set_margin_type, SIGNED),
    ("POST", "/fapi/v1/positionMargin"): Route(change_margin, SIGNED),
    ("GET", "/fapi/v1/positionSide/dual"): Route(get_dual, SIGNED, 30),
    ("POST", "/fapi/v1/positionSide/dual"): Route(set_dual, SIGNED),
    ("GET", "/fapi/v1/multiAssetsMargin"): Route(get_multi_assets, SIGNED, 30),
    ("GET", "/fapi/v1/income"): Route(income, SIGNED, 30),
    ("GET", "/fapi/v1/leverageBracket"): Route(leverage_bracket, SIGNED),
    ("GET", "/fapi/v1/symbolConfig"): Route(symbol_config, SIGNED, 5),
    ("GET", "/fapi/v1/commissionRate"): Route(commission_rate, SIGNED, 20),
    ("GET", "/fapi/v1/accountConfig"): Route(account_config, SIGNED, 5),
    ("POST", "/fapi/v1/countdownCancelAll"): Route(countdown_cancel_all, SIGNED, 10),
    ("GET", "/sapi/v1/account/apiRestrictions"): Route(api_restrictions, SIGNED),
    ("GET", "/sapi/v1/capital/config/getall"): Route(signed_empty_list, SIGNED),
    ("GET", "/sapi/v1/margin/allPairs"): Route(signed_empty_list),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): Route(signed_empty_list, SIGNED),
}
