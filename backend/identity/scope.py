"""The one place that knows which rows a signed-in person may see. Every query on tenant data goes through it."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import false
from sqlmodel import Session, SQLModel, select

from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.models import Tenant, User
from backend.models.tables import table_of

Row = TypeVar("Row", bound=SQLModel)


def scoped(statement: Any, who: Principal | int, model: type[SQLModel], shared: bool = False) -> Any:
    """``statement`` restricted to the rows of ``model`` that ``who`` may see.

    ``who`` is a principal or a tenant id. Admins see everything, a tenant its own rows, an agent its own rows.
    A model without a ``user_id`` is closed to agents unless ``shared`` says that it belongs to the whole tenant.
    Raises ``TypeError`` for a model that belongs to no tenant: such a table needs its own rule.
    """
    if isinstance(who, int):
        return statement.where(_tenant_column(model) == who)
    if who.kind == "admin":
        return statement
    if who.tenant_id is None:
        return statement.where(false())
    statement = statement.where(_tenant_column(model) == who.tenant_id)
    if who.kind == "tenant" or shared:
        return statement
    if model is User:
        return statement.where(User.id == who.id)
    owner = getattr(model, "user_id", None)
    if owner is None:
        raise TypeError(f"{model.__name__} has no owner column: agents may not read it")
    return statement.where(owner == who.id)


def get_scoped(session: Session, who: Principal | int, model: type[Row], row_id: int, lock: bool = False) -> Row:
    """One row by id. Raises the same ``NotFound`` for a row that is missing and one that is not theirs."""
    statement = scoped(select(model).where(table_of(model).c.id == row_id), who, model)
    if lock:
        statement = statement.with_for_update()
    row: Row | None = session.exec(statement).first()
    if row is None:
        raise NotFound
    return row


def _tenant_column(model: type[SQLModel]) -> Any:
    if model is Tenant:
        return Tenant.id
    column = getattr(model, "tenant_id", None)
    if column is None:
        raise TypeError(f"{model.__name__} belongs to no tenant")
    return column
