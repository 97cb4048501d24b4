"""Words by key. Signed-in pages choose them in the browser; public pages are written once per language."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import reflex as rx
from reflex.vars import VarData
from reflex_base.utils.imports import ImportVar

LANGS = ("en", "zh")
JS = "$/public/js/i18n.jsx"
USED: set[str] = set()
"""Every literal key a page asked for; a test compares it with the catalogues."""

_PLURAL = re.compile(r"\{(\w+)(?:\|([^|}]*)\|([^|}]*))?\}")


class _Tx(rx.Component):
    library = JS
    tag = "Tx"
    k: rx.Var[str]
    p: rx.Var[dict[str, Any]]


def tx(key: str | rx.Var, **params: Any) -> rx.Component:
    """Text of ``key`` with ``{name}`` filled from ``params``; ``**word**`` is bold. ``key`` may be a Var."""
    if isinstance(key, str):
        USED.add(key)
    return _Tx.create(k=key, p=params) if params else _Tx.create(k=key)


class _Said(rx.Component):
    library = JS
    tag = "Said"
    en: rx.Var[str]
    zh: rx.Var[str]


def in_both(english: Any, chinese: Any) -> rx.Component:
    """A message of the platform that came in both languages with its row."""
    return _Said.create(en=english, zh=chinese)


def tx_of(key: rx.Var, params: rx.Var) -> rx.Component:
    """Text of a key and parameters that both come from the state."""
    return _Tx.create(k=key, p=params)


def t(key: str | rx.Var, **params: Any) -> rx.Var[str]:
    """The same words as a Var, for attributes such as ``aria_label`` and ``placeholder``."""
    if isinstance(key, str):
        USED.add(key)
    inner = rx.Var.create(key)
    extra = rx.Var.create(params) if params else None
    call = f"ibT({inner!s}" + (f", {extra!s})" if extra is not None else ")")
    data = VarData(
        imports={JS: [ImportVar(tag="useT", alias="ibUseT")]},
        hooks={"const ibT = ibUseT();": None},
    )
    merged = VarData.merge(data, inner._get_all_var_data(), extra._get_all_var_data() if extra is not None else None)
    return rx.Var(_js_expr=call, _var_type=str, _var_data=merged)


@cache
def catalogue(lang: str) -> dict[str, str]:
    """All words of ``lang``: the app's (shipped to the browser) and the public pages' (written at build time)."""
    root = Path(__file__).parents[2]
    found: dict[str, str] = {}
    for folder in (root / "assets" / "i18n", root / "pages" / "public" / "i18n"):
        found |= json.loads((folder / f"{lang}.json").read_text(encoding="utf-8"))
    return found


def words(lang: str, key: str, **params: Any) -> str:
    """Text for pages written at build time; raises ``KeyError`` for an unknown key."""
    USED.add(key)

    def fill(match: re.Match[str]) -> str:
        name, one, many = match.groups()
        if one is not None:
            return one if str(params.get(name)) == "1" else many
        return str(params.get(name, "–"))

    return _PLURAL.sub(fill, catalogue(lang)[key])
