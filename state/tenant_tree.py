"""The invite tree as rows: open branches below their inviter, with the lines that join them."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.dashboards import invite_tree
from backend.errors import InvalidInput
from backend.identity.principal import Principal
from state.base import needs, read, signed_in
from state.words import figure

MAX_ROWS = 3_000
AT_ONCE = 30
BRANCHES = 5


class TenantTree(rx.State):
    """``rows`` in reading order. A row of kind "more" reads the next people of its branch."""

    rows: list[dict[str, Any]] = []
    cards: dict[str, str] = {}
    ready: bool = False
    search: str = ""
    hits: int = -1
    open_id: str = ""
    detail: dict[str, Any] = {}
    _branches: dict[str, list[dict[str, Any]]] = {}
    _found: list[str] = []
    _allowed: ClassVar[tuple[str, ...]] = ("tenant",)

    @rx.event
    @needs("tenant")
    async def load(self) -> None:
        """The page: the first people, and the root's branch opened."""
        who = await signed_in(self)
        found = await read(lambda session: _first(session, who))
        self.cards = {name: f"{count:,}" for name, count in found["summary"].items()}
        self._branches = {"": [_person(row) for row in found["roots"]]}
        self._found, self.search, self.hits, self.open_id, self.detail = [], "", -1, "", {}
        self.rows, self.ready = _flat(self._branches, set()), True
        # A small tree is shown whole, of a large one the first branches.
        while (closed := [row for row in self.rows if row["invited_n"] and not row["open"]]) and len(self.rows) < AT_ONCE:
            await self._open(who, [int(row["id"]) for row in closed[:BRANCHES]])

    @rx.event
    @needs("tenant")
    async def toggle(self, row_id: str) -> None:
        """Open or close a branch."""
        who, number = await signed_in(self), _number(row_id)
        if str(number) in self._branches:
            self._forget(str(number))
            self.rows = _flat(self._branches, set(self._found))
        else:
            await self._open(who, [number])

    @rx.event
    @needs("tenant")
    async def more(self, row_id: str) -> None:
        """The next people of a branch that is open."""
        who, key = await signed_in(self), str(_number(row_id))
        known = self._branches.get(key)
        if not known:
            return
        last = int(known[-1]["id"])
        rows = await read(lambda session: invite_tree.branch(session, who, int(key), last))
        self._branches[key] = [*known, *[_person(row) for row in rows]]
        self.rows = _flat(self._branches, set(self._found))

    @rx.event(supersedes=True)
    @needs("tenant")
    async def find(self, text: str) -> None:
        """Open the branches down to everybody whose name, e-mail, code or number holds the text."""
        self.search = text.strip()[:80] if isinstance(text, str) else ""
        if not self.search:
            self._found, self.hits = [], -1
            self.rows = _flat(self._branches, set())
            return
        who = await signed_in(self)
        lines = await read(lambda session: invite_tree.lines_to(session, who, self.search))
        self._found, self.hits = [str(line[-1]) for line in lines], len(lines)
        await self._open(who, sorted({number for line in lines for number in line[:-1]}), also=lines)

    @rx.event
    @needs("tenant")
    async def show(self, row_id: str) -> None:
        """Open the drawer of a person."""
        who, number = await signed_in(self), _number(row_id)
        self.detail = _details(await read(lambda session: invite_tree.person(session, who, number)))
        self.open_id = str(number)

    @rx.event
    @needs("tenant")
    async def close(self) -> None:
        """Close the drawer."""
        self.open_id, self.detail = "", {}

    async def _open(self, who: Principal, numbers: list[int], also: list[list[int]] | None = None) -> None:
        wanted = [number for number in numbers if str(number) not in self._branches]
        found = await read(lambda session: {n: invite_tree.branch(session, who, n) for n in wanted})
        branches = dict(self._branches)
        for number, rows in found.items():
            branches[str(number)] = [_person(row) for row in rows]
        # A person far down a long branch is not among its first: the branch is read on until they are.
        for line in also or []:
            for parent, child in itertools.pairwise(line):
                await self._reach(who, branches, parent, child)
        self._branches = branches
        self.rows = _flat(branches, set(self._found))

    async def _reach(self, who: Principal, branches: dict[str, list[dict[str, Any]]], parent: int, child: int) -> None:
        rows = branches[str(parent)]
        if any(row["id"] == str(child) for row in rows):
            return
        found = await read(lambda session: invite_tree.branch(session, who, parent, child - 1))
        branches[str(parent)] = [*rows, *[_person(row) for row in found[:1]]]

    def _forget(self, key: str) -> None:
        for row in self._branches.pop(key, []):
            self._forget(row["id"])


def _first(session: Session, who: Principal) -> dict[str, Any]:
    return {"summary": invite_tree.summary(session, who), "roots": invite_tree.roots(session, who)}


def _flat(branches: dict[str, list[dict[str, Any]]], found: set[str]) -> list[dict[str, Any]]:
    """Rows in reading order. ``lines``: what stands before the name, one mark per level ("bar", "gap", "tee", "end")."""
    out: list[dict[str, Any]] = []

    def walk(key: str, before: list[str], total: int) -> None:
        rows = branches[key]
        for place, row in enumerate(rows):
            last = place == len(rows) - 1 and len(rows) >= total
            own = [*before, "end" if last else "tee"] if key else []
            is_open = row["id"] in branches
            out.append(row | {"lines": own, "open": is_open, "hit": row["id"] in found, "kind": "person", "level_no": len(own) + 1})
            if len(out) >= MAX_ROWS:
                return
            if is_open:
                walk(row["id"], [*before, "gap" if last else "bar"] if key else [], row["invited_n"])
        if key and len(rows) < total:
            out.append(
                {"id": f"more-{key}", "parent": key, "kind": "more", "lines": [*before, "end"], "left": f"{total - len(rows):,}",
                 "invited_n": 0, "open": False,
                 "level_no": len(before) + 2}
            )  # fmt: skip

    walk("", [], 0)
    return out


def _person(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "id": str(row["id"]),
        "parent": "",
        "left": "",
        "level": "" if row["root"] else f"S{row['level']}",
        "hold": figure(row["hold"]),
        "team": figure(row["team"]),
        "invited_n": row["invited"],
        "invited": f"{row['invited']:,}",
        "below": f"{row['below']:,}",
    }


def _details(row: dict[str, Any]) -> dict[str, Any]:
    return _person(row) | {"cards": figure(row["cards"]), "rewards": figure(row["rewards"])}


def _number(text: Any) -> int:
    word = str(text)
    if not word.isascii() or not word.isdigit() or len(word) > 18:
        raise InvalidInput("Open the row again.")
    return int(word)
