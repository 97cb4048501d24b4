"""What is fetched from exchanges, by API: balances and trades at once, the symbols with their rules, positions with levels."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlmodel import Session, col, select

from backend.api.context import May, admin, context_of, peer, read, run
from backend.api.params import IdQuery, Text, done, listed, window
from backend.dashboards.marks import marks, unrealized
from backend.identity.principal import Principal
from backend.market import catalogue
from backend.models import Position, User
from backend.monitoring import asked
from backend.portfolio.queries import Listing, Window
from backend.security import audit
from node_service.figures import Market

router = APIRouter(prefix="/api/sync", tags=["sync"])

Admin = Annotated[Principal, Depends(admin)]
Engineer = Annotated[Principal, Depends(May("settings"))]
Page = Annotated[Window, Depends(window)]
Swap = Literal["swap"]
JOBS = {"balance": "sync_balances", "trades": "sync_incomes", "positions": "sync_balances"}
_MARKET = (
    "exchange", "market_type", "symbol", "ccxt_symbol", "exchange_symbol", "contract_size", "tick_size", "step_size", "min_quantity", "max_quantity",
    "min_cost", "active", "synced_at",
)  # fmt: skip


@router.post("/markets")
async def sync_markets(request: Request, who: Engineer, exchange: Text = None, market_type: Swap = "swap") -> Response:
    """Ask exchanges for their perpetuals and keep them: per exchange {total, updated, new}, or {error} where one did not answer.
    Without ``exchange`` those with an account in use are asked."""
    context = context_of(request)
    named = [catalogue.check_exchange(context.settings, exchange)] if exchange else await read(request, catalogue.used_exchanges)
    told = await catalogue.ask_markets(context.settings, named)

    def work(session: Session) -> dict[str, Any]:
        kept = {code: _kept(session, code, found) for code, found in told.items()}
        audit.record(session, who, "market.sync", "platform", detail={code: _said(result) for code, result in kept.items()}, ip=peer(request))
        return kept

    return done(await run(request, work))


@router.get("/markets")
async def markets(
    request: Request, who: Admin, page: Page, *, exchange: Text = None, market_type: Swap = "swap", symbol: Text = None
) -> Response:
    """Symbols with their rules as they were told last; ``step_size`` counts contracts of ``contract_size`` coins."""
    find = {"exchange": exchange or "", "market_type": market_type, "symbol": symbol or ""}
    found = await read(request, lambda session: catalogue.kept(session, page, **find))
    return listed(found, page, lambda row: {name: getattr(row, name) for name in _MARKET})


@router.get("/monitored-positions")
async def monitored(request: Request, who: Admin, page: Page, tenant_id: IdQuery = None) -> Response:
    """Open positions with a stop or a target, newest first."""

    def work(session: Session) -> Response:
        levels = col(Position.stop_loss).is_not(None) | col(Position.take_profit).is_not(None)
        statement = select(Position, User.email).join(User, col(User.id) == Position.user_id).where(Position.status == "OPEN", levels)
        if tenant_id is not None:
            statement = statement.where(Position.tenant_id == tenant_id)
        found = session.exec(statement.order_by(col(Position.id).desc())).all()
        prices = marks()
        rows = [_monitored(row, email, prices) for row, email in found[page.offset : page.offset + page.limit]]
        return listed(Listing(rows, len(found)), page, dict)

    return await read(request, work)


@router.post("/{what}")
async def sync(request: Request, what: Literal["balance", "trades", "positions"], who: Engineer) -> Response:
    """``balance``, ``positions`` or ``trades``: the job runs within two seconds where the timetable is; ``last`` is its last run."""
    job = JOBS[what]

    def work(session: Session) -> dict[str, Any]:
        asked.ask(session, who, job, ip=peer(request))
        return {"asked": job, "last": asked.outcome(session, job)}

    return done(await run(request, work))


def _kept(session: Session, code: str, found: list[Market] | str) -> dict[str, Any]:
    return {"error": found} if isinstance(found, str) else dict(catalogue.keep(session, code, found))


def _said(result: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in result.items())


def _monitored(row: Position, email: str, prices: Mapping[str, Decimal]) -> dict[str, Any]:
    names = (
        "account_id", "symbol", "exchange", "position_side", "quantity", "entry_price", "stop_loss", "take_profit", "leverage", "strategy_code",
        "opened_at", "updated_at",
    )  # fmt: skip
    return {
        "position_id": row.id, "user_email": email, **{name: getattr(row, name) for name in names}, "unrealized_pnl": unrealized(row, prices.get(row.symbol))
    }  # fmt: skip
