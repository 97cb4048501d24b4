"""What users and teams hold, as kept by the transactions that change it, against the plain sums."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from backend.billing import standing
from backend.billing.rules import ZERO, Member, distribute, level_for
from backend.billing.tree import NEAR, chain_above, chains_above
from backend.db import Database
from backend.ledger.statements import Wire
from backend.models import ExchangeAccount, MemberStanding, User, UserAncestor
from tests.support.at_once import all_at_once
from tests.support.faults import times
from tests.support.money import add_account, add_tenant, add_user

AMOUNTS = st.sampled_from(["0", "0.000000000000000001", "999.99", "1000", "9000.01", "15000", "600000"])


def kept(session: Session) -> dict[int, tuple[Decimal, Decimal, int]]:
    """What is stored of those who hold anything or have a team that does."""
    rows = session.exec(select(MemberStanding)).all()
    found = {row.user_id: (row.self_hold, row.team_hold, row.level) for row in rows}
    return {user_id: row for user_id, row in found.items() if row != (0, 0, 0)}


def plain(session: Session) -> dict[int, tuple[Decimal, Decimal, int]]:
    """The same, added up here."""
    held: dict[int, Decimal] = {}
    for account in session.exec(select(ExchangeAccount).where(ExchangeAccount.status == 1)).all():
        held[account.user_id] = held.get(account.user_id, ZERO) + account.futures_balance
    below: dict[int, Decimal] = {}
    for row in session.exec(select(UserAncestor)).all():
        below[row.ancestor_id] = below.get(row.ancestor_id, ZERO) + held.get(row.descendant_id, ZERO)
    rows = {one: (held.get(one, ZERO), below.get(one, ZERO)) for one in {*held, *below}}
    return {one: (*row, level_for(*row)) for one, row in rows.items() if row != (0, 0)}


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["join", "account", "balance", "switch"]), st.integers(0, 100), AMOUNTS), max_size=25
    )
)
@settings(max_examples=times(20, 2_000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_kept_equals_recomputed_whatever_happens(sqlite_database: Database, steps: list[tuple[str, int, str]]) -> None:
    with sqlite_database.transaction() as session:
        tenant = add_tenant(session)
        users, accounts = [add_user(session, tenant)], []
        for what, number, amount in steps:
            user = users[number % len(users)]
            if what == "join":
                users.append(add_user(session, tenant, user, node=number % 2 == 0))
            elif what == "account" or not accounts:
                accounts.append(add_account(session, user, amount))
            else:
                account = accounts[number % len(accounts)]
                if what == "balance":
                    account.futures_balance = Decimal(amount)
                else:
                    account.status = 1 - account.status
                session.add(account)
                standing.update(session, [account.user_id])
        assert standing.differing(Wire(session)) == []
        assert kept(session) == plain(session)


def test_what_was_written_past_it_is_found_and_mended(database: Database) -> None:
    with database.transaction() as session:
        tenant = add_tenant(session)
        top = add_user(session, tenant, hold="1000")
        below = add_user(session, tenant, top, hold="9999")
        account = session.exec(select(ExchangeAccount).where(ExchangeAccount.user_id == below.id)).one()
        account.futures_balance = Decimal(10_000)
        session.flush()
        assert standing.differing(Wire(session)) == standing.correct(session) == [top.id, below.id]
        assert standing.differing(Wire(session)) == standing.correct(session) == []
        assert kept(session) == plain(session) and kept(session)[top.id or 0][2] == 1


def test_eight_at_once_lose_no_change(database: Database) -> None:
    """Accounts of one line change at the same time; everybody above gets the sum of all changes."""
    with database.transaction() as session:
        tenant = add_tenant(session)
        line = [add_user(session, tenant)]
        for _ in range(7):
            line.append(add_user(session, tenant, line[-1]))
        ids = [add_account(session, user, "1").id for user in line]

    def work(account_id: int | None) -> None:
        for _ in range(5):

            def step(session: Session) -> None:
                account = session.exec(
                    select(ExchangeAccount).where(ExchangeAccount.id == account_id).with_for_update()
                ).one()
                account.futures_balance += Decimal("0.1")
                session.add(account)
                standing.update(session, [account.user_id])

            database.run(step)

    all_at_once(*(partial(work, one) for one in ids))
    with database.reading() as session:
        assert kept(session) == plain(session)
        assert kept(session)[line[0].id or 0][:2] == (Decimal("1.5"), Decimal("10.5"))


def test_a_deep_line_is_shared_as_if_all_were_read(database: Database) -> None:
    """Beyond ``NEAR`` only those are read who can be paid: the shares are those of the whole line."""
    holds = {3: "1500", NEAR + 2: "60000", NEAR + 5: "999", NEAR + 9: "1000", NEAR + 12: "500000"}
    with database.transaction() as session:
        tenant = add_tenant(session)
        line: list[User] = []
        for number in range(NEAR + 15):
            far = NEAR + 15 - number
            above = line[-1] if line else None
            line.append(add_user(session, tenant, above, node=far in holds, hold=holds.get(far, "")))
        rich = add_user(session, tenant, line[-1], hold="2000")
        poor = add_user(session, tenant, line[-1])
        lone = add_user(session, tenant)
    with database.reading() as session:
        wire, stored = Wire(session), kept(session)
        found = chains_above(wire, [rich.id, poor.id, lone.id, 10**9])
        assert set(found) == {rich.id, poor.id, lone.id}
        for user in (rich, poor, lone):
            rows = session.exec(
                select(UserAncestor, User)
                .join(User, col(User.id) == UserAncestor.ancestor_id)
                .where(UserAncestor.descendant_id == user.id)
                .order_by(col(UserAncestor.depth))
            ).all()
            path = [
                Member(one.id, stored.get(one.id, (ZERO, ZERO, 0))[2], one.is_market_node, stored.get(one.id, (ZERO, ZERO, 0))[0])
                for _, one in rows
            ]
            whole = distribute(
                Decimal(100), root_id=1, source_level=stored.get(user.id, (ZERO, ZERO, 0))[2],
                inviter=path[0] if path else None, path=path,
            )  # fmt: skip
            for chain in (found[user.id], chain_above(wire, user.id)):
                read = distribute(
                    Decimal(100), root_id=1, source_level=chain.source_level, inviter=chain.inviter, path=chain.path
                )
                assert read == whole
        assert found[lone.id].path == () and found[lone.id].inviter is None
        assert len(found[poor.id].path) < NEAR + 10
