"""Sign-up, the forgotten password and the second factor, over HTTP, with mail in the outbox folder."""

from __future__ import annotations

import email
import re
from email import policy
from http.cookies import SimpleCookie

import httpx
import pyotp
import pytest
from sqlmodel import select

from backend.errors import NotFound
from backend.identity import personal, second_factor
from backend.identity.principal import Principal
from backend.identity.sessions import resolve_session
from backend.identity.sign_up import PER_ADDRESS, PER_MAILBOX
from backend.models import OneTimeToken, User
from tests.support.codes import step_before
from tests.support.doors import PASSWORD, World

ORIGIN = {"Origin": "http://127.0.0.1"}
STRONG = "umbrella ferry quartz lantern"


async def post(world: World, path: str, cookies: dict[str, str] | None = None, **form: str) -> httpx.Response:
    async with world.client() as client:
        client.cookies.update(cookies or {})
        return await client.post(path, data=form, headers=ORIGIN)


async def join(world: World, address: str, **more: str) -> httpx.Response:
    form = {"email": address, "password": STRONG, "again": STRONG, "terms": "1", **more}
    return await post(world, "/api/session/join", **form)


def letters(world: World, address: str) -> list[str]:
    """Texts of the mails to an address, oldest first."""
    found = []
    for path in sorted((world.settings.home / "mail").glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=policy.default)
        if message["To"] == address:
            found.append(message.get_content())
    return found


def token_in(text: str) -> str:
    found = re.search(r"token=([\w-]+)", text)
    assert found is not None
    return found[1]


def session_of(answer: httpx.Response) -> str:
    return SimpleCookie(answer.headers["set-cookie"])["sid"].value


async def test_a_visitor_becomes_an_agent_by_the_mailed_link(fresh: World) -> None:
    answer = await join(fresh, "New.Trader@Example.com")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sent?note=outbox")
    with fresh.db.reading() as session:
        assert session.exec(select(User).where(User.email == "new.trader@example.com")).first() is None
    token = token_in(letters(fresh, "new.trader@example.com")[0])
    entered = await post(fresh, "/api/session/confirm", token=token)
    assert entered.headers["location"] == "/agent/start"
    who = resolve_session(session_of(entered), fresh.db)
    assert who is not None and (who.kind, who.email) == ("agent", "new.trader@example.com")
    again = await post(fresh, "/api/session/confirm", token=token)
    assert again.headers["location"] == "/confirm?error=link_used"


async def test_a_known_address_gets_the_same_answer_and_another_mail(fresh: World) -> None:
    known, unknown = await join(fresh, "trader@a.example"), await join(fresh, "stranger@a.example")
    assert (known.status_code, known.headers["location"], known.text) == (
        unknown.status_code, unknown.headers["location"], unknown.text
    )  # fmt: skip
    assert "has one already" in letters(fresh, "trader@a.example")[0]
    assert "Confirm it here" in letters(fresh, "stranger@a.example")[0]
    with fresh.db.reading() as session:  # the same writes, and the secret of the known address opens nothing
        rows = session.exec(select(OneTimeToken)).all()
        assert len(rows) == 2 and sum(bool(row.detail) for row in rows) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "password1", "again": "password1"}, "weak_password"),
        ({"again": "something else"}, "differ"),
        ({"terms": ""}, "terms"),
        ({"invite": "00000000"}, "invite_code_unknown"),
        ({"email": "not an address"}, "invalid_email"),
    ],
)
async def test_what_is_wrong_is_named(fresh: World, change: dict[str, str], code: str) -> None:
    answer = await join(fresh, **{"address": change.pop("email", "w@a.example"), **change})
    assert answer.headers["location"].startswith(f"/join?error={code}")
    assert letters(fresh, "w@a.example") == []


async def test_the_invite_code_decides_the_merchant(fresh: World) -> None:
    with fresh.db.reading() as session:
        inviter = session.get(User, fresh.b.user_id)
        assert inviter is not None
        code, tenant_id = inviter.invite_code, inviter.tenant_id
    await join(fresh, "invited@b.example", invite=code)
    await post(fresh, "/api/session/confirm", token=token_in(letters(fresh, "invited@b.example")[0]))
    with fresh.db.reading() as session:
        user = session.exec(select(User).where(User.email == "invited@b.example")).one()
        assert (user.tenant_id, user.inviter_id) == (tenant_id, fresh.b.user_id)


async def test_mails_are_throttled_per_mailbox_and_refused_tries_count_too(fresh: World) -> None:
    for _ in range(PER_MAILBOX):
        assert "error" not in (await join(fresh, "often@a.example")).headers["location"]
    assert "error=too_many" in (await join(fresh, "often@a.example")).headers["location"]
    for n in range(PER_ADDRESS - PER_MAILBOX):
        await join(fresh, f"guess{n}@a.example", invite=f"1000000{n}")
    assert "error=too_many" in (await join(fresh, "other@a.example")).headers["location"]


