"""Roles at every door of the admins, the required second factor, and looking at another person's account."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pyotp
import pytest
from fastapi.routing import APIRoute
from sqlmodel import col, select

from backend.api.context import May, admin
from backend.api.context import tenant as tenant_door
from backend.clock import utcnow
from backend.identity import rights, second_factor
from backend.identity.looking import note_ended
from backend.identity.service import create_admin
from backend.identity.sessions import forget_sessions, open_session, resolve_session
from backend.models import Admin, AuditLog, LoginSession
from backend.security.tokens import TokenSigner
from tests.support.doors import PASSWORD, World

SAFE = {"GET", "HEAD", "OPTIONS"}
OPEN = ("/api/session/", "/api/auth/login", "/api/auth/tenant/login", "/api/auth/agent/login", "/api/nodes/join")


def guards(world: World) -> list[tuple[str, str, Any]]:
    """(method, path, dependency) of every door somebody signs in for."""
    found: list[tuple[str, str, Any]] = []

    def walk(routes: Any) -> None:
        for route in routes:
            inner = getattr(route, "original_router", None)
            if inner is not None:
                walk(inner.routes)
            elif isinstance(route, APIRoute):
                calls = [one.call for one in route.dependant.dependencies]
                guard = next((call for call in calls if isinstance(call, May) or call in (admin, tenant_door)), None)
                found.extend((method, route.path, guard) for method in route.methods - {"HEAD", "OPTIONS"})

    walk(world.app.routes)
    return found


def role_token(world: World, role: str) -> str:
    """The name of a token of an admin with this role."""
    if role not in world.tokens:
        with world.db.transaction() as session:
            one = create_admin(session, f"{role}-admin", PASSWORD, role=role)
            _, token_id = open_session(session, "admin", one.id or 0, purpose="bearer", ip="127.0.0.1", user_agent="")
            number = one.id or 0
        signer = TokenSigner(world.settings.jwt_key.get_secret_value())
        world.tokens[role] = signer.issue("admin", number, token_id, {"username": f"{role}-admin", "admin_id": number})
    return role


def test_every_changing_door_of_an_admin_names_a_right(world: World) -> None:
    found = guards(world)
    named = [(method, path) for method, path, guard in found if isinstance(guard, May) and method not in SAFE]
    assert len(named) > 35
    bare = [(method, path) for method, path, guard in found if guard is admin and method not in SAFE]
    assert bare == [], "these doors change something and name no right: nobody passes them"
    odd = [guard.right for _, _, guard in found if isinstance(guard, May) and guard.right not in (*rights.RIGHTS, rights.OWN)]
    assert odd == []


@pytest.mark.parametrize("role", ["operator", "finance", "engineer", "support", "auditor"])
async def test_every_door_asks_the_role(world: World, role: str) -> None:
    """With an empty body: who may gets as far as the body or the object, who may not is refused before."""
    async with world.client(role_token(world, role)) as client:
        for method, path, guard in guards(world):
            if not isinstance(guard, May) or "admin" not in guard.kinds or guard.right == rights.OWN or method in SAFE:
                continue
            answer = await client.request(method, re.sub(r"\{[^}]+\}", "999999", path), json={})
            refused = answer.status_code == 403 and answer.json()["code"] == "role_may_not"
            assert refused is not rights.may(role, guard.right), (role, method, path, answer.text)


async def test_an_auditor_reads(world: World) -> None:
    async with world.client(role_token(world, "auditor")) as client:
        assert (await client.get("/api/dashboard/summary")).status_code == 200
        assert (await client.get("/api/lists/audit.csv")).status_code == 200
        made = await client.post("/api/kill-switches", json={"scope": "platform", "scope_id": 0, "mode": "entries", "reason": "try"})
        assert made.json()["code"] == "role_may_not"


async def test_roles_are_given_by_owners_and_hold_at_once(fresh: World) -> None:
    token = role_token(fresh, "support")
    async with fresh.client("admin") as boss, fresh.client(token) as support:
        listed = (await boss.get("/api/admins")).json()["data"]
        mine, other = (next(one for one in listed if one["username"] == name) for name in ("boss", "support-admin"))
        assert (await boss.put(f"/api/admins/{mine['id']}", json={"nickname": "B", "role": "auditor"})).status_code == 409
        assert (await boss.put(f"/api/admins/{other['id']}", json={"nickname": "S", "role": "king"})).status_code == 400
        plan = {"name": "x", "code": "x"}
        assert (await support.post("/api/quota-plans", json=plan)).json()["code"] == "role_may_not"
        changed = await boss.put(f"/api/admins/{other['id']}", json={"nickname": "S", "role": "engineer"})
        assert changed.json()["data"]["role"] == "engineer"
        assert (await support.post("/api/quota-plans", json=plan)).status_code == 200
        assert (await boss.get("/api/admin-roles")).json()["data"][0]["role"] == "owner"
    with fresh.db.reading() as session:
        row = session.exec(select(AuditLog).where(AuditLog.action == "admin.edit").order_by(col(AuditLog.id).desc())).first()
        assert row is not None and row.detail["role"] == "support -> engineer"


async def test_a_required_second_factor_closes_everything_but_its_setup(fresh: World) -> None:
    token = role_token(fresh, "finance")
    async with fresh.client("admin") as boss, fresh.client(token) as cashier:
        assert (await cashier.get("/api/withdrawals")).status_code == 200
        assert (await boss.put("/api/admin-roles/second-factor", json={"roles": ["owner"]})).status_code == 409
        assert (await boss.put("/api/admin-roles/second-factor", json={"roles": ["finance"]})).status_code == 200
        refused = await cashier.get("/api/withdrawals")
        assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_required")
        assert (await cashier.get("/api/auth/me")).json()["data"]["role"] == "unproven"
        assert (await cashier.post("/api/exports", json={"list": "users"})).json()["code"] == "second_factor_required"
    with fresh.db.transaction() as session:
        row = session.exec(select(Admin).where(Admin.username == "finance-admin")).one()
        login = session.exec(select(LoginSession).where(LoginSession.kind == "admin", LoginSession.subject_id == row.id)).one()
        who = await_principal(session, login)
        secret = second_factor.offer(session, who).secret
        second_factor.confirm(session, who, pyotp.TOTP(secret).now())
    async with fresh.client(token) as cashier:
        assert (await cashier.get("/api/withdrawals")).status_code == 200


def await_principal(session: Any, login: LoginSession) -> Any:
    from backend.identity.sessions import principal_of

    who = principal_of(session, login)
    assert who is not None and who.role == rights.UNPROVEN
    return who


def cookies(world: World, sid: str) -> httpx.AsyncClient:
    client = world.client()
    client.cookies.set("sid", sid, domain="127.0.0.1")
    client.headers["Origin"] = "http://127.0.0.1"
    return client


async def test_looking_as_an_agent_reads_and_changes_nothing(fresh: World) -> None:
    with fresh.db.reading() as session:
        boss = session.exec(select(Admin.id).where(Admin.username == "boss")).one()
    _, sid = fresh.cookie("admin", boss or 0)
    async with cookies(fresh, sid) as client:
        form = {"kind": "agent", "id": str(fresh.a.user_id), "reason": "cannot see the bot"}
        assert (await client.post("/api/session/look", data={**form, "reason": " "})).status_code == 400
        assert (await client.post("/api/session/look", data={**form, "id": "999999"})).status_code == 404
        assert (await client.post("/api/session/look", data={**form, "kind": "admin"})).status_code == 403
        opened = await client.post("/api/session/look", data=form)
        assert (opened.status_code, opened.headers["location"]) == (303, "/agent")
        assert "Max-Age=1800" in opened.headers.get_list("set-cookie")[1]
        me = (await client.get("/api/auth/me")).json()["data"]
        assert (me["kind"], me["id"], me["read_only"]) == ("agent", fresh.a.user_id, True)
        assert (await client.get("/api/agent/trades")).status_code == 200
        for method, path, _guard in guards(fresh):
            if method in SAFE or path.startswith(OPEN) or path.startswith("/merchant") or path.endswith("/heartbeat") or "{path" in path:
                continue
            answer = await client.request(method, re.sub(r"\{[^}]+\}", "1", path), json={})
            assert answer.status_code == 403, (method, path, answer.text)
            assert answer.json()["code"] in ("read_only", "not_allowed"), (method, path)
        back = await client.post("/api/session/look/end")
        assert back.headers["location"] == "/admin/users"
        assert (await client.get("/api/auth/me")).json()["data"]["kind"] == "admin"
    with fresh.db.reading() as session:
        rows = session.exec(select(AuditLog).where(col(AuditLog.action).like("support.%")).order_by(col(AuditLog.id))).all()
        assert [(row.action, row.actor_kind, row.actor_id, row.target, row.tenant_id) for row in rows] == [
            (name, "admin", boss, f"agent:{fresh.a.user_id}", fresh.a.tenant_id) for name in ("support.look", "support.end")
        ]
        assert rows[0].detail["reason"] == "cannot see the bot"


async def test_a_look_ends_with_the_admin_and_with_its_time(fresh: World) -> None:
    with fresh.db.reading() as session:
        boss = session.exec(select(Admin.id).where(Admin.username == "boss")).one() or 0
    form = {"kind": "tenant", "id": str(fresh.a.tenant_id), "reason": "their own question"}
    _, sid = fresh.cookie("admin", boss)
    async with cookies(fresh, sid) as client:
        await client.post("/api/session/look", data=form)
        seen = client.cookies["sid"]
        assert (await client.get("/api/tenant/orders")).status_code == 200
        await client.post("/api/session/logout")
    for one in (sid, seen):
        assert resolve_session(one, fresh.db) is None
    _, sid = fresh.cookie("admin", boss)
    async with cookies(fresh, sid) as client:
        await client.post("/api/session/look", data=form)
        seen = client.cookies["sid"]
    with fresh.db.transaction() as session:
        assert note_ended(session) == 0
        row = session.exec(select(LoginSession).where(col(LoginSession.parent_id).is_not(None), col(LoginSession.revoked_at).is_(None))).one()
        assert row.expires_at - row.created_at <= timedelta(minutes=30, seconds=1)
        row.expires_at = utcnow() - timedelta(seconds=1)
        session.add(row)
        session.flush()
        assert note_ended(session) == 1
    forget_sessions()
    assert resolve_session(seen, fresh.db) is None and resolve_session(sid, fresh.db) is not None


async def test_a_role_without_people_cannot_look(fresh: World) -> None:
    async with fresh.client(role_token(fresh, "finance")) as client:
        client.headers["Origin"] = "http://127.0.0.1"
        answer = await client.post("/api/session/look", data={"kind": "agent", "id": str(fresh.a.user_id), "reason": "curious"})
        assert answer.json()["code"] == "role_may_not"
