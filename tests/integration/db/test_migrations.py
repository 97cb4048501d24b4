"""The migrations build exactly the tables of the models, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, pool

from backend.migrations import alembic_config, current, upgrade
from backend.models import metadata
from tests.support.databases import scratch_schema


@pytest.fixture(params=["sqlite", "mariadb"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    with scratch_schema(request.getfixturevalue("mariadb_server")) as url:
        yield url


def test_numbered_files_are_alembics_heads() -> None:
    heads = ScriptDirectory.from_config(alembic_config("sqlite://")).get_heads()
    assert len(heads) == 1


def test_migrated_tables_are_the_models(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    have, head = current(empty_database_url)
    assert have == head == ScriptDirectory.from_config(alembic_config(empty_database_url)).get_current_head()
    engine = create_engine(empty_database_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}
    engine.dispose()
    assert differences == []


def test_a_second_upgrade_does_nothing(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    upgrade(empty_database_url)
    assert current(empty_database_url)[0] is not None
