"""What Binance says about a key and its futures account: asked before a key is trusted, without trading anything.

Each question is asked on its own, so that one refusal does not hide the other answers. An answer is either its facts or
``{"error_code", "error", "venue_code"}`` as the classifier of `errors` words it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from .binance_replies import as_dict, as_list
from .errors import Kind, VenueError, bad_reply
from .exchange import Gateway
from .figures import plain, signed_number
from .limits import Priority

_TEST_SYMBOL: Final = "BTC/USDT"
_FLAGS: Final = (
    "ipRestrict", "enableReading", "enableWithdrawals", "enableInternalTransfer", "enableFutures",
    "permitsUniversalTransfer",
)  # fmt: skip
Key = tuple[str, str, str]


async def key_facts(gateway: Gateway, key: Key) -> dict[str, Any]:
    """Answers under restrictions, clock, account, position_mode, multi_assets, test_order."""

    async def ask(endpoint: str, params: dict[str, Any], weight: int = 1) -> Any:
        return await gateway.call(endpoint, params, key=key, kind=Kind.READ, weight=weight, priority=Priority.READ)

    async def restrictions() -> dict[str, Any]:
        reply = as_dict(await ask("sapiGetAccountApiRestrictions", {}), Kind.READ)
        until = reply.get("tradingAuthorityExpirationTime")
        return {name: _flag(reply, name) for name in _FLAGS} | {"expires_ms": int(until) if until else None}

    async def clock() -> dict[str, Any]:
        before = time.time() * 1000
        theirs = int(as_dict(await ask("fapiPublicGetTime", {}), Kind.READ)["serverTime"])
        after = time.time() * 1000
        return {"skew_ms": round(theirs - (before + after) / 2), "unsure_ms": round((after - before) / 2)}

    async def account() -> dict[str, Any]:
        config = as_dict(await ask("fapiPrivateGetAccountConfig", {}, 5), Kind.READ)
        reply = as_dict(await ask("fapiPrivateV3GetAccount", {}, 5), Kind.READ)
        rows = [as_dict(row, Kind.READ) for row in as_list(reply.get("assets"), Kind.READ)]
        row = next((row for row in rows if row.get("asset") == "USDT"), {})
        balance = signed_number(row.get("walletBalance", "0"), "wallet balance", Kind.READ)
        return {"can_trade": _flag(config, "canTrade"), "balance": plain(balance)}

    async def position_mode() -> dict[str, Any]:
        reply = as_dict(await ask("fapiPrivateGetPositionSideDual", {}, 30), Kind.READ)
        return {"hedge": _flag(reply, "dualSidePosition")}

    async def multi_assets() -> dict[str, Any]:
        reply = as_dict(await ask("fapiPrivateGetMultiAssetsMargin", {}, 30), Kind.READ)
        return {"on": _flag(reply, "multiAssetsMargin")}

    async def test_order(hedge: bool) -> dict[str, Any]:
        market = await gateway.market(_TEST_SYMBOL)
        ticker = as_dict(await ask("fapiPublicGetTickerPrice", {"symbol": market.venue_id}), Kind.READ)
        price = signed_number(ticker.get("price"), "price", Kind.READ)
        quantity = market.min_quantity
        if price > 0 and market.min_notional > 0:
            steps = (market.min_notional * Decimal("1.2") / price / market.step).to_integral_value(rounding="ROUND_CEILING")
            quantity = max(quantity, steps * market.step)
        side = {"positionSide": "LONG"} if hedge else {}
        order = {"symbol": market.venue_id, "side": "BUY", "type": "MARKET", "quantity": plain(quantity), **side}
        await ask("fapiPrivatePostOrderTest", order)
        return {"accepted": True}

    found = await asyncio.gather(
        _answer(restrictions), _answer(clock), _answer(account), _answer(position_mode), _answer(multi_assets)
    )
    names = ("restrictions", "clock", "account", "position_mode", "multi_assets")
    facts: dict[str, Any] = dict(zip(names, found, strict=True))
    hedge = bool(facts["position_mode"].get("hedge"))
    facts["test_order"] = await _answer(lambda: test_order(hedge))
    return facts


async def _answer(question: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    try:
        return await question()
    except VenueError as error:
        return {"error_code": error.error_code, "error": error.sentence, "venue_code": error.venue_code}
    except (KeyError, ValueError, TypeError):
        odd = bad_reply(Kind.READ, "a field is missing")
        return {"error_code": odd.error_code, "error": odd.sentence, "venue_code": None}


def _flag(reply: Mapping[str, Any], name: str) -> bool:
    value = reply.get(name)
    if str(value).lower() not in ("true", "false"):
        raise bad_reply(Kind.READ, f"{name} is missing")
    return str(value).lower() == "true"
