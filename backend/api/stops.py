"""The kill switch by HTTP: who is signed in decides what they may stop."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StrictInt
from sqlmodel import Session, col, func, select

from backend.api.context import EVERY, May, anyone, peer, read, run
from backend.api.params import MAX_ID, Id, done, listed, window
from backend.identity.principal import Principal
from backend.models import KillSwitch
from backend.portfolio.queries import Listing, Window
from backend.risk import stops
from backend.risk.switches import ENTRIES

router = APIRouter(tags=["kill switch"])

Anyone = Annotated[Principal, Depends(anyone)]
Trader = Annotated[Principal, Depends(May("trading", EVERY))]
Page = Annotated[Window, Depends(window)]
Why = Annotated[str, Field(max_length=200)]


class Stop(BaseModel):
    """What to stop (platform | tenant | account, with its id), how far (entries | close), and why."""

    scope: Annotated[str, Field(max_length=12)]
    id: Annotated[StrictInt, Field(ge=0, le=MAX_ID)] = 0
    mode: Annotated[str, Field(max_length=12)] = ENTRIES
    reason: Why


class Reason(BaseModel):
    """Why."""

    reason: Why


@router.post("/api/kill-switches")
async def engage(request: Request, body: Stop, who: Trader) -> Response:
    """Stop trading: ``entries`` opens nothing new, ``close`` also closes everything that is open."""

    def work(session: Session) -> dict[str, Any]:
        return _shape(stops.engage(session, who, body.scope, body.id, mode=body.mode, reason=body.reason, ip=peer(request)))

    return done(await run(request, work))


@router.get("/api/kill-switches")
async def history(request: Request, who: Anyone, page: Page, active: bool = False) -> Response:
    """The stops that touch you, newest first; ``active`` for those that hold now."""

    def work(session: Session) -> Listing[KillSwitch]:
        statement = select(KillSwitch).where(stops.seen_by(who))
        if active:
            statement = statement.where(KillSwitch.slot == 1)
        total = session.exec(select(func.count()).select_from(statement.subquery())).one()
        rows = session.exec(statement.order_by(col(KillSwitch.id).desc()).limit(page.limit).offset(page.offset)).all()
        return Listing(list(rows), int(total))

    return listed(await read(request, work), page, _shape)


@router.post("/api/kill-switches/{stop_id}/lift")
async def lift(request: Request, stop_id: Id, body: Reason, who: Trader) -> Response:
    """Let trading go on."""
    return done(await run(request, lambda s: _shape(stops.lift(s, who, stop_id, body.reason, ip=peer(request)))))


def _shape(row: KillSwitch) -> dict[str, Any]:
    return {
        "id": row.id, "scope": row.scope, "scope_id": row.scope_id, "mode": row.mode, "reason": row.reason,
        "by": row.actor.partition(":")[0], "active": row.slot == 1, "created_at": row.created_at, "lifted_at": row.lifted_at,
        "lift_reason": row.lift_reason,
    }  # fmt: skip