async def test_a_forgotten_password_ends_every_session(fresh: World) -> None:
    signed = await post(
        fresh, "/api/session/login", kind="agent", identifier="trader@a.example", password=PASSWORD
    )
    answer = await post(fresh, "/api/session/forgot", email="trader@a.example")
    stranger = await post(fresh, "/api/session/forgot", email="nobody@a.example")
    assert answer.headers["location"] == stranger.headers["location"] == "/sent?note=outbox"
    assert letters(fresh, "nobody@a.example") == []
    token = token_in(letters(fresh, "trader@a.example")[0])
    weak = await post(fresh, "/api/session/reset", token=token, password="12345678", again="12345678")
    assert "weak_password" in weak.headers["location"]
    done = await post(fresh, "/api/session/reset", token=token, password=STRONG, again=STRONG)
    assert done.headers["location"] == "/login?error=password_set"
    assert resolve_session(session_of(signed), fresh.db) is None
    assert "link_used" in (await post(fresh, "/api/session/reset", token=token, password=STRONG)).headers["location"]


def factor(world: World) -> tuple[str, list[str]]:
    """Two-factor switched on for the first agent: the secret and the recovery codes."""
    who = Principal("agent", world.a.user_id, world.a.tenant_id, "T", "trader@a.example", "agent", 0)
    offer = world.db.run(lambda s: second_factor.offer(s, who))
    # The step before: the present code stays free for the sign-in of the test.
    code = step_before(offer.secret)
    return offer.secret, world.db.run(lambda s: second_factor.confirm(s, who, code))


async def test_a_second_factor_is_asked_for_and_works_once(fresh: World) -> None:
    secret, recovery = factor(fresh)
    login = {"kind": "agent", "identifier": "trader@a.example", "password": PASSWORD}
    waiting = await post(fresh, "/api/session/login", next="/agent/bot", **login)
    assert waiting.headers["location"] == "/login/second?next=%2Fagent%2Fbot"
    jar = SimpleCookie(waiting.headers["set-cookie"])
    assert "sid" not in jar
    second = {"second": jar["second"].value}
    wrong = await post(fresh, "/api/session/second", second, code="000000")
    assert wrong.headers["location"].startswith("/login/second?error=wrong_code")
    code = pyotp.TOTP(secret).now()
    entered = await post(fresh, "/api/session/second", second, code=code, next="/agent/bot")
    assert entered.headers["location"] == "/agent/bot"
    jar = SimpleCookie((await post(fresh, "/api/session/login", **login)).headers["set-cookie"])
    second = {"second": jar["second"].value}
    repeat = await post(fresh, "/api/session/second", second, code=code)
    assert "wrong_code" in repeat.headers["location"], "a code seen over the shoulder works no second time"
    by_recovery = await post(fresh, "/api/session/second", second, code=recovery[0])
    assert by_recovery.headers["location"] == "/agent"
    jar = SimpleCookie((await post(fresh, "/api/session/login", **login)).headers["set-cookie"])
    used = await post(fresh, "/api/session/second", {"second": jar["second"].value}, code=recovery[0])
    assert "wrong_code" in used.headers["location"]


async def test_five_wrong_codes_end_the_wait(fresh: World) -> None:
    factor(fresh)
    login = {"kind": "agent", "identifier": "trader@a.example", "password": PASSWORD}
    jar = SimpleCookie((await post(fresh, "/api/session/login", **login)).headers["set-cookie"])
    second = {"second": jar["second"].value}
    for _ in range(5):
        await post(fresh, "/api/session/second", second, code="000000")
    ended = await post(fresh, "/api/session/second", second, code="000000")
    assert ended.headers["location"] == "/login?error=too_many_tries"


async def test_a_bearer_token_needs_the_code_too(fresh: World) -> None:
    secret, _ = factor(fresh)
    body = {"email": "trader@a.example", "password": PASSWORD}
    async with fresh.client() as client:
        without = await client.post("/api/auth/agent/login", json=body)
        assert (without.status_code, without.json()["code"]) == (401, "second_factor_needed"), without.text
        assert "secret" not in without.text
        with_code = await client.post("/api/auth/agent/login", json=body | {"code": pyotp.TOTP(secret).now()})
        assert with_code.status_code == 200


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_token_does_what_its_scope_says_and_ends_when_revoked(fresh: World) -> None:
    who = Principal("agent", fresh.a.user_id, fresh.a.tenant_id, "T", "trader@a.example", "agent", 0)
    reads = fresh.db.run(lambda s: personal.make_token(s, who, "sheet", "read", 30))
    writes = fresh.db.run(lambda s: personal.make_token(s, who, "robot", "read write", 30))
    async with fresh.client() as client:
        assert (await client.get("/api/auth/me", headers=bearer(reads))).json()["data"]["id"] == who.id
        refused = await client.put("/api/agent/notifications/read-all", headers=bearer(reads))
        assert (refused.status_code, refused.json()["code"]) == (403, "out_of_scope")
        assert (await client.put("/api/agent/notifications/read-all", headers=bearer(writes))).status_code == 200
        body = {"old_password": PASSWORD, "new_password": STRONG}
        changed = await client.post("/api/auth/change-password", json=body, headers=bearer(writes))
        assert changed.status_code == 403, "no program may change the password"
        # as a cookie the token opens nothing
        client.cookies.set("sid", writes)
        assert (await client.get("/api/auth/me")).status_code == 401
        device = next(d for d in fresh.db.run(lambda s: personal.devices(s, who)) if d.label == "sheet")
        other = Principal("agent", fresh.b.user_id, fresh.b.tenant_id, "B", "trader@b.example", "agent", 0)
        with pytest.raises(NotFound):
            fresh.db.run(lambda s: personal.end_device(s, other, device.id))
        fresh.db.run(lambda s: personal.end_device(s, who, device.id))
        assert (await client.get("/api/auth/me", headers=bearer(reads))).status_code == 401
