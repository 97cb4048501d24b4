"""The lists and their CSV: scope, filters, sorting of exact numbers, and no formula for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import Session

from backend.api import exports
from backend.dashboards.lists.base import Row, find_of
from backend.dashboards.lists.registry import LISTS, list_for
from backend.errors import NotAllowed
from backend.exports.cells import cell
from backend.exports.sheet import Sheet
from backend.identity.principal import Kind, Principal
from backend.models import AuditLog, Order, User
from tests.support.doors import World, make_world


def person(world: World, kind: Kind, side: str = "a") -> Principal:
    owned = getattr(world, side)
    ids = {"admin": 1, "tenant": owned.tenant_id, "agent": owned.user_id}
    return Principal(kind, ids[kind], None if kind == "admin" else owned.tenant_id, "n", "e", "", 1)


CASES = [(name, kind) for name, listed in LISTS.items() for kind in listed.kinds]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_every_list_filters_sorts_and_names_its_columns(world: World, name: str, kind: Kind) -> None:
    who = person(world, kind)
    listed = list_for(who, name)
    with world.db.reading() as session:
        found = listed.fetch(session, who, find_of(listed, {}))
        assert found.total >= len(found.rows)
        for row in found.rows:
            assert set(listed.columns) <= row.keys()
            if listed.detail:
                assert listed.detail(session, who, int(row["id"]))
        for column in listed.sorts:
            for desc in (True, False):
                assert listed.fetch(session, who, find_of(listed, {}, sort=column, desc=desc)).total == found.total
        for filter_, values in listed.filters.items():
            value = {"#": "999999", "*": "nothing"}.get(values[0], values[0])
            narrowed = listed.fetch(session, who, find_of(listed, {filter_: value}))
            assert narrowed.total <= found.total
            if values[0] == "#" and filter_ != "account":
                assert narrowed.total == 0
        assert listed.fetch(session, who, find_of(listed, {}, search="no such thing %_")).total <= found.total
        if listed.dated:
            assert listed.fetch(session, who, find_of(listed, {"to": "2001-01-01"})).total == 0
        if listed.totals:
            assert listed.totals(session, who, find_of(listed, {}))


@pytest.mark.parametrize("name", [name for name, listed in LISTS.items() if "tenant" in listed.kinds and name != "offers"])
def test_a_tenant_sees_only_its_own_rows(world: World, name: str) -> None:
    mine, theirs = person(world, "tenant", "a"), person(world, "tenant", "b")
    listed = LISTS[name]
    with world.db.reading() as session:
        own = {row["id"] for row in listed.fetch(session, mine, find_of(listed, {}, limit=500)).rows}
        other = {row["id"] for row in listed.fetch(session, theirs, find_of(listed, {}, limit=500)).rows}
    assert not own & other


@pytest.mark.parametrize("name", [name for name, listed in LISTS.items() if listed.kinds == ("admin",)])
def test_lists_of_the_operator_are_closed_to_others(world: World, name: str) -> None:
    for kind in ("tenant", "agent"):
        with pytest.raises(NotAllowed):
            list_for(person(world, kind), name)


def test_exact_numbers_sort_as_numbers(fresh: World) -> None:
    with fresh.db.transaction() as session:
        first = session.get(Order, fresh.a.order_pk)
        assert first is not None
        first.quantity = Decimal("9")
        for n, quantity in enumerate(("10", "100.5", "2")):
            copy = first.model_dump(exclude={"id"}) | {"order_id": f"ORD-S{n}", "client_order_id": f"c{n}", "quantity": Decimal(quantity)}
            session.add(Order(**copy))
    who = person(fresh, "tenant")
    with fresh.db.reading() as session:
        rows = LISTS["orders"].fetch(session, who, find_of(LISTS["orders"], {}, sort="quantity")).rows
    quantities = [row["quantity"] for row in rows]
    assert quantities == sorted(quantities, reverse=True)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-2", "@x", "\tx", "\r"])
def test_text_is_never_a_formula(text: str) -> None:
    assert cell("remark", text) == "'" + text


def test_numbers_stay_numbers() -> None:
    assert cell("pnl", Decimal("-1.5")) == "-1.5"
    assert cell("n", -3) == "-3"
    assert cell("at_ms", 0) == ""
    assert cell("at_ms", 1_700_000_000_000) == "2023-11-14T22:13:20+00:00"
    assert cell("duration_ms", 12) == "12"


async def test_the_door_writes_what_the_page_shows(world: World) -> None:
    async with world.client("tenant_a") as http:
        answer = await http.get("/api/lists/orders.csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/csv")
    assert rows[0][0] == "at_utc" and len(rows) == 2
    assert world.a.order_id in rows[1] and world.b.order_id not in answer.text


async def test_excel_gets_numbers_times_and_no_formula(world: World) -> None:
    """The same rows: read back, a figure is a number, a time a time, and what looks like a formula is text."""

    def rename(session: Session) -> None:
        user = session.get(User, world.a.user_id)
        assert user is not None
        user.name = '=HYPERLINK("https://evil.example","x")'

    world.db.run(rename)
    async with world.client("tenant_a") as http:
        answer = await http.get("/api/lists/orders.xlsx")
        refused = await http.get("/api/lists/audit.xlsx")
    assert (answer.status_code, refused.status_code) == (200, 403)
    book = zipfile.ZipFile(io.BytesIO(answer.content))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet, "a formula"
    assert "HYPERLINK" in sheet
    assert world.a.order_id in sheet
    assert world.b.order_id not in sheet
    cells = {name: (kind, value) for name, kind, value in re.findall(r'<c r="([A-Z]+2)" s="\d+"( t="\w+")?><v>([^<]+)</v>', sheet)}
    assert cells["A2"][0] == "", "a time is a number with a format"


def test_amounts_excel_cannot_hold_stay_text() -> None:
    sheet = Sheet("amounts", ["amount"])
    exact = ["0.1", "12345678.87654321", "1234567890.12345678", "-0.00000001", "99999999999999999999"]
    sheet.add([[Decimal(text)] for text in exact])
    sheet.finish()
    xml = zipfile.ZipFile(io.BytesIO(b"".join(sheet.chunks()))).read("xl/worksheets/sheet1.xml").decode()
    assert not sheet.path.exists()
    numbers = [Decimal(text) for text in re.findall(r"<c r=\"A\d+\"><v>([^<]+)</v>", xml)]
    assert numbers == [Decimal("0.1"), Decimal("-0.00000001")]
    for text in exact[1:3] + exact[4:]:
        assert f"<t>{text}</t>" in xml


@pytest.mark.parametrize(
    ("token", "path", "status"),
    [
        ("", "orders.csv", 401), ("agent_a", "orders.csv", 403), ("tenant_a", "audit.csv", 403), ("admin", "nothing.csv", 404),
        ("admin", "orders.csv?status=NOPE", 400), ("admin", "orders.csv?from=yesterday", 400), ("admin", "orders.csv?sort=reason", 400),
        ("admin", "orders.csv?sort=quantity&desc=0&status=FILLED", 200),
    ],
)  # fmt: skip
async def test_the_door_refuses_what_it_does_not_know(world: World, token: str, path: str, status: int) -> None:
    async with world.client(token) as http:
        assert (await http.get(f"/api/lists/{path}")).status_code == status


async def test_another_tenants_rows_do_not_come_by_asking_for_them(world: World) -> None:
    async with world.client("tenant_a") as http:
        answer = await http.get(f"/api/lists/orders.csv?tenant={world.b.tenant_id}")
    assert len(answer.text.splitlines()) == 1


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_rows_that_arrive_while_it_is_written_double_nothing(fresh: World, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    def add(session: Session, *names: str) -> None:
        session.add_all([AuditLog(actor_kind="system", action=name) for name in names])

    wanted = [f"row {number}" for number in range(20)]
    fresh.db.run(lambda s: add(s, *wanted))
    page = exports._page

    async def slowly(*given: object) -> list[Row]:
        rows = await page(*given)
        fresh.db.run(lambda s: add(s, "late", "late"))
        return rows

    monkeypatch.setattr(exports, "STEP", 7)
    monkeypatch.setattr(exports, "_page", slowly)
    async with fresh.client("admin") as http:
        answer = await http.get(f"/api/lists/audit.{kind}?actor=system")
    if kind == "csv":
        text = answer.text
    else:
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            text = "\n".join(book.read(name).decode() for name in book.namelist())
    assert [len(re.findall(rf"\b{one}\b", text)) for one in wanted] == [1] * len(wanted)


def test_every_list_on_mariadb(tmp_path: Path, mariadb_url: str) -> None:
    """Sorting, filters, sums and details: the engines differ in numbers, in grouping and in what a CASE may be."""
    world = make_world(tmp_path, mariadb_url)
    for name, kind in CASES:
        test_every_list_filters_sorts_and_names_its_columns(world, name, kind)
