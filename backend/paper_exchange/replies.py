"""The venue's JSON shapes. Numbers are strings, as on the wire; ``marketTime`` is our one extra field."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from backend.paper_exchange.margin import Summary, backing_of, liquidation_price, position_margin
from backend.paper_exchange.model import Account, Algo, Income, Order, Position, Trade
from backend.paper_exchange.prices import Prices
from backend.paper_exchange.symbols import ZERO, SymbolSpec

Json = dict[str, Any]
Specs = Mapping[str, SymbolSpec]


def usdt(value: Decimal) -> str:
    """Money with 8 decimals."""
    return f"{value:.8f}"


def order_reply(order: Order, spec: SymbolSpec, with_time: bool = False) -> Json:
    """An order as create, cancel and query answer it (``with_time`` for queries)."""
    average = order.quote / order.filled if order.filled else ZERO
    out: Json = {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_id,
        "price": f"{order.price:.{spec.price_dp}f}",
        "avgPrice": f"{average:.{spec.price_dp + 4}f}",
        "origQty": f"{order.qty:.{spec.qty_dp}f}",
        "executedQty": f"{order.filled:.{spec.qty_dp}f}",
        "cumQty": f"{order.filled:.{spec.qty_dp}f}",
        "cumQuote": usdt(order.quote),
        "timeInForce": order.tif,
        "type": order.kind,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side,
        "positionSide": order.position_side,
        "stopPrice": f"{order.trigger:.{spec.price_dp}f}",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order.orig_kind,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE",
        "goodTillDate": 0,
        "updateTime": order.update_ms,
        "marketTime": order.market_ms,
    }
    if with_time:
        out["time"] = order.created_ms
    return out


def ack_reply(order: Order, spec: SymbolSpec) -> Json:
    """The short answer of newOrderRespType=ACK: accepted, fills not told."""
    zero = f"{ZERO:.{spec.qty_dp}f}"
    return order_reply(order, spec) | {
        "status": "NEW", "avgPrice": "0.00", "executedQty": zero, "cumQty": zero, "cumQuote": usdt(ZERO),
    }  # fmt: skip


def algo_reply(algo: Algo, spec: SymbolSpec) -> Json:
    """A conditional order."""
    trailing = algo.kind == "TRAILING_STOP_MARKET"
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.kind,
        "symbol": algo.symbol,
        "side": algo.side,
        "positionSide": algo.position_side,
        "timeInForce": algo.tif,
        "quantity": f"{algo.qty:.{spec.qty_dp}f}",
        "algoStatus": algo.status,
        "actualOrderId": str(algo.actual_id) if algo.actual_id else "",
        "actualPrice": f"{algo.actual_price:.{spec.price_dp + 4}f}",
        "triggerPrice": f"{algo.trigger:.{spec.price_dp}f}",
        "price": f"{algo.price:.{spec.price_dp}f}",
        "icebergQuantity": None,
        "tpTriggerPrice": "0.000",
        "tpPrice": "0.000",
        "slTriggerPrice": "0.000",
        "slPrice": "0.000",
        "tpOrderType": "",
        "selfTradePreventionMode": "NONE",
        "workingType": algo.working_type,
        "priceMatch": "NONE",
        "closePosition": algo.close_position,
        "priceProtect": False,
        "reduceOnly": algo.reduce_only,
        "activatePrice": f"{algo.activate:.{spec.price_dp}f}" if trailing else "",
        "callbackRate": str(algo.callback_rate) if trailing else "",
        "createTime": algo.created_ms,
        "updateTime": algo.update_ms,
        "triggerTime": algo.trigger_ms,
        "goodTillDate": 0,
        "marketTime": algo.market_ms,
    }


def trade_reply(trade: Trade, spec: SymbolSpec) -> Json:
    """A fill as in userTrades."""
    return {
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "symbol": trade.symbol,
        "side": trade.side,
        "price": f"{trade.price:.{spec.price_dp}f}",
        "qty": f"{trade.qty:.{spec.qty_dp}f}",
        "realizedPnl": usdt(trade.realized),
        "quoteQty": usdt(trade.quote),
        "commission": usdt(trade.fee),
        "commissionAsset": "USDT",
        "time": trade.time_ms,
        "positionSide": trade.position_side,
        "buyer": trade.side == "BUY",
        "maker": trade.maker,
        "marketTime": trade.market_ms,
    }


def income_reply(income: Income) -> Json:
    """A booking as in income."""
    return {
        "symbol": income.symbol,
        "incomeType": income.kind,
        "income": usdt(income.amount),
        "asset": "USDT",
        "time": income.time_ms,
        "info": income.info or (str(income.trade_id) if income.trade_id else income.kind),
        "tranId": income.tran_id,
        "tradeId": str(income.trade_id) if income.trade_id else "",
        "marketTime": income.market_ms,
    }


def position_risk(
    account: Account, position: Position, summary: Summary, specs: Specs, prices: Prices, *, version: int
) -> Json:
    """A position as in positionRisk v2 or v3."""
    spec, price = specs[position.symbol], prices.last(position.symbol)
    setting = account.setting(position.symbol)
    notional = position.amount * price
    level = liquidation_price(
        position, backing_of(account, position, summary, specs, price), spec, price
    ) if position.amount else ZERO  # fmt: skip
    used = position_margin(account, position, price)
    entry = f"{position.entry:.{min(10, spec.price_dp + 6)}f}"
    out: Json = {
        "symbol": position.symbol,
        "positionSide": position.side,
        "positionAmt": f"{position.amount:.{spec.qty_dp}f}",
        "entryPrice": entry,
        "breakEvenPrice": entry,
        "markPrice": f"{price:.{spec.price_dp}f}",
        "unRealizedProfit": usdt(position.pnl(price)),
        "liquidationPrice": f"{level:.{spec.price_dp}f}" if level else "0",
        "notional": usdt(notional),
        "isolatedWallet": usdt(position.margin),
        "updateTime": position.update_ms,
    }
    if version == 2:
        isolated = position.margin + position.pnl(price) if setting.isolated else ZERO
        return out | {
            "leverage": str(setting.leverage),
            "maxNotionalValue": str(spec.cap_at(setting.leverage)),
            "marginType": "isolated" if setting.isolated else "cross",
            "isolatedMargin": usdt(isolated),
            "isAutoAddMargin": "false",
            "isolated": setting.isolated,
            "adlQuantile": 0,
        }
    return out | {
        "isolatedMargin": usdt(position.margin + position.pnl(price) if setting.isolated else ZERO),
        "marginAsset": "USDT",
        "initialMargin": usdt(used),
        "maintMargin": usdt(spec.maintenance(abs(notional))),
        "positionInitialMargin": usdt(used),
        "openOrderInitialMargin": usdt(ZERO),
        "adl": 0,
        "bidNotional": "0",
        "askNotional": "0",
    }


def account_reply(account: Account, summary: Summary, specs: Specs, prices: Prices, version: int) -> Json:
    """The account as in account v2 or v3."""
    updated = max(1, account.update_ms)
    used = summary.position_margin + summary.order_margin
    positions = []
    for position in account.held():
        price = prices.last(position.symbol)
        setting = account.setting(position.symbol)
        notional = position.amount * price
        row: Json = {
            "symbol": position.symbol,
            "positionSide": position.side,
            "positionAmt": f"{position.amount:.{specs[position.symbol].qty_dp}f}",
            "unrealizedProfit": usdt(position.pnl(price)),
            "isolatedMargin": usdt(position.margin + position.pnl(price) if setting.isolated else ZERO),
            "notional": usdt(notional),
            "isolatedWallet": usdt(position.margin),
            "initialMargin": usdt(position_margin(account, position, price)),
            "maintMargin": usdt(specs[position.symbol].maintenance(abs(notional))),
            "updateTime": position.update_ms,
        }
        if version == 2:
            row |= {
                "entryPrice": f"{position.entry:.10f}",
                "leverage": str(setting.leverage),
                "isolated": setting.isolated,
                "maxNotional": str(specs[position.symbol].cap_at(setting.leverage)),
                "positionInitialMargin": row["initialMargin"],
                "openOrderInitialMargin": usdt(ZERO),
            }
        positions.append(row)
    totals = {
        "walletBalance": usdt(summary.wallet),
        "unrealizedProfit": usdt(summary.pnl),
        "marginBalance": usdt(summary.margin_balance),
        "maintMargin": usdt(summary.maintenance),
        "initialMargin": usdt(used),
        "positionInitialMargin": usdt(summary.position_margin),
        "openOrderInitialMargin": usdt(summary.order_margin),
        "crossWalletBalance": usdt(summary.cross_wallet),
        "crossUnPnl": usdt(summary.cross_pnl),
        "availableBalance": usdt(summary.available),
        "maxWithdrawAmount": usdt(min(summary.available, max(ZERO, summary.cross_wallet))),
    }
    asset = {"asset": "USDT", **totals, "marginAvailable": True, "updateTime": updated}
    out: Json = {
        "totalInitialMargin": usdt(used),
        "totalMaintMargin": usdt(summary.maintenance),
        "totalWalletBalance": usdt(summary.wallet),
        "totalUnrealizedProfit": usdt(summary.pnl),
        "totalMarginBalance": usdt(summary.margin_balance),
        "totalPositionInitialMargin": usdt(summary.position_margin),
        "totalOpenOrderInitialMargin": usdt(summary.order_margin),
        "totalCrossWalletBalance": usdt(summary.cross_wallet),
        "totalCrossUnPnl": usdt(summary.cross_pnl),
        "availableBalance": usdt(summary.available),
        "maxWithdrawAmount": totals["maxWithdrawAmount"],
        "assets": [asset],
        "positions": positions,
    }
    if version == 2:
        out |= {
            "feeTier": 0, "feeBurn": False, "canTrade": True, "canDeposit": True, "canWithdraw": False,
            "updateTime": 0, "multiAssetsMargin": False, "tradeGroupId": -1,
        }  # fmt: skip
    return out


def balance_rows(account: Account, summary: Summary) -> list[Json]:
    """The balance as in balance v2 and v3."""
    return [
        {
            "accountAlias": f"paper{account.account_id}",
            "asset": "USDT",
            "balance": usdt(summary.wallet),
            "crossWalletBalance": usdt(summary.cross_wallet),
            "crossUnPnl": usdt(summary.cross_pnl),
            "availableBalance": usdt(summary.available),
            "maxWithdrawAmount": usdt(min(summary.available, max(ZERO, summary.cross_wallet))),
            "marginAvailable": True,
            "updateTime": max(1, account.update_ms),
        }
    ]
