"""The same verbs on every venue: over the wire against the simulated exchange, else against the documented shapes."""

from __future__ import annotations

from decimal import Decimal

from node_service.executor import Executor
from node_service.figures import plain
from node_service.messages import new_client_id
from node_service.venues import VENUES, venue_client_id
from tests.support.node import Trader
from tests.support.venues import KINDS, Account, RecordedAccount


async def test_the_life_of_a_position(account: RecordedAccount) -> None:
    await life(account, "60000")
    assert account.venue.book.leverage == "10" and account.venue.book.isolated
    assert account.venue.book.open_stops() == []


async def test_the_life_of_a_position_over_the_wire(executor: Executor, trader: Trader) -> None:
    account = Account(executor, trader.credentials, trader.price)
    await life(account, plain(Decimal(trader.venue.prices()["BTCUSDT"])))
    assert [order["type"] for order in trader.orders()] == ["MARKET"] * 4


async def life(account: Account, price: str) -> None:
    """Open with a stop, add, look up, reduce, close, and close once more."""
    stop_id, below = new_client_id(), str(int(account.price * 0.97))
    opened = await account.order("OPEN", "0.02", stop_loss=below, stop_client_order_id=stop_id)
    assert (opened["status"], opened["error"]) == ("FILLED", None)
    assert (opened["filled_quantity"], opened["filled_price"], opened["trades_complete"]) == ("0.02", price, True)
    assert Decimal(opened["commission"]) > 0
    assert (opened["stop"]["status"], opened["stop"]["trigger_price"]) == ("OPEN", below)

    [position] = (await account.read("sync_positions"))["positions"]
    assert (position["symbol"], position["position_side"], position["quantity"]) == ("BTC/USDT", "LONG", "0.02")
    assert (position["leverage"], position["entry_price"]) == (10, price)

    assert (await account.order("ADD", "0.01"))["filled_quantity"] == "0.01"
    known = await account.ask(opened["client_order_id"])
    assert (known["found"], known["status"], known["final"], known["filled_quantity"]) == (True, "FILLED", True, "0.02")
    assert known["filled_price"] == price
    waits = await account.ask(stop_id, conditional=True)
    assert (waits["found"], waits["status"], waits["trigger_price"]) == (True, "OPEN", below)
    assert (await account.ask(new_client_id()))["found"] is False
    assert (await account.ask(new_client_id(), conditional=True))["found"] is False

    assert (await account.order("REDUCE", "0.01"))["filled_quantity"] == "0.01"
    closed = await account.order("CLOSE", "0.02", stop_client_order_id=stop_id)
    assert (closed["status"], closed["stop"]["status"]) == ("FILLED", "CANCELED")
    assert (await account.read("sync_positions"))["positions"] == []
    assert len((await account.read("sync_trades", symbols=["BTC/USDT"]))["trades"]) >= 4
    flat = await account.order("CLOSE", "0.02")
    assert (flat["status"], flat["error_code"], flat["sent"]) == ("REJECTED", "POSITION_FLAT", False)


async def test_every_order_says_our_id_in_the_venues_form(account: RecordedAccount) -> None:
    first = await account.order("OPEN", "0.02", stop_loss=58000, stop_client_order_id=new_client_id())
    [order], [stop] = account.venue.book.orders, account.venue.book.stops
    venue = VENUES[account.venue.code]
    assert order.client_id == venue_client_id(venue, first["client_order_id"])
    assert stop.client_id == venue_client_id(venue, first["stop"]["client_order_id"])
    assert len(order.client_id.removeprefix("t-")) <= venue.max_client_id
    size = Decimal("0.02") / {"okx": Decimal("0.01"), "gate": Decimal("0.0001")}.get(venue.code, Decimal(1))
    assert order.size == size
    assert stop.size is None  # all of the position, however large it is by then


async def test_a_reply_that_is_lost_is_unknown_and_then_found(account: RecordedAccount) -> None:
    assert (await account.order("OPEN", "0.01"))["status"] == "FILLED"  # symbols, mode and leverage are known now
    account.venue.cut_next = account.venue.orders_path
    lost = await account.order("ADD", "0.01")
    assert (lost["status"], lost["sent"]) == ("UNKNOWN", True)
    assert len(account.venue.book.orders) == 2
    found = await account.ask(lost["client_order_id"])
    assert (found["found"], found["status"], found["filled_quantity"]) == (True, "FILLED", "0.01")


async def test_what_is_read_of_an_account(account: RecordedAccount) -> None:
    await account.order("OPEN", "0.02")
    balance = await account.read("sync_balance")
    assert (balance["balance"], balance["available"], balance["equity"]) == ("1000", "900", "1010")
    trades = (await account.read("sync_trades", symbols=["BTC/USDT"]))["trades"]
    assert [(trade["side"], trade["quantity"], trade["price"]) for trade in trades] == [("BUY", "0.02", "60000")]
    incomes = (await account.read("sync_incomes", since_ms=0))["incomes"]
    told = {(line["income_type"], line["amount"]) for line in incomes}
    assert ("FUNDING_FEE", "-0.1") in told
    if account.venue.code != "hyperliquid":  # tells funding alone; profits are read with the trades
        assert {("REALIZED_PNL", "1.5"), ("COMMISSION", "-0.3")} <= told
    facts = (await account.read("check_key"))["facts"]
    assert facts["position_mode"] == {"hedge": account.venue.book.hedge}
    assert facts["account"] == {"can_trade": True, "balance": "1000"}
    may = facts["restrictions"]
    if account.venue.code == "hyperliquid":
        assert may["error_code"] == "NOT_OFFERED"
    else:
        assert (may["ipRestrict"], may["enableFutures"], bool(may["enableWithdrawals"])) == (True, True, False)


async def test_stops_are_placed_listed_and_cancelled(account: RecordedAccount) -> None:
    await account.order("OPEN", "0.02")
    stop_id = new_client_id()
    stop = {"symbol": "BTC/USDT", "position_side": "LONG", "trigger_price": 57000, "client_order_id": stop_id}
    placed = await account.read("place_stop", **stop)
    assert (placed["success"], placed["stop"]["status"], placed["stop"]["trigger_price"]) == (True, "OPEN", "57000")
    reply = await account.executor.cancel_conditionals({"tasks": [account.base | {"symbols": ["BTC/USDT"]}]})
    assert (reply["results"][0]["success"], reply["results"][0]["cancelled"]) == (True, 1)
    assert (await account.ask(stop_id, conditional=True))["status"] in ("CANCELED", None)
    assert account.venue.book.open_stops() == []


async def test_a_stop_set_by_hand_is_cancelled_with_the_others(account: RecordedAccount) -> None:
    await account.order("OPEN", "0.02")
    size = Decimal(2) if account.venue.code == "okx" else Decimal("0.02")
    account.venue.book.wait("", "long", "55000", size)
    reply = await account.executor.cancel_conditionals({"tasks": [account.base | {"symbols": ["BTC/USDT"]}]})
    assert reply["results"][0]["errors"] == []
    assert account.venue.book.open_stops() == []


async def test_the_table_is_what_its_users_rely_on() -> None:
    assert set(VENUES) == {"binance", *KINDS}
    for venue in VENUES.values():
        assert venue.max_client_id >= 28  # ours have 26 to 28 characters
        assert venue.isolated_by in ("order", "symbol", "leverage", "account")
        assert venue.native == (venue.code not in KINDS)
    assert [venue.code for venue in VENUES.values() if venue.passphrase] == ["okx", "bitget"]
