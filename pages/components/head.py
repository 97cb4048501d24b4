"""What stands in the head of every page: marks for the browser and the few lines that run before the first paint."""

from __future__ import annotations

import re
from pathlib import Path

import reflex as rx

_APP = """
try {
  const d = document.documentElement, m = localStorage.getItem("ib-money") ?? localStorage.getItem("ib-money-own");
  if (m && m !== "std") d.dataset.money = m;
  const c = /(?:^|; )ib_lang=(\\w+)/.exec(document.cookie);
  if ((c ? c[1] : navigator.language.slice(0, 2)) === "zh") { d.dataset.i18n = "pending"; d.lang = "zh-Hans"; }
  addEventListener("load", () => navigator.serviceWorker?.register("/sw.js").catch(() => {}));
} catch {}
"""

_PUBLIC = """
try {
  const d = document.documentElement, s = localStorage.getItem("theme") || "dark", m = localStorage.getItem("ib-money") ?? localStorage.getItem("ib-money-own");
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


def head_links() -> list[rx.Component]:
    """Icons, the manifest and the colours a phone paints around the page."""
    tokens = (Path(__file__).parents[2] / "assets" / "tokens.css").read_text(encoding="utf-8")
    dark, light = re.findall(r"--bg: (#[0-9A-F]{6});", tokens)[:2]
    colour = lambda value, scheme: rx.el.meta(
        name="theme-color", content=value, custom_attrs={"media": f"(prefers-color-scheme: {scheme})"}
    )
    return [
        rx.el.link(rel="icon", type="image/svg+xml", href="/favicon.svg"),
        rx.el.link(rel="apple-touch-icon", href="/icons/apple-touch-icon.png"),
        rx.el.link(rel="manifest", href="/manifest.webmanifest"),
        colour(dark, "dark"),
        colour(light, "light"),
    ]
