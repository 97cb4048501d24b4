from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import Session, select

from backend.billing.cards import transfer_points
from backend.bots import queries, service
from backend.bots.rules import BadBotConfig
from backend.bots.service import BotCannotStart
from backend.clock import utcnow
from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.identity.service import create_user
from backend.models import (
    AuditLog,
    Binding,
    Bot,
    ExchangeAccount,
    Scan,
    ScanPanel,
    Strategy,
    Tenant,
    TenantStrategy,
    User,
)
from tests.support.doors import PASSWORD, World, make_settings, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def agent(world: World, user_id: int | None = None) -> Principal:
    return Principal("agent", user_id or world.a.user_id, world.a.tenant_id, "", "", "agent", 1)


def user(session: Session, world: World) -> User:
    found = session.get(User, world.a.user_id)
    assert found is not None
    return found


def test_start_and_stop_are_idempotent_and_on_record(world: World) -> None:
    who = agent(world)
    for act, desired in ((service.start, "running"), (service.start, "running"), (service.stop, "stopped"), (service.stop, "stopped")):
        bot = world.db.run(lambda session, act=act: act(session, who, who.id))
        assert bot.desired == desired
    with world.db.reading() as session:
        actions = [a for a in session.exec(select(AuditLog.action)).all() if a.startswith("bot.")]
    assert actions == ["bot.start", "bot.stop"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("user", "Your account is disabled"),
        ("tenant", "provider's account is disabled"),
        ("account", "No exchange account"),
        ("binding", "No strategy is switched on"),
        ("strategy", "No strategy is switched on"),
        ("instance", "No strategy is switched on"),
        ("cards", "point cards are used up"),
    ],
)
def test_what_keeps_a_bot_from_starting_is_said(world: World, damage: str, words: str) -> None:
    with world.db.transaction() as session:
        models = {"user": User, "tenant": Tenant, "account": ExchangeAccount, "binding": Binding, "strategy": Strategy}
        if damage == "cards":
            friend = create_user(session, world.a.tenant_id, "f@a.example", PASSWORD, user(session, world).invite_code)
            session.flush()
            transfer_points(
                session, "t", tenant_id=world.a.tenant_id, from_user_id=world.a.user_id, to_user_id=friend.id or 0, card=1,
                amount=Decimal(20),
            )  # fmt: skip
        elif damage == "instance":
            row = session.exec(select(TenantStrategy).where(TenantStrategy.tenant_id == world.a.tenant_id)).one()
            row.status = 0
            session.add(row)
        else:
            ids = {"user": world.a.user_id, "tenant": world.a.tenant_id, "account": world.a.account_id,
                   "binding": world.a.binding_id, "strategy": 1}  # fmt: skip
            found = session.get(models[damage], ids[damage])
            assert found is not None
            found.status = 0
            session.add(found)
    who = agent(world)
    with pytest.raises(BotCannotStart, match=words):
        world.db.run(lambda session: service.start(session, who, who.id))
    with world.db.reading() as session:
        assert session.exec(select(Bot.desired).where(Bot.user_id == who.id)).one() == "stopped"
        said = queries.status(session, user(session, world), world.settings)
        assert said["can_start"] is False and words in " ".join(said["obstacles"])


def test_nobody_moves_another_persons_bot(world: World) -> None:
    strangers = [agent(world), Principal("tenant", world.a.tenant_id, world.a.tenant_id, "", "", "tenant", 1)]
    for who in strangers:
        for act in (service.start, service.stop):
            with pytest.raises(NotFound):
                world.db.run(lambda session, act=act, who=who: act(session, who, world.b.user_id))
        with pytest.raises(NotFound):
            world.db.run(lambda session, who=who: service.configure(session, who, world.b.user_id, {"min_score": 1}))
    admin = Principal("admin", 1, None, "", "", "owner", 1)
    assert world.db.run(lambda session: service.start(session, admin, world.b.user_id)).desired == "running"
    with pytest.raises(NotFound):
        world.db.run(lambda session: service.start(session, admin, world.b.root_id))


def test_settings_are_checked_and_counted(world: World) -> None:
    who = agent(world)
    bot = world.db.run(lambda session: service.configure(session, who, who.id, {"min_score": 75, "skip_list": ["btc/usdt"]}))
    assert (bot.config["min_score"], bot.config["skip_list"], bot.config_version) == (75, ["BTC/USDT"], 2)
    for bad in ({"min_score": 101}, {"no_such": 1}, {"trailing_start_roi": None}, {"skip_list": "BTC/USDT"}):
        with pytest.raises(BadBotConfig):
            world.db.run(lambda session, bad=bad: service.configure(session, who, who.id, bad))
    with world.db.reading() as session:
        assert session.exec(select(Bot.config_version).where(Bot.user_id == who.id)).one() == 2


def test_the_panel_is_the_documented_one(world: World) -> None:
    with world.db.reading() as session:
        panel = queries.panel(session, user(session, world), world.settings)
    assert (panel["signals_analyzed"], panel["signals_passed"], panel["positions_opened_this_scan"]) == (3, 1, 1)
    assert panel["signals_filtered"] == [
        {"symbol": "MARKA/USDT", "score": 66, "direction": "LONG", "reason": "long minimum"}
    ]
    assert 0 < panel["next_scan_in"] <= panel["scan_interval_s"] == 10


def test_the_panel_shows_the_last_scan_and_its_ten_best_refusals(world: World) -> None:
    rows = [{"symbol": f"S{n:02}/USDT", "direction": "LONG", "score": n, "passed": False, "reason": "cooldown"} for n in range(30)]
    silent = {"symbol": "Q/USDT", "direction": "", "score": 99, "passed": False, "reason": "warming up"}
    with world.db.transaction() as session:
        scan = Scan(strategy_id=1, timeframe="1h", bar_open_ms=7_200_000)
        session.add(scan)
        session.flush()
        session.add(
            ScanPanel(
                tenant_id=world.a.tenant_id, user_id=world.a.user_id, binding_id=world.a.binding_id, scan_id=scan.id or 0,
                strategy_code="composite", analyzed=31, passed=0, decisions=[*rows, silent],
            )
        )  # fmt: skip
    with world.db.reading() as session:
        panel = queries.panel(session, user(session, world), world.settings)
    assert panel["signals_analyzed"] == 31
    assert [row["score"] for row in panel["signals_filtered"]] == list(range(29, 19, -1))
    assert len(panel["rows"]) == 31


def test_the_countdown_is_derived_when_it_is_read(world: World) -> None:
    last = utcnow()
    interval = timedelta(seconds=60)
    assert queries.next_scan_in(last, interval, last) == 60
    assert queries.next_scan_in(last, interval, last + timedelta(seconds=45)) == 15
    assert queries.next_scan_in(last, interval, last + timedelta(seconds=61)) == 0
    assert queries.next_scan_in(None, interval) is None
    simulated = make_settings(world.settings.home, market="simulated", market_speed=360)
    live = make_settings(world.settings.home, market="exchange:binanceusdm", market_speed=360)
    assert queries.wall_interval(simulated, "1h") == timedelta(seconds=10)
    assert queries.wall_interval(live, "15m") == timedelta(minutes=15)


def test_reading_the_status_writes_nothing(world: World) -> None:
    with world.db.transaction() as session:
        fresh = create_user(session, world.a.tenant_id, "new@a.example", PASSWORD)
    with world.db.reading() as session:
        said = queries.status(session, fresh, world.settings)
        assert (said["status"], said["can_start"]) == ("stopped", False)
        assert not session.new and not session.dirty
        assert session.exec(select(Bot.id).where(Bot.user_id == fresh.id)).first() is None
