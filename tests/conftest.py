"""Fixtures shared by all tests; each kind lives in ``tests/support``."""

import os
import tempfile

# Before anything of the project reads settings: a home and secrets of the test run alone.
os.environ.setdefault("IRONBULL_HOME", tempfile.mkdtemp(prefix="ib-home-"))

from tests.support.databases import (
    _mariadb_tables,
    _sqlite_template,
    database,
    database_url,
    mariadb_server,
    mariadb_url,
    sqlite_database,
    sqlite_url,
)

__all__ = [
    "_mariadb_tables",
    "_sqlite_template",
    "database",
    "database_url",
    "mariadb_server",
    "mariadb_url",
    "sqlite_database",
    "sqlite_url",
]
