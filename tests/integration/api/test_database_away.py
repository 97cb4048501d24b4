"""The database does not answer: every door says so in words, with a status that asks to come again, and nothing leaks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

import backend.db
from backend.api.app import create_api
from backend.db import Database, DatabaseAway, is_away
from backend.settings import Settings
from ironbull_app.doors import FrontDoor

WORDS = {"away-en": "it does not answer", "away-zh": "没有响应", "sign_in-en": "sign in", "landing-en": "landing", "crash-en": "crash"}


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A MariaDB address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    db = Database(f"mysql+pymysql://nobody:secret-word@127.0.0.1:{port}/gone")
    monkeypatch.setattr(backend.db, "_default", db)
    yield db
    db.dispose()


@pytest.fixture
async def client(away: Database, tmp_path: Path) -> httpx.AsyncClient:
    """A browser in front of the whole door."""
    for name, text in WORDS.items():
        (tmp_path / f"{name}.html").write_text(f"<html><body>{text}</body></html>", encoding="utf-8")
    api = create_api(away, Settings(home=tmp_path, master_key=SecretStr("k" * 32), jwt_key=SecretStr("j" * 32)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(FrontDoor(api, tmp_path)), base_url="http://platform")


def test_a_lost_database_is_told_from_other_faults(away: Database) -> None:
    with pytest.raises(backend.db.AWAY) as lost, away.reading() as session:
        session.connection()
    assert is_away(lost.value)
    assert not is_away(ValueError()) and not is_away(DatabaseAway())


async def test_a_page_says_it_and_comes_again(client: httpx.AsyncClient) -> None:
    page = await client.get("/agent", headers={"cookie": "sid=abc", "accept": "text/html", "accept-language": "en"})
    assert page.status_code == 503 and WORDS["away-en"] in page.text and page.headers["refresh"] == "10"
    chinese = await client.get("/agent/bot", headers={"cookie": "sid=abc; ib_lang=zh", "accept": "text/html"})
    assert chinese.status_code == 503 and WORDS["away-zh"] in chinese.text


async def test_a_form_says_it_in_a_page_and_a_program_in_json(client: httpx.AsyncClient) -> None:
    form = {"kind": "agent", "identifier": "ada@northgate.example", "password": "anything at all"}
    head = {"origin": "http://platform", "accept": "text/html,*/*", "accept-language": "en"}
    sent = await client.post("/api/session/login", data=form, headers=head)
    assert sent.status_code == 503 and WORDS["away-en"] in sent.text and "refresh" not in sent.headers
    told = await client.get("/api/agent/notifications", headers={"authorization": "Bearer a.b.c", "accept": "application/json"})
    assert told.status_code in {401, 503}
    program = await client.post("/api/session/login", data=form, headers={**head, "accept": "application/json"})
    assert program.status_code == 503 and program.json()["code"] == "database_away"
    assert "secret-word" not in program.text + sent.text and "pymysql" not in program.text + sent.text


async def test_a_host_that_is_none_stands_in_no_page(client: httpx.AsyncClient) -> None:
    """What a page calls its own address comes from the request; a page is no place for whatever that holds."""
    for host in ('x"><script>alert(1)</script>', "a b", "", "x" * 20 + "\u00e9"):
        page = await client.get("/agent", headers={"cookie": "sid=abc", "accept": "text/html", "host": host.encode("latin-1")})
        assert "script" not in page.text and page.status_code == 503
