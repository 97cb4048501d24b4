"""Messages to merchants over real HTTP, verified by the specification's own library."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import Session, select

from backend.clock import utcnow
from backend.errors import InvalidInput, NotFound
from backend.identity.principal import Principal
from backend.ledger.statements import Wire
from backend.models import Notification, WebhookDelivery, WebhookEndpoint
from backend.security.addresses import PrivateAddress, PublicResolver
from backend.security.vault import Vault
from backend.settings import get_settings
from backend.webhooks import service
from backend.webhooks.delivery import Deliverer
from backend.webhooks.events import subscribers, tell
from backend.webhooks.rules import EventType
from tests.support.doors import World, make_world
from tests.support.receiver import Receiver

QUICK = (timedelta(0),) * 3
ALL = ("trade.closed", "point_card.low", "reward.paid", "withdrawal.changed", "binding.stopped")


@pytest.fixture(autouse=True)
def private_addresses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The receivers of these tests listen on this machine."""
    monkeypatch.setenv("IRONBULL_WEBHOOK_ALLOW_PRIVATE", "1")
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.db.dispose()


def vault_of(world: World) -> Vault:
    return Vault(world.settings.master_key.get_secret_value())


def merchant(world: World, which: str = "a") -> Principal:
    owned = world.a if which == "a" else world.b
    return Principal(
        "tenant", owned.tenant_id, owned.tenant_id, name="Shop", email=owned.tenant_email, role="", session_id=0
    )


def deliverer(world: World, **changes: object) -> Deliverer:
    options: dict[str, object] = {"allow_private": True, "vault": vault_of(world), "delays": QUICK, "timeout_s": 2.0}
    return Deliverer(world.db, **{**options, **changes})


def endpoint(world: World, url: str, which: str = "a") -> service.NewEndpoint:
    who = merchant(world, which)
    return world.db.run(lambda s: service.create_endpoint(s, who, url, ALL, vault=vault_of(world)))


def event(world: World, number: int = 1, which: str = "a") -> None:
    tenant_id = (world.a if which == "a" else world.b).tenant_id

    def work(session: Session) -> None:
        wire = Wire(session)
        to = subscribers(wire, tenant_id)
        tell(
            wire, tenant_id, EventType.TRADE_CLOSED, reference=f"position:{number}", data={"position_id": number}, to=to
        )

    world.db.run(work)


def rows(world: World) -> list[WebhookDelivery]:
    with world.db.reading() as session:
        return list(session.exec(select(WebhookDelivery).order_by(WebhookDelivery.id)).all())


async def rounds(sender: Deliverer, count: int) -> None:
    for _ in range(count):
        await sender.run()
        await sender.settle()


async def test_a_message_arrives_signed_and_once(world: World) -> None:
    async with Receiver() as shop:
        shop.secret = endpoint(world, shop.url).secret
        event(world)
        sender = deliverer(world)
        await rounds(sender, 3)
        await sender.close()
    assert [one["data"] for one in shop.got] == [{"position_id": 1}]
    assert shop.got[0]["type"] == "trade.closed"
    assert [(row.status, row.attempts, row.http_status) for row in rows(world)] == [("DELIVERED", 1, 200)]


async def test_failures_are_tried_again_with_the_same_id_then_given_up(world: World) -> None:
    async with Receiver(answers=[500, 503, 429, 500]) as shop:
        shop.secret = endpoint(world, shop.url).secret
        event(world)
        sender = deliverer(world)
        await rounds(sender, 6)
        (row,) = rows(world)
        assert (row.status, row.attempts, row.error) == ("DEAD", 4, "answered 500")
        assert len(set(shop.ids)) == 1
        with world.db.reading() as session:
            note = session.exec(select(Notification).where(Notification.audience == "tenant")).all()[-1]
        assert (note.tenant_id, note.title) == (world.a.tenant_id, "A webhook was given up")
        # The merchant's server is well again: the message is sent once more, the same one.
        world.db.run(lambda s: service.replay(s, merchant(world), row.id or 0))
        await rounds(sender, 2)
        await sender.close()
    assert rows(world)[0].status == "DELIVERED"
    assert shop.times == {row.message_id: 5}


async def test_a_redirect_is_not_followed_and_a_gone_endpoint_is_switched_off(world: World) -> None:
    async with Receiver(answers=[302, 410]) as shop:
        shop.secret = endpoint(world, shop.url).secret
        event(world)
        sender = deliverer(world)
        await rounds(sender, 1)
        assert rows(world)[0].error == "a redirect is not followed"
        assert len(shop.ids) == 1
        await rounds(sender, 3)
        event(world, 2)
        await rounds(sender, 2)
        await sender.close()
    with world.db.reading() as session:
        row = session.exec(select(WebhookEndpoint)).one()
    assert (row.status, row.stopped_why) == (0, "It answered 410 Gone.")
    assert len(rows(world)) == 1, "an endpoint that is off is told nothing"


