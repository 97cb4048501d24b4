"""Bring a database to the current schema. The revisions are in ``alembic/``."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool

ROOT = Path(__file__).resolve().parent.parent


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "alembic"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Run every revision that is missing. A run that was interrupted is finished by the next."""
    command.upgrade(_config(url), "head")


def current(url: str) -> tuple[str | None, str | None]:
    """(revision of the database, newest revision known)."""
    engine = create_engine(url, poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            have = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return have, ScriptDirectory.from_config(_config(url)).get_current_head()
