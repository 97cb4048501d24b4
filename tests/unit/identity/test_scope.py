import pytest
from sqlmodel import SQLModel, select

from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.models import (
    AuditLog,
    Binding,
    Bot,
    EquitySnapshot,
    ExchangeAccount,
    ExecutionNode,
    Fill,
    LedgerAccount,
    LedgerTransaction,
    Notification,
    Order,
    Position,
    ScanPanel,
    Strategy,
    Tenant,
    TenantStrategy,
    User,
)
from tests.support.doors import World, make_world

OWNED = [Order, Fill, Position, Bot, Binding, ExchangeAccount, Notification, ScanPanel, EquitySnapshot, User]
TENANT_ONLY = [LedgerAccount, LedgerTransaction, TenantStrategy, Tenant, AuditLog]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("scope"))


def person(world: World, kind: str) -> Principal:
    number = {"admin": 1, "tenant": world.a.tenant_id, "agent": world.a.user_id}[kind]
    tenant = None if kind == "admin" else world.a.tenant_id
    return Principal(kind, number, tenant, "", "", kind, 1)


def owners(world: World, who: Principal | int, model: type[SQLModel], shared: bool = False) -> set[int]:
    column = Tenant.id if model is Tenant else model.tenant_id
    with world.db.reading() as session:
        return {row for row in session.exec(scoped(select(column), who, model, shared)).all() if row is not None}


@pytest.mark.parametrize("model", [*OWNED, *TENANT_ONLY])
def test_everyone_sees_only_what_is_theirs(world: World, model: type[SQLModel]) -> None:
    both = {world.a.tenant_id, world.b.tenant_id}
    if model is not AuditLog:
        assert owners(world, person(world, "admin"), model) == both
        assert owners(world, world.b.tenant_id, model) == {world.b.tenant_id}
    assert owners(world, person(world, "tenant"), model) <= {world.a.tenant_id}
    if model in OWNED:
        assert owners(world, person(world, "agent"), model) == {world.a.tenant_id}


@pytest.mark.parametrize("model", [LedgerAccount, TenantStrategy, AuditLog, Tenant])
def test_tables_without_an_owner_are_closed_to_agents(world: World, model: type[SQLModel]) -> None:
    with pytest.raises(TypeError):
        owners(world, person(world, "agent"), model)
    assert owners(world, person(world, "agent"), model, shared=True) <= {world.a.tenant_id}


@pytest.mark.parametrize("model", [Strategy, ExecutionNode])
def test_tables_of_the_platform_need_their_own_rule(world: World, model: type[SQLModel]) -> None:
    for kind in ("tenant", "agent"):
        with pytest.raises(TypeError):
            scoped(select(model), person(world, kind), model)


def test_an_agent_does_not_see_the_root_user(world: World) -> None:
    with world.db.reading() as session:
        found = session.exec(scoped(select(User.id), person(world, "agent"), User)).all()
    assert found == [world.a.user_id]


def test_a_principal_without_a_tenant_sees_nothing(world: World) -> None:
    assert owners(world, Principal("tenant", 1, None, "", "", "tenant", 1), Order) == set()


def test_missing_and_foreign_look_the_same(world: World) -> None:
    with world.db.reading() as session:
        texts = set()
        for number in (world.b.order_pk, 999_999):
            with pytest.raises(NotFound) as caught:
                get_scoped(session, person(world, "tenant"), Order, number)
            texts.add(caught.value.message)
        assert len(texts) == 1
        assert get_scoped(session, person(world, "tenant"), Order, world.a.order_pk).tenant_id == world.a.tenant_id