async def test_a_secret_that_cannot_be_opened_stops_nobody_else(world: World) -> None:
    async with Receiver() as one, Receiver() as other:
        endpoint(world, one.url)
        other.secret = endpoint(world, other.url, "b").secret

        def spoil(session: Session) -> None:
            row = session.exec(select(WebhookEndpoint).where(WebhookEndpoint.tenant_id == world.a.tenant_id)).one()
            row.secret_sealed = Vault("another master key of some length").seal_platform(service.record_of(row), "whsec_AAAA")
            session.add(row)

        world.db.run(spoil)
        event(world)
        event(world, 2, "b")
        sender = deliverer(world)
        await rounds(sender, 2)
        await sender.close()
    assert {row.tenant_id: row.status for row in rows(world)}[world.b.tenant_id] == "DELIVERED"
    (sealed,) = [row for row in rows(world) if row.tenant_id == world.a.tenant_id]
    assert sealed.error == "the secret cannot be opened" and sealed.attempts > 0 and not one.got


async def test_a_slow_endpoint_delays_only_itself(world: World) -> None:
    async with Receiver(delay_s=1.5) as slow, Receiver() as quick:
        slow.secret = endpoint(world, slow.url).secret
        quick.secret = endpoint(world, quick.url, "b").secret
        for number in range(20):
            event(world, number)
        event(world, 99, "b")
        sender = deliverer(world)
        await sender.run()
        while not quick.got:
            await sender.run()
            await asyncio.sleep(0.01)
        assert not [row for row in rows(world) if row.status == "DELIVERED" and row.tenant_id == world.a.tenant_id]
        await sender.close()
    assert len(slow.ids) <= 4, "one endpoint has few places"


async def test_killed_between_sending_and_writing_it_is_sent_again(world: World) -> None:
    async with Receiver(delay_s=0.3) as shop:
        shop.secret = endpoint(world, shop.url).secret
        event(world)
        first = deliverer(world)
        await first.run()
        await shop.first.wait()
        await first.close()
        assert rows(world)[0].status == "PENDING"
        shop.delay_s = 0
        second = deliverer(world)
        await rounds(second, 2)
        await second.close()
    assert rows(world)[0].status == "DELIVERED"
    assert set(shop.times.values()) == {2}


async def test_both_secrets_sign_for_a_day_after_a_rotation(world: World) -> None:
    async with Receiver() as shop:
        made = endpoint(world, shop.url)
        number = made.endpoint.id or 0
        new = world.db.run(lambda s: service.rotate_secret(s, merchant(world), number, vault=vault_of(world)))
        sender = deliverer(world)
        for turn, secret in enumerate((made.secret, new.secret)):
            shop.secret = secret
            event(world, turn)
            await rounds(sender, 1)
        assert (len(shop.got), shop.refused) == (2, [])

        def later(session: Session) -> None:
            row = session.get(WebhookEndpoint, number)
            assert row is not None
            row.old_until = utcnow() - timedelta(seconds=1)
            session.add(row)

        world.db.run(later)
        shop.secret = made.secret
        event(world, 7)
        await rounds(sender, 1)
        await sender.close()
    assert len(shop.refused) == 1


async def test_private_addresses_are_never_called(world: World) -> None:
    async with Receiver() as shop:
        port = shop.url.split(":")[2].split("/")[0]
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", socket.gethostname()):
            endpoint(world, f"http://{host}:{port}/hook")
        event(world)
        sender = deliverer(world, allow_private=False)
        await rounds(sender, 1)
        await sender.close()
    assert {row.error for row in rows(world)} == {"the address is not public"}
    assert not shop.ids
    assert not shop.refused


async def test_the_resolver_refuses_a_name_that_leads_home(world: World) -> None:
    with pytest.raises(PrivateAddress):
        await PublicResolver().resolve("localhost", 443)


def test_another_merchant_sees_and_changes_nothing(world: World) -> None:
    made = endpoint(world, "http://127.0.0.1:9/hook")
    number, other = made.endpoint.id or 0, merchant(world, "b")
    event(world)
    delivery = rows(world)[0].id or 0
    for verb in (
        lambda s: service.change_endpoint(s, other, number, on=False),
        lambda s: service.rotate_secret(s, other, number),
        lambda s: service.remove_endpoint(s, other, number),
        lambda s: service.send_test(s, other, number),
        lambda s: service.replay(s, other, delivery),
    ):
        with pytest.raises(NotFound):
            world.db.run(verb)


def test_what_cannot_be_an_endpoint(world: World) -> None:
    who = merchant(world)
    with pytest.raises(InvalidInput):
        world.db.run(lambda s: service.create_endpoint(s, who, "http://127.0.0.1/x", ("trade.opened",)))
    with pytest.raises(InvalidInput):
        world.db.run(lambda s: service.create_endpoint(s, who, "http://127.0.0.1/x", ()))
    with pytest.raises(InvalidInput):
        world.db.run(lambda s: service.create_endpoint(s, who, "http://127.0.0.1/x", ALL, Decimal(-1)))
    for _ in range(10):
        endpoint(world, "http://127.0.0.1:9/hook")
    with pytest.raises(service.TooManyEndpoints):
        endpoint(world, "http://127.0.0.1:9/hook")
