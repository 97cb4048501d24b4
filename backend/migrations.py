"""Bring a database to the current schema. The revisions are in ``alembic/``, numbered in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, inspect, pool, text

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "alembic"


def alembic_config(url: str) -> Any:
    """Alembic's configuration for one database. Alembic is only imported by those who migrate: it costs a second."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Run every revision that is missing, if any. A run that was interrupted is finished by the next."""
    have, head = current(url)
    if have == head:
        return
    from alembic import command

    command.upgrade(alembic_config(url), "head")


def current(url: str) -> tuple[str | None, str | None]:
    """(revision of the database, newest revision known)."""
    engine = create_engine(url, poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            known = inspect(connection).has_table("alembic_version")
            have = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if known else None
    finally:
        engine.dispose()
    # Revisions are numbered files, 0001_initial_tables.py; a test holds this against Alembic's own view.
    revisions = sorted(path.name.split("_")[0] for path in (SCRIPTS / "versions").glob("[0-9]*.py"))
    return have, revisions[-1] if revisions else None
