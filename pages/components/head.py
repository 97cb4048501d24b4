"""The few lines that run before the first paint: money colours and the pending language."""

from __future__ import annotations

_APP = """
try {
  const d = document.documentElement, m = localStorage.getItem("ib-money");
  if (m && m !== "std") d.dataset.money = m;
  const c = /(?:^|; )ib_lang=(\\w+)/.exec(document.cookie);
  if ((c ? c[1] : navigator.language.slice(0, 2)) === "zh") { d.dataset.i18n = "pending"; d.lang = "zh-Hans"; }
} catch {}
"""

_PUBLIC = """
try {
  const d = document.documentElement, s = localStorage.getItem("theme") || "dark", m = localStorage.getItem("ib-money");
  d.className = s === "system" ? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark") : s;
  if (m && m !== "std") d.dataset.money = m;
} catch {}
"""


def head_script() -> str:
    """For the app's own pages; Reflex adds the theme by itself."""
    return " ".join(_APP.split())


def public_head_script() -> str:
    """For static public pages."""
    return " ".join(_PUBLIC.split())
