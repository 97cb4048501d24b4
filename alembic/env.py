"""Migrations run here, on the URL of the settings or the one the caller gives."""

from sqlalchemy import create_engine, pool
from sqlmodel.sql.sqltypes import AutoString

from alembic import context
from backend.models import metadata


def _url() -> str:
    given = context.config.attributes.get("url")
    if given:
        return str(given)
    from backend.settings import get_settings

    settings = get_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    return settings.sqlalchemy_url


def _render(kind: str, item: object, _context: object) -> str | bool:
    """SQLModel's text type is a plain VARCHAR."""
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String(length={item.length})"
    return False


def run() -> None:
    """Online: each revision in its own transaction where the database can do that."""
    engine = create_engine(_url(), poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=engine.dialect.name == "sqlite",
            transaction_per_migration=True,
            user_module_prefix="types.",
            render_item=_render,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
