"""The queue by API: how it stands, its jobs, trying a dead one again, and backtests as jobs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StrictBool, StrictInt

from backend.api.context import May, admin, peer, read, run
from backend.api.params import Id, done, listed, window
from backend.dashboards.lists import jobs as lists
from backend.dashboards.lists.base import find_of, refuse_unknown
from backend.identity.principal import Principal
from backend.portfolio.queries import Window
from backend.queue import queries, service
from backend.queue.backtests import MAX_BARS, ask_backtest

router = APIRouter(prefix="/api/queue", tags=["queue"])

Admin = Annotated[Principal, Depends(admin)]
Engineer = Annotated[Principal, Depends(May("settings"))]
Page = Annotated[Window, Depends(window)]
Word = Annotated[str, Query(max_length=24)]


@dataclass
class JobQuery:
    """Filters of the jobs."""

    kind: Word = ""
    state: Word = ""
    lane: Word = ""


class BacktestOrder(BaseModel):
    """What to walk: the market's newest closed candles. No symbols means all of them."""

    strategy: str = Field(max_length=64)
    timeframe: str = Field("1h", max_length=8)
    bars: StrictInt = Field(500, ge=100, le=MAX_BARS)
    symbols: list[Annotated[str, Field(max_length=32)]] = Field(default_factory=list, max_length=200)
    params: dict[str, StrictInt | float | StrictBool | str] = Field(default_factory=dict, max_length=100)
    capital: Decimal | None = Field(None, ge=100, le=100_000_000)
    fee_bps: Decimal | None = Field(None, ge=0, le=100)
    slippage_bps: Decimal | None = Field(None, ge=0, le=100)


@router.get("")
async def overview(request: Request, who: Admin) -> Response:
    """Open and dead jobs per kind and lane, the age of the oldest, the workers that are there and who schedules."""
    return done(await read(request, lambda session: queries.as_dict(queries.overview(session))))


@router.get("/jobs")
async def jobs(request: Request, who: Admin, page: Page, query: Annotated[JobQuery, Depends()]) -> Response:
    """Jobs, newest first."""
    given = {name: value for name, value in asdict(query).items() if value}
    refuse_unknown(lists.JOBS, given)
    find = find_of(lists.JOBS, given, limit=page.limit, offset=page.offset)
    return listed(await read(request, lambda session: lists.jobs(session, who, find)), page, lambda row: row)


@router.get("/jobs/{job_id}")
async def job(request: Request, job_id: Id, who: Admin) -> Response:
    """One job; of a finished backtest the result too."""
    return done(await read(request, lambda session: lists.job_detail(session, who, job_id)))


@router.post("/jobs/{job_id}/replay")
async def replay(request: Request, job_id: Id, who: Engineer) -> Response:
    """Try a job again that was given up. 409 when it is not in that state."""
    return done(await run(request, lambda session: _short(service.replay(session, who, job_id, ip=peer(request)))))


@router.delete("/jobs/{job_id}")
async def drop(request: Request, job_id: Id, who: Engineer) -> Response:
    """Forget a job that was given up."""
    await run(request, lambda session: service.drop(session, who, job_id, ip=peer(request)))
    return done()


@router.post("/backtests")
async def backtest(request: Request, body: BacktestOrder, who: Engineer) -> Response:
    """A backtest on a worker; ask for the job until its state is DONE."""
    made = await run(
        request,
        lambda session: _short(
            ask_backtest(
                session, body.strategy, timeframe=body.timeframe, bars=body.bars, symbols=body.symbols, params=body.params,
                capital=body.capital, fee_bps=body.fee_bps, slippage_bps=body.slippage_bps,
            )
        ),
    )
    return done(made)


def _short(row: Any) -> dict[str, Any]:
    return {"id": row.id, "kind": row.kind, "state": row.state}
