"""What SQLModel does not tell a type checker about its models."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.orm import defer
from sqlalchemy.orm.interfaces import ORMOption
from sqlmodel import SQLModel


def table_of(model: type[SQLModel]) -> Table:
    """The model's table, for statements that skip the ORM."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


def without(*columns: Any) -> list[ORMOption]:
    """Options that leave large columns of a model where they are: ``statement.options(*without(Scan.detail))``."""
    return [defer(column) for column in columns]
