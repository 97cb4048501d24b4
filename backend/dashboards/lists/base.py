"""The lists behind the pages and their CSV: one description each, read by the browser side and by the export door.

A list knows who may see it, which filters and sort columns exist, and the query that fills one page of it. Rows are
plain dicts (Decimal, epoch ms, text); every one has an ``id``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import literal_column, or_
from sqlmodel import Session

from backend.errors import InvalidInput
from backend.identity.principal import Principal
from backend.models.types import Exact
from backend.portfolio.paging import remembered, rows_of, total_of
from backend.portfolio.queries import Listing

Row = dict[str, Any]
ANY_ID: tuple[str, ...] = ("#",)
"""Values of a filter that takes a number, such as a tenant's id."""
ANY_TEXT: tuple[str, ...] = ("*",)
"""Values of a filter that takes a short word."""

MAX_PAGE = 5_000
"""Rows of one page at most; doors allow fewer."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_WORD = re.compile(r"[\w./:#@-]{1,64}")


@dataclass(frozen=True)
class Find:
    """What a reader asks of a list. ``only`` holds filters by name; ``start`` is inclusive, ``end`` exclusive."""

    search: str = ""
    only: Mapping[str, str] = field(default_factory=dict)
    start: datetime | None = None
    end: datetime | None = None
    sort: str = ""
    desc: bool = True
    limit: int = 25
    offset: int = 0

    def number(self, name: str) -> int | None:
        """A filter as an id, None when it is not set."""
        text = self.only.get(name, "")
        return int(text) if text else None


@dataclass(frozen=True)
class ListOf:
    """One list. ``filters`` maps names to the values they take; ``dated``: it can be cut by days."""

    fetch: Callable[[Session, Principal, Find], Listing[Row]]
    kinds: tuple[str, ...]
    columns: tuple[str, ...]
    sorts: tuple[str, ...] = ()
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dated: bool = False
    detail: Callable[[Session, Principal, int], Row] | None = None
    totals: Callable[[Session, Principal, Find], Row] | None = None


def accepted(listed: ListOf, given: Mapping[str, str]) -> dict[str, str]:
    """The filters that exist and have a value they take; everything else is dropped."""
    names = {**listed.filters, **({"from": (), "to": ()} if listed.dated else {})}
    return {name: value for name, value in given.items() if name in names and _takes(names[name], name, value)}


def _takes(values: tuple[str, ...], name: str, value: str) -> bool:
    if name in ("from", "to"):
        return _DAY.fullmatch(value) is not None and _day(value) is not None
    if values == ANY_ID:
        return value.isascii() and value.isdigit() and len(value) <= 18
    if values == ANY_TEXT:
        return _WORD.fullmatch(value) is not None
    return value in values


def find_of(listed: ListOf, given: Mapping[str, str], **more: Any) -> Find:
    """Filters as people and addresses write them (``from`` and ``to`` are days, both included) as a ``Find``."""
    only = accepted(listed, given)
    start, end = _day(only.pop("from", "")), _day(only.pop("to", ""))
    return Find(only=only, start=start, end=end + timedelta(days=1) if end else None, **more)


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) if text else None
    except ValueError:
        return None


def refuse_unknown(listed: ListOf, given: Mapping[str, str]) -> None:
    """For doors: a filter that is not understood must not be ignored. Raises ``InvalidInput``."""
    wrong = given.keys() - accepted(listed, given).keys()
    if wrong:
        raise InvalidInput(f"Not a filter of this list, or not a value of it: {', '.join(sorted(wrong)[:5])}.")


def paged(
    session: Session, statement: Any, find: Find, sorts: Mapping[str, Any], last: Any, *, written: Any = None
) -> tuple[Sequence[Any], int]:
    """(rows of the page, how many match). ``last`` is the id column: the order of equals, and the order without a sort.

    ``written``: the column of the time of writing, for rows that are never removed, when nothing asked for can change
    afterwards (see ``total_of``).
    """
    total = total_of(session, statement, last, written)
    by = sorts.get(find.sort)
    if by is not None and isinstance(getattr(by, "type", None), Exact):
        # Exact numbers are text on SQLite: adding nothing makes both engines compare them as numbers.
        by = by.op("+")(literal_column("0"))
    limit = min(max(find.limit, 1), MAX_PAGE)
    return rows_of(session, statement, last, total, limit=limit, offset=find.offset, desc=find.desc, by=by), total


def totals_of(session: Session, who: Principal, listed: ListOf, find: Find) -> Row:
    """The figures above a list; those that take long may be as old as twenty times that."""
    ask = listed.totals
    if ask is None:
        return {}
    whole = replace(find, sort="", desc=True, limit=1, offset=0)
    key = f"{ask.__module__}.{ask.__qualname__} {who.kind} {who.tenant_id} {who.id} {whole}"
    return remembered(session, key, lambda: ask(session, who, find))


def matching(statement: Any, find: Find, *columns: Any) -> Any:
    """``statement`` where one of the columns contains the searched text."""
    if not find.search:
        return statement
    return statement.where(or_(*(column.contains(find.search, autoescape=True) for column in columns)))


def between(statement: Any, find: Find, column: Any) -> Any:
    """``statement`` cut to the days asked for."""
    if find.start is not None:
        statement = statement.where(column >= find.start)
    if find.end is not None:
        statement = statement.where(column < find.end)
    return statement


def where(statement: Any, find: Find, **columns: Any) -> Any:
    """``statement`` with each set filter compared to its column."""
    for name, column in columns.items():
        value = find.only.get(name, "")
        if value:
            statement = statement.where(column == (int(value) if value.isdigit() else value))
    return statement
