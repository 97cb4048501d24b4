"""Page /agent/bot/settings: what the bot may do, with the effect on the last scan and the worst case before it is kept."""

from __future__ import annotations

import reflex as rx

from pages.components.act import field, form_watch
from pages.components.i18n import USED, t, tx
from pages.components.parts import kv, nav_link, note, section_head, sentence, skeleton
from pages.components.shell import shell
from pages.routes import route_of
from state.agent_settings import FILTERS
from state.agent_settings import AgentSettings as S

ROUTE = route_of("/agent/bot/settings")
ON_LOAD = [S.load]
_GROUPS = (
    ("botset.entries", ("min_score", "long_min_score", "long_skip_from_score", "max_opened_per_scan", "cooldown_minutes")),
    ("botset.size", ("max_positions", "max_position_usdt", "max_leverage")),
    ("botset.exits", ("stop_loss_roi", "take_profit_roi", "trailing_start_roi", "trailing_distance_roi", "max_hold_hours")),
    ("botset.brakes", ("daily_loss_limit", "max_drawdown_pct")),
)
_UNITS = {
    "max_position_usdt": "USDT", "max_leverage": "×", "stop_loss_roi": "% ROI", "take_profit_roi": "% ROI",
    "trailing_start_roi": "% ROI", "trailing_distance_roi": "% ROI", "daily_loss_limit": "USDT",
    "max_drawdown_pct": "%",
}  # fmt: skip
_SPANS = {"cooldown_minutes": "unit.minutes", "max_hold_hours": "unit.hours"}
_OFF = {"long_skip_from_score", "stop_loss_roi", "take_profit_roi", "trailing_start_roi", "trailing_distance_roi", "max_hold_hours"}
USED.update(f"botset.ma.{name}" for name in FILTERS)


def _box(name: str) -> rx.Component:
    box = rx.el.input(
        name=name, default_value=S.kept[name], input_mode="decimal", auto_complete="off", max_length=24, required=name not in _OFF,
        placeholder=t("limits.off") if name in _OFF else "", class_name="inp num",
    )  # fmt: skip
    return field(f"botset.{name}", box, right=rx.el.span(tx(_SPANS[name]) if name in _SPANS else _UNITS.get(name, ""), class_name="t3"))


def _form() -> rx.Component:
    groups = [
        rx.el.fieldset(rx.el.legend(tx(title), class_name="b"), rx.el.div(*[_box(name) for name in names], class_name="limits"), class_name="gap-top")
        for title, names in _GROUPS
    ]
    trend = rx.el.select(
        *[rx.el.option(t(f"botset.ma.{name}"), value=name) for name in FILTERS], name="ma_filter", default_value=S.kept["ma_filter"], class_name="inp"
    )
    skips = rx.el.textarea(name="skip_list", default_value=S.kept["skip_list"], rows="3", max_length=4000, spell_check=False, class_name="inp")
    return rx.el.form(
        # every change of a field shows its effect before anything is kept
        form_watch(S.try_out),
        *groups,
        field("botset.ma_filter", trend),
        field("botset.skip_list", skips, tx("botset.skip_hint")),
        rx.el.div(rx.el.button(tx("botset.save"), type="submit", class_name="btn pri"), class_name="row gap-top"),
        on_submit=S.save,
        key=S.version,
        id="settings",
    )


def _effect() -> rx.Component:
    s = S.seen
    shown = rx.el.div(
        kv(
            ("botset.signals", rx.el.span(s["signals"], class_name="num")),
            ("botset.fit", rx.el.span(s["fit"], class_name="num")),
            ("botset.opened", rx.el.b(s["opened"], class_name="num", custom_attrs={"data-opened": ""})),
        ),
        rx.cond(s["symbols"] != "", rx.el.p(s["symbols"], class_name="t2"), rx.fragment()),
        rx.el.div(
            note(
                tx("begin.worst", loss=s["loss"], share=s["share"]),
                tx("botset.worst_how", margin=s["margin"]),
                tx("begin.worst_left", capital=s["capital"], left=s["left"]),
            ),
            class_name="gap-top",
        ),
        class_name="gap-top",
    )
    return rx.el.section(
        section_head("botset.effect"),
        rx.el.p(tx("botset.effect_why"), class_name="t2"),
        rx.cond(S.wrong != "", note(tx("botset.wrong"), S.wrong), shown),
        class_name="sec",
        aria_live="polite",
    )


def page() -> rx.Component:
    """The page in its frame."""
    waiting = rx.el.div(skeleton("40%"), skeleton(height="120px"), class_name="wait")
    body = rx.el.div(rx.el.section(section_head("botset.title"), _form(), class_name="sec"), _effect(), class_name="two-up")
    return shell(
        ROUTE,
        sentence(tx("botset.lead"), meta=rx.fragment(tx("bot.settings", version=S.kept["version"]), " · ", nav_link(tx("nav.bot"), href="/agent/bot")), icon_name="sliders"),
        rx.cond(S.ready, body, waiting),
        active="/agent/bot",
    )
