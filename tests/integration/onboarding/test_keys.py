"""A key is asked about at a real (simulated) exchange before it is kept; a dangerous one is refused and leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel import select

from backend.errors import InvalidInput, Unavailable
from backend.execution.credentials import account_tasks
from backend.identity.principal import Principal
from backend.models import AuditLog, Binding, Bot, ExchangeAccount, User
from backend.onboarding import asking, service
from backend.onboarding.rules import Check, judge_key, may_store
from backend.security.vault import get_vault
from backend.settings import Settings, get_settings
from tests.support.doors import World, make_world
from tests.support.paper import TOKEN, PaperServer


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperServer]:
    with PaperServer(tmp_path_factory.mktemp("paper")) as running:
        yield running


@pytest.fixture
def settings(paper: PaperServer, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, paper_url=paper.base_url, paper_token=SecretStr(TOKEN))


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("IRONBULL_MASTER_KEY", "m" * 40)  # as the world was sealed with
    get_settings.cache_clear()
    get_vault.cache_clear()
    yield make_world(tmp_path_factory.mktemp("world"))
    monkeypatch.undo()
    get_settings.cache_clear()
    get_vault.cache_clear()


def key(paper: PaperServer, name: str, **permissions: bool) -> tuple[str, str]:
    made = paper.control("POST", "/paper/accounts", {"name": name, "balance_usdt": "2000", "permissions": permissions})
    return made["api_key"], made["api_secret"]


async def judged(settings: Settings, api_key: str, secret: str, *, strict: bool = True) -> dict[str, Check]:
    facts = await asking.ask_about_key(settings, api_key, secret, mode="simulated")
    return {check.name: check for check in judge_key(facts, strict=strict)}


def me(world: World) -> Principal:
    return Principal("agent", world.a.user_id, world.a.tenant_id, "T", "trader@a.example", "agent", 0)


async def test_a_careful_key_passes_every_check(paper: PaperServer, settings: Settings) -> None:
    found = await judged(settings, *key(paper, "careful"))
    assert {name: check.state for name, check in found.items()} == dict.fromkeys(
        ("key", "reading", "futures", "withdrawals", "transfers", "addresses", "clock", "wallet", "mode", "margin", "test_order"),
        "pass",
    )
    assert found["wallet"].figures == {"balance": "2,000.00"}
    account = next(a for a in [paper.account("careful")])
    dump = paper.dump(account["account_id"])
    assert dump["orders"] == [] and dump["trades"] == [], "the test order must not trade"


@pytest.mark.parametrize(
    ("permissions", "name"),
    [
        ({"enableWithdrawals": True}, "withdrawals"),
        ({"permitsUniversalTransfer": True}, "transfers"),
        ({"enableInternalTransfer": True}, "transfers"),
        ({"enableReading": False}, "reading"),
        ({"enableFutures": False}, "futures"),
        ({"ipRestrict": False}, "addresses"),
        ({"multiAssetsMargin": True}, "margin"),
    ],
)
async def test_each_wrong_box_is_named(
    paper: PaperServer, settings: Settings, permissions: dict[str, bool], name: str
) -> None:
    found = await judged(settings, *key(paper, f"wrong-{sorted(permissions)}", **permissions))
    assert [check.name for check in found.values() if check.state == "fail"] == [name]
    assert found[name].code == name and found["test_order"].state == "skip"
    assert not may_store(list(found.values()))


async def test_an_open_address_is_only_warned_of_where_that_is_allowed(paper: PaperServer, settings: Settings) -> None:
    found = await judged(settings, *key(paper, "anywhere", ipRestrict=False), strict=False)
    assert found["addresses"].state == "warn" and may_store(list(found.values()))


async def test_wrong_keys_are_told_apart(paper: PaperServer, settings: Settings) -> None:
    good, _ = key(paper, "typo")
    assert (await judged(settings, good, "b" * 64))["key"].code == "secret_wrong"
    assert (await judged(settings, "a" * 64, "b" * 64))["key"].code == "key_invalid"
    assert (await judged(settings, "short", "b" * 64))["key"].code == "malformed"


async def test_an_exchange_that_is_away_is_said_so(tmp_path: Path) -> None:
    away = Settings(home=tmp_path, paper_url="http://127.0.0.1:9", paper_token=SecretStr(TOKEN))
    found = await judged(away, "a" * 64, "b" * 64)
    assert found["key"].code == "unreached" and not may_store(list(found.values()))
    with pytest.raises(Unavailable):
        await asking.open_paper_account(away, 1)


async def test_a_refused_key_leaves_no_trace_but_the_refusal(paper: PaperServer, settings: Settings, world: World) -> None:
    api_key, secret = key(paper, "greedy", enableWithdrawals=True)
    checks = list((await judged(settings, api_key, secret)).values())
    with world.db.reading() as session:
        before = [row.model_dump() for row in session.exec(select(ExchangeAccount)).all()]
    with pytest.raises(service.KeyRefused):
        world.db.run(lambda s: service.keep_key(s, me(world), api_key, secret, mode="simulated", checks=checks))
    world.db.run(lambda s: service.note_refusal(s, me(world), checks))
    with world.db.reading() as session:
        assert [row.model_dump() for row in session.exec(select(ExchangeAccount)).all()] == before
        noted = session.exec(select(AuditLog).where(AuditLog.action == "exchange_account.refused")).one()
        assert noted.detail == {"failed": ["withdrawals"]} and api_key not in str(noted)


async def newcomer(world: World) -> Principal:
    from backend.identity.service import create_user

    def make(session):
        return create_user(session, world.a.tenant_id, "new@a.example", "umbrella ferry quartz").id

    return Principal("agent", world.db.run(make), world.a.tenant_id, "N", "new@a.example", "agent", 0)


async def test_from_nothing_to_a_paper_account_with_strategies(paper: PaperServer, settings: Settings, world: World) -> None:
    who = await newcomer(world)
    account_id = world.db.run(lambda s: service.reserve_paper(s, who))
    keys = await asking.open_paper_account(settings, account_id)
    world.db.run(lambda s: service.keep_paper(s, who, account_id, *keys))
    with world.db.reading() as session:
        wanted = [strategy.id for strategy in service.offered(session, who)][:1]
        assert service.progress(session, who)["step"] == "limits"
    world.db.run(lambda s: service.choose(s, who, wanted, {"max_positions": 4, "max_position_usdt": "250"}))
    with world.db.reading() as session:
        account = session.get(ExchangeAccount, account_id)
        assert account is not None and (account.mode, account.status) == ("simulated", 1)
        assert keys[0].encode() not in account.credentials_sealed
        binding = session.exec(select(Binding).where(Binding.user_id == who.id)).one()
        assert (binding.account_id, binding.status) == (account_id, 1)
        bot = session.exec(select(Bot).where(Bot.user_id == who.id)).one()
        assert bot.config["max_positions"] == 4
        assert service.progress(session, who)["step"] == "start"


async def test_a_new_key_stops_the_bot_and_live_needs_a_word(paper: PaperServer, settings: Settings, world: World) -> None:
    who = await newcomer(world)
    api_key, secret = key(paper, "owned")
    checks = list((await judged(settings, api_key, secret)).values())

    def running(session):
        user = session.get(User, who.id)
        session.add(Bot(tenant_id=user.tenant_id, user_id=who.id, desired="running"))

    world.db.run(running)
    world.db.run(lambda s: service.keep_key(s, who, api_key, secret, mode="live", checks=checks))
    with world.db.reading() as session:
        assert session.exec(select(Bot).where(Bot.user_id == who.id)).one().desired == "stopped"
    with pytest.raises(service.TooEarlyForLive):
        world.db.run(lambda s: service.start(s, who, paper_days=7))


async def test_another_exchange_takes_the_accounts_place(world: World) -> None:
    who, fine = await newcomer(world), [Check("key", "pass")]
    before = world.db.run(lambda s: service.keep_key(s, who, "k" * 64, "s" * 64, mode="live", checks=fine))
    with pytest.raises(service.AccountInUse):  # a position is open there
        world.db.run(
            lambda s: service.keep_key(s, me(world), "k" * 30, "s" * 30, mode="live", checks=fine, exchange="bybit")
        )
    world.db.run(lambda s: service.go_to(s, who, "key", "live", "okx"))
    with pytest.raises(InvalidInput):
        world.db.run(lambda s: service.go_to(s, who, "key", "live", "mtgox"))
    made = world.db.run(
        lambda s: service.keep_key(s, who, "k" * 30, "s" * 30, mode="live", checks=fine, exchange="okx", passphrase="four words")
    )
    account = world.db.run(lambda s: service.account_of(s, who.id))
    assert account is not None
    assert (made, account.exchange, account.mode, account.status) == (before, "okx", "live", 1)
    task = world.db.run(lambda s: account_tasks(s, {made}))[made]
    assert (task["exchange"], task["passphrase"], task["sandbox"], task["base_url"]) == ("okx", "four words", False, "")
    assert world.db.run(lambda s: service.progress(s, who))["exchange"] == "okx"


def test_what_a_venue_does_not_tell_is_no_failure_and_no_pass() -> None:
    lost = {"error_code": "NOT_OFFERED", "error": "", "venue_code": None}
    facts = {
        "restrictions": lost, "clock": {"skew_ms": 3}, "account": {"can_trade": True, "balance": "10"},
        "position_mode": {"hedge": False}, "multi_assets": {"on": False}, "test_order": lost,
    }  # fmt: skip
    found = {check.name: (check.state, check.code) for check in judge_key(facts, strict=True)}
    assert found["key"] == ("warn", "untold") and found["test_order"] == ("skip", "no_test")
    assert found["withdrawals"] == ("skip", "") and found["wallet"] == ("pass", "")
    partly = dict.fromkeys(("ipRestrict", "enableReading", "enableFutures"), True) | {"enableWithdrawals": None}
    found = {check.name: (check.state, check.code) for check in judge_key(facts | {"restrictions": partly}, strict=True)}
    assert found["withdrawals"] == ("warn", "untold")
    assert may_store(judge_key(facts, strict=True))
