"""deploy/backup.sh on MariaDB: what it wrote can be loaded into an empty database, whatever the password looks like."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url, text

from tests.support.databases import scratch_schema

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "p@ss:w/o%r d'$HOME"
HERE = "'keeper'@'127.0.0.1'"


def _run(url: URL, *statements: str, **values: str) -> list[tuple[object, ...]]:
    """The statements in one transaction; the rows of the last one, if it has some."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            done = connection.execute(text(statement), values)
        rows = [tuple(row) for row in done] if done.returns_rows else []
    engine.dispose()
    return rows


def test_a_mariadb_backup_can_be_loaded(mariadb_server: str, tmp_path: Path) -> None:
    with scratch_schema(mariadb_server) as kept, scratch_schema(mariadb_server) as empty:
        source, target = make_url(kept), make_url(empty)
        _run(source, "CREATE TABLE t(n INT, w TEXT)", "INSERT INTO t SELECT seq, '一' FROM seq_1_to_1000")
        _run(source, f"CREATE USER {HERE} IDENTIFIED BY :secret", secret=PASSWORD)
        try:
            _run(source, f"GRANT ALL ON {source.database}.* TO {HERE}")
            url = source.set(username="keeper", password=PASSWORD).render_as_string(hide_password=False)
            done = subprocess.run(
                [str(ROOT / "deploy" / "backup.sh"), str(tmp_path / "kept")],
                env={"PATH": os.environ["PATH"], "IRONBULL_DATABASE_URL": url}, capture_output=True, text=True, timeout=60,
            )  # fmt: skip
        finally:
            _run(source, f"DROP USER {HERE}")
        assert done.returncode == 0, done.stderr
        [made] = (tmp_path / "kept").iterdir()
        assert made.name.endswith(".sql.gz") and made.stat().st_mode & 0o077 == 0
        subprocess.run(["gunzip", str(made)], check=True)
        with made.with_suffix("").open() as dump:
            login = [f"--host={target.host}", f"--port={target.port}", f"--user={target.username}"]
            subprocess.run(
                ["mariadb", *login, str(target.database)],
                stdin=dump, env={**os.environ, "MYSQL_PWD": target.password or ""}, check=True, timeout=60,
            )  # fmt: skip
        assert _run(target, "SELECT sum(n), min(w) FROM t") == [(500500, "一")]
