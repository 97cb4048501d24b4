"""Every handler of every state, called over a bare socket by each kind of person, with the ids of others.

The callers are new people of a new tenant without a thing of their own: whatever of the demo's shows up in an answer, or
changes in the database, was not theirs.
"""

from __future__ import annotations

import inspect
import json
import secrets
from typing import Any

import pytest
from sqlmodel import Session, select

from backend.db import Database
from backend.identity.service import create_tenant, create_user
from backend.identity.sessions import open_session
from backend.models import (
    Admin,
    Binding,
    Bot,
    ExchangeAccount,
    KillSwitch,
    NoticeChannel,
    Order,
    Position,
    Tenant,
    User,
    WebhookEndpoint,
    Withdrawal,
)
from tests.browser.conftest import Server
from tests.browser.test_every_handler import HANDLERS, REGISTERED
from tests.browser.test_handlers_over_the_socket import RawClient
from tests.support.faults import FULL

KINDS = ("agent", "tenant", "admin")
ASKED = KINDS if FULL else ("agent",)
LEAVES = ("sign_out", "logout", "leave", "end_look")


def allowed(name: str) -> tuple[str, ...]:
    """The kinds a handler says it is for."""
    registered = REGISTERED[name]
    roles: tuple[str, ...] = registered.handler.fn._roles
    return tuple(registered.states[0]._allowed) if roles == ("by class",) else roles


def payload(name: str, number: int) -> dict[str, Any]:
    """An argument for every parameter: the id of something that belongs to somebody else."""
    out: dict[str, Any] = {}
    for parameter in list(inspect.signature(REGISTERED[name].handler.fn).parameters.values())[1:]:
        kind = str(parameter.annotation)
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if "dict" in kind:
            out[parameter.name] = {"id": str(number), "tenant_id": str(number), "user_id": str(number), "name": "x"}
        elif "list" in kind:
            out[parameter.name] = [number] if "int" in kind else [str(number)]
        elif "bool" in kind:
            out[parameter.name] = True
        else:
            out[parameter.name] = number if "int" in kind or "float" in kind else str(number)
    return out


def lasting(session: Session, tenant_id: int) -> str:
    """What of other tenants people change and the running demo does not."""
    tables: dict[Any, tuple[str, ...]] = {
        Bot: ("desired", "config"), Binding: ("status", "capital", "ratio", "leverage"), KillSwitch: ("mode", "lifted_by"),
        ExchangeAccount: ("status", "node_id", "credentials_sealed"), NoticeChannel: ("kind", "types"),
        User: ("email", "status", "password_hash", "name"), Tenant: ("name", "status"), WebhookEndpoint: ("url",),
        Withdrawal: ("status",),
    }  # fmt: skip
    out: dict[str, list[str]] = {}
    for model, columns in tables.items():
        owner = model.id if model is Tenant else model.tenant_id
        rows = session.exec(select(model).where(owner != tenant_id).order_by(model.id)).all()
        out[model.__name__] = [f"{row.id} {[str(getattr(row, column)) for column in columns]}" for row in rows]
    by_hand = session.exec(select(Order.id).where(Order.tenant_id != tenant_id, Order.close_reason == "MANUAL")).all()
    return json.dumps({**out, "closed by hand": [str(one) for one in by_hand]})


class People:
    """A new tenant with an agent, and what of others they must never see."""

    def __init__(self, server: Server) -> None:
        self.db = Database(f"sqlite:///{server.home / 'ironbull.db'}")
        mark = secrets.token_hex(4)
        with self.db.transaction() as session:
            made = create_tenant(session, f"Nobody {mark}", f"nobody-{mark}@else.invalid", secrets.token_urlsafe(16))
            assert made.tenant.id is not None
            self.tenant_id = made.tenant.id
            user = create_user(session, self.tenant_id, f"agent-{mark}@else.invalid", secrets.token_urlsafe(16))
            assert user.id is not None
            admin_id = session.exec(select(Admin.id).order_by(Admin.id)).first()
            assert admin_id is not None
            ids = {"agent": user.id, "tenant": self.tenant_id, "admin": admin_id}
            self.cookies = {
                kind: "sid=" + open_session(session, kind, number, purpose="cookie", ip="127.0.0.1", user_agent="")[1]
                for kind, number in ids.items()
            }
        with self.db.reading() as session:
            others = session.exec(select(User).where(User.tenant_id != self.tenant_id, User.email != "")).all()
            self.words = sorted({user.email for user in others} | {name for name in session.exec(
                select(Tenant.name).where(Tenant.id != self.tenant_id)).all() if len(name) > 5})  # fmt: skip
            positions = session.exec(select(Position.id).order_by(Position.id)).all()
            accounts = session.exec(select(ExchangeAccount.id).order_by(ExchangeAccount.id)).all()
            self.numbers = [one for one in (*positions[-1:], *accounts[:1]) if one is not None]

    def foreign(self) -> str:
        with self.db.reading() as session:
            return lasting(session, self.tenant_id)


@pytest.mark.parametrize("kind", ASKED)
async def test_no_handler_shows_or_changes_what_is_anothers(server: Server, kind: str) -> None:
    people = People(server)
    before = people.foreign()
    assert people.words and people.numbers
    client = RawClient(server.base, people.cookies[kind])
    await client.connect()
    # All is an admin's: only what is for others is asked there.
    mine = [name for name in HANDLERS if kind in allowed(name) and kind != "admin" and not name.endswith(LEAVES)]
    others = [name for name in HANDLERS if kind not in allowed(name) and "anyone" not in allowed(name)]
    assert (len(mine) > 20 or kind == "admin") and len(others) > 20
    # What is for other kinds first, while the session is certainly still there.
    calls = [(name, payload(name, people.numbers[0])) for name in others]
    calls += [(name, payload(name, number)) for number in people.numbers for name in mine]
    answer = await client.call_all(calls)
    await client.sio.disconnect()
    assert client.answers > len(calls) // 2, "the socket must have gone on answering"
    assert [word for word in people.words if word in answer] == []
    assert people.foreign() == before
    people.db.dispose()
