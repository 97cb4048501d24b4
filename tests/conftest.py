"""Fixtures shared by all tests; each kind lives in ``tests/support``."""

from tests.support.databases import (
    _mariadb_tables,
    database,
    database_url,
    mariadb_server,
    mariadb_url,
    sqlite_database,
    sqlite_url,
)

__all__ = [
    "_mariadb_tables",
    "database",
    "database_url",
    "mariadb_server",
    "mariadb_url",
    "sqlite_database",
    "sqlite_url",
]
