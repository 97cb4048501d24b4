"""Branding, and the switch that shows exchange secrets: who may, what is kept, what is audited."""

from __future__ import annotations

import base64

import pytest
from sqlmodel import select

from backend.branding import service
from backend.dashboards.shared import workspace_of
from backend.db import Database
from backend.errors import NotAllowed
from backend.identity.principal import Principal
from backend.models import AuditLog, TenantProfile
from tests.support.doors import Owned, World
from tests.support.merchant import data, merchant
from tests.support.money import add_tenant
from tests.support.pictures import png

VALUES = {"brand": "Nordlicht", "accent": "#16A34A", "headline": "Trade calmly", "landing_text": "One.\n\nTwo."}


def who_of(owned: Owned, kind: str = "tenant") -> Principal:
    return Principal(kind, owned.tenant_id if kind == "tenant" else owned.user_id, owned.tenant_id, "", "", "", 1)


def test_a_profile_is_kept_on_both_engines(database: Database) -> None:
    with database.transaction() as session:
        tenant = add_tenant(session)
        assert tenant.id
        who = Principal("tenant", tenant.id, tenant.id, "", "", "", 1)
        service.save_profile(session, who, **VALUES)
        service.set_logo(session, who, png(200, 100))
    with database.reading() as session:
        row = session.get(TenantProfile, tenant.id)
        assert row is not None and row.logo == png(200, 100)
        assert (row.brand, row.accent, row.logo_type, row.reveal_secrets) == ("Nordlicht", "#16a34a", "image/png", False)
        shown = workspace_of(session, who)
        assert shown["workspace"] == "Nordlicht" and "#16a34a" in shown["look"] and shown["logo"].startswith("/api/brand/")
        actions = session.exec(select(AuditLog.action)).all()
        assert list(actions) == ["profile.save", "profile.logo"]
    with database.transaction() as session:
        service.set_logo(session, who, b"")
        assert service.logo_href(service.profile_of(session, tenant.id)) == ""


async def test_the_logo_is_served_to_everybody_and_only_as_a_picture(fresh: World) -> None:
    fresh.db.run(lambda session: service.set_logo(session, who_of(fresh.a), png(64, 64)))
    async with fresh.client() as client:
        answer = await client.get(f"/api/brand/{fresh.a.tenant_id}/logo?v=1")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.content == png(64, 64)
        assert (await client.get(f"/api/brand/{fresh.b.tenant_id}/logo")).status_code == 404
        assert (await client.get("/api/brand/0/logo")).status_code in (404, 422)


async def test_the_face_is_public_and_holds_nothing_else(fresh: World) -> None:
    fresh.db.run(lambda session: service.save_profile(session, who_of(fresh.a), **VALUES))
    async with fresh.client() as client:
        found = (await client.get(f"/api/brand/{fresh.a.tenant_id}")).json()["data"]
        assert found == {"name": "Nordlicht", "accent": "#16a34a", "headline": "Trade calmly", "landing_text": "One.\n\nTwo.", "logo": ""}
        assert (await client.get(f"/api/brand/{fresh.b.tenant_id}")).json()["data"]["name"] == f"{fresh.b.mark} desk"
        assert (await client.get("/api/brand/999999")).status_code == 404


def test_an_agent_brands_nothing(fresh: World) -> None:
    for verb in (lambda s: service.save_profile(s, who_of(fresh.a, "agent"), **VALUES), lambda s: service.set_logo(s, who_of(fresh.a, "agent"), b"")):
        with pytest.raises(NotAllowed):
            fresh.db.run(verb)
    for kind in ("tenant", "agent"):
        with pytest.raises(NotAllowed):
            fresh.db.run(lambda s, kind=kind: service.set_reveal(s, who_of(fresh.a, kind), fresh.a.tenant_id, True))


async def test_secrets_are_shown_only_where_an_admin_allows_it(fresh: World) -> None:
    fresh.tokens = {}
    fresh.sign_in()
    a, b = merchant(fresh, fresh.a), merchant(fresh, fresh.b)
    form = {"exchange": "binance", "api_key": "PLAINKEY1234", "api_secret": "PLAINSECRET5678"}
    for one, owned in ((a, fresh.a), (b, fresh.b)):
        await one.post("/user/apikey", email=owned.email, **form)
    masked = data(await a.get("/user/info", email=fresh.a.email))["accounts"]
    assert "PLAIN" not in str(masked) and masked[0]["api_secret"] == "****"
    door = f"/api/tenants/{fresh.a.tenant_id}/reveal-secrets"
    async with fresh.client("tenant_a") as client:
        assert (await client.post(door, json={"on": True})).status_code == 403
    async with fresh.client("admin") as client:
        assert (await client.post(door, json={"on": "yes"})).status_code == 422
        assert (await client.post("/api/tenants/999999/reveal-secrets", json={"on": True})).status_code == 404
        assert (await client.post(door, json={"on": True})).status_code == 200
        shown = data(await a.get("/user/info", email=fresh.a.email))["accounts"]
        plain = next(one for one in shown if one["exchange"] == "binance")
        assert (plain["api_key"], plain["api_secret"], plain["passphrase"]) == ("PLAINKEY1234", "PLAINSECRET5678", "")
        assert "PLAIN" not in (await b.get("/user/info", email=fresh.b.email)).text
        await client.post(door, json={"on": True})
        await client.post(door, json={"on": False})
    assert "PLAIN" not in (await a.get("/user/info", email=fresh.a.email)).text
    with fresh.db.reading() as session:
        rows = session.exec(select(AuditLog).where(AuditLog.target == f"tenant:{fresh.a.tenant_id}")).all()
        assert [row.action for row in rows if row.action.startswith("tenant.reveal")] == ["tenant.reveal_on", "tenant.reveal_off"]
        assert all(row.actor_kind == "admin" and row.tenant_id == fresh.a.tenant_id for row in rows if "reveal" in row.action)


async def test_an_md5_call_never_gets_a_secret(fresh: World) -> None:
    fresh.tokens = {}
    fresh.sign_in()
    a = merchant(fresh, fresh.a)
    await a.post("/user/apikey", email=fresh.a.email, exchange="binance", api_key="PLAINKEY1234", api_secret="PLAINSECRET5678")
    async with fresh.client("admin") as client:
        await client.post(f"/api/tenants/{fresh.a.tenant_id}/reveal-secrets", json={"on": True})
    async with fresh.client("tenant_a") as client:
        (key,) = (await client.get("/api/tenant/merchant-keys")).json()["data"]
        await client.put(f"/api/tenant/merchant-keys/{key['id']}", json={"legacy": True})
    old = await a.legacy("GET", "/user/info", email=fresh.a.email)
    assert old.json()["code"] == 0 and "PLAIN" not in old.text
    assert "PLAINSECRET5678" in (await a.get("/user/info", email=fresh.a.email)).text


def test_a_logo_survives_the_way_through_the_browser() -> None:
    from state.merchant_brand import _bytes

    picture = png(64, 64)
    assert _bytes("data:image/png;base64," + base64.b64encode(picture).decode()) == picture
    assert _bytes("") == b""
    for bad in ("data:image/png;base64,%%%", "x" * 100_000):
        with pytest.raises(service.rules.BadLogo):
            _bytes(bad)
