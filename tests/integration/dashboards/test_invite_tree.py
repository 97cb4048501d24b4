"""The invite tree a branch at a time, on both databases, and never another merchant's."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from backend.dashboards import invite_tree
from backend.db import Database
from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.models import Tenant, User
from tests.support.money import add_tenant, add_user


@pytest.fixture
def world(database: Database) -> dict[str, int]:
    """Root -> Ann -> 130 people; the 125th invited Zoe. A second merchant with one user."""
    made: dict[str, int] = {}

    def build(session: Session) -> None:
        tenant, other = add_tenant(session), add_tenant(session)
        root = session.get(User, tenant.root_user_id)
        ann = add_user(session, tenant, root, node=True, hold="500", name="Ann")
        many = [add_user(session, tenant, ann, hold="10") for _ in range(130)]
        zoe = add_user(session, tenant, many[124], name="Zoe%", hold="7")
        made.update(
            tenant=tenant.id, root=root.id, ann=ann.id, late=many[124].id, zoe=zoe.id, other=other.id, theirs=other.root_user_id
        )

    database.run(build)
    return made


def who(session: Session, tenant_id: int) -> Principal:
    assert session.get(Tenant, tenant_id) is not None
    return Principal("tenant", tenant_id, tenant_id, "Shop", "", "", 0)


def test_branches_and_figures(database: Database, world: dict[str, int]) -> None:
    with database.reading() as session:
        me = who(session, world["tenant"])
        assert invite_tree.summary(session, me) == {"members": 132, "direct": 1, "depth": 3, "nodes": 1}
        (top,) = invite_tree.roots(session, me)
        assert (top["id"], top["root"], top["invited"], top["below"]) == (world["root"], True, 1, 132)
        assert top["team"] == 500 + 1300 + 7
        first = invite_tree.branch(session, me, world["ann"])
        rest = invite_tree.branch(session, me, world["ann"], first[-1]["id"])
        assert (len(first), len(rest)) == (100, 30)
        assert invite_tree.person(session, me, world["zoe"])["inviter"].startswith("u")


def test_a_search_gives_the_way_down(database: Database, world: dict[str, int]) -> None:
    with database.reading() as session:
        me = who(session, world["tenant"])
        line = [world["root"], world["ann"], world["late"], world["zoe"]]
        assert invite_tree.lines_to(session, me, "zoe") == [line]
        assert line in invite_tree.lines_to(session, me, str(world["zoe"])), "by number, beside names that hold it"
        assert invite_tree.lines_to(session, me, "%") == [line], "a percent sign is a letter"
        assert invite_tree.lines_to(session, me, "nobody") == []
        assert invite_tree.lines_to(session, me, " ") == []


def test_another_merchants_people_are_not_there(database: Database, world: dict[str, int]) -> None:
    with database.reading() as session:
        me = who(session, world["other"])
        assert [row["id"] for row in invite_tree.roots(session, me)] == [world["theirs"]]
        assert invite_tree.lines_to(session, me, "zoe") == []
        for number in (world["ann"], world["zoe"], 10**9):
            with pytest.raises(NotFound):
                invite_tree.branch(session, me, number)
            with pytest.raises(NotFound):
                invite_tree.person(session, me, number)
