"""What needs an exchange while no transaction is open: asking about a key, opening an account of the simulated exchange."""

from __future__ import annotations

from typing import Any

import httpx

from backend.errors import Unavailable
from backend.settings import Settings
from node_service.executor import Executor
from node_service.protocol import ProtocolError

PAPER_BALANCE_USDT = 10_000
TIMEOUT_S = 10.0


async def ask_about_key(
    settings: Settings, api_key: str, api_secret: str, *, mode: str, exchange: str = "binance", passphrase: str = ""
) -> dict[str, Any]:
    """The exchange's facts about a key (see ``node_service.key_facts``). ``mode``: live | testnet | simulated.

    Raises ``Unavailable`` when this process may not ask there.
    """
    executor = Executor(
        node_code="key-check", allow_venue_url=not settings.production, venues=frozenset({settings.paper_base_url})
    )
    task = {
        "account_id": 1, "tenant_id": 1, "user_id": 1, "exchange": exchange, "market_type": "future",
        "api_key": api_key, "api_secret": api_secret, "passphrase": passphrase, "sandbox": mode == "testnet",
        "base_url": settings.paper_base_url if mode == "simulated" else settings.exchange_url * (exchange == "binance"),
    }  # fmt: skip
    try:
        answer = (await executor.check_key({"tasks": [task]}))["results"][0]
    except ProtocolError as error:
        raise Unavailable(error.message) from None
    finally:
        await executor.close(drain_s=0.0)
    if answer["success"]:
        return dict(answer["facts"])
    # The venue itself could not be reached, so no question was asked.
    return {
        name: {"error_code": answer["error_code"], "error": answer["error"], "venue_code": None}
        for name in ("restrictions", "clock", "account", "position_mode", "multi_assets", "test_order")
    }


async def open_paper_account(settings: Settings, account_id: int) -> tuple[str, str]:
    """Key and secret of the account's own purse at the simulated exchange; the same again for the same account.

    Raises ``Unavailable``.
    """
    headers = {"X-Paper-Token": settings.paper_token.get_secret_value()}
    body = {"name": f"account-{account_id}", "balance_usdt": str(PAPER_BALANCE_USDT)}
    try:
        async with httpx.AsyncClient(base_url=settings.paper_base_url, headers=headers, timeout=TIMEOUT_S) as client:
            response = await client.post("/paper/accounts", json=body)
    except httpx.HTTPError:
        raise Unavailable("The simulated exchange does not answer. Try again shortly.") from None
    if response.status_code != 200:
        raise Unavailable("The simulated exchange opened no account. Try again shortly.")
    keys = response.json()
    return str(keys["api_key"]), str(keys["api_secret"])
