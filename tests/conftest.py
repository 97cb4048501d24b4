"""Fixtures shared by all tests; each kind lives in ``tests/support``."""

import os
import tempfile

# Before anything of the project reads settings: a home and secrets of the test run alone.
os.environ.setdefault("IRONBULL_HOME", tempfile.mkdtemp(prefix="ib-home-"))

from hypothesis import settings as hypothesis_settings

from tests.support.canaries import pytest_runtest_makereport
from tests.support.databases import (
    _mariadb_tables,
    _sqlite_template,
    database,
    database_url,
    fresh_database,
    mariadb_server,
    mariadb_url,
    sqlite_database,
    sqlite_url,
)
from tests.support.faults import FULL

if FULL:
    # ``make faults``: properties that name no number of their own are tried this often.
    hypothesis_settings.register_profile("faults", max_examples=10_000, deadline=None)
    hypothesis_settings.load_profile("faults")

__all__ = [
    "_mariadb_tables",
    "_sqlite_template",
    "database",
    "database_url",
    "fresh_database",
    "mariadb_server",
    "mariadb_url",
    "pytest_runtest_makereport",
    "sqlite_database",
    "sqlite_url",
]
