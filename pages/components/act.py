"""Doing things: forms, hold to confirm, dialogs, toasts, menus, filter chips."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.i18n import t, tx
from pages.components.icons import icon

JS = "$/public/js/act.jsx"
KEYS = "$/public/js/keys.jsx"


class PlainForm(rx.el.Div):
    """A form the browser submits itself: works before hydration and with password managers."""

    tag = "form"
    action: rx.Var[str]
    method: rx.Var[str]
    auto_complete: rx.Var[str]


plain_form = PlainForm.create


class _HoldButton(rx.Component):
    library = JS
    tag = "HoldButton"
    ms: rx.Var[int]
    disabled: rx.Var[bool]
    on_done: rx.EventHandler[rx.event.no_args_event_spec]


class _ConfirmDialog(rx.Component):
    library = JS
    tag = "ConfirmDialog"
    open: rx.Var[bool]
    word: rx.Var[str]
    title: rx.Var[str]
    lead: rx.Var[str]
    keep: rx.Var[str]
    go: rx.Var[str]
    note: rx.Var[str]
    on_close: rx.EventHandler[rx.event.no_args_event_spec]
    on_confirm: rx.EventHandler[rx.event.no_args_event_spec]


class _Toast(rx.Component):
    library = JS
    tag = "Toast"
    toast: rx.Var[dict[str, Any]]
    on_undo: rx.EventHandler[rx.event.passthrough_event_spec(str)]


class _Menu(rx.Component):
    library = JS
    tag = "Menu"
    button: rx.Var[rx.Component]
    place: rx.Var[str]
    label: rx.Var[str]
    stay: rx.Var[bool]
    on_open: rx.EventHandler[rx.event.no_args_event_spec]


class _Preferences(rx.Component):
    library = JS
    tag = "Preferences"


class _CopyButton(rx.Component):
    library = JS
    tag = "CopyButton"
    text: rx.Var[str]


class _Palette(rx.Component):
    library = KEYS
    tag = "Palette"
    items: rx.Var[list[dict[str, str]]]


class _Hotkeys(rx.Component):
    library = KEYS
    tag = "Hotkeys"
    keys: rx.Var[list[str]]
    on_key: rx.EventHandler[rx.event.passthrough_event_spec(str)]


class _SearchButton(rx.Component):
    library = KEYS
    tag = "SearchButton"


def hold_button(label: Any, on_done: Any, **props: Any) -> rx.Component:
    """Irreversible, one object: hold for a second, the bar fills along the foot."""
    return _HoldButton.create(label, on_done=on_done, **props)


def confirm_dialog(*will: Any, open: Any, title: Any, go: Any, on_confirm: Any, on_close: Any, word: Any = "", **texts: Any) -> rx.Component:
    """Many objects or the bot: says exactly what will happen; ``word`` must be typed. texts: lead, keep, note."""
    return _ConfirmDialog.create(
        *will, open=open, word=word, title=title, go=go, on_confirm=on_confirm, on_close=on_close, **texts
    )


def will_happen(*lines: tuple[str, Any]) -> rx.Component:
    """The list in a confirm dialog: (icon, words)."""
    return rx.el.ul(*[rx.el.li(icon(name), rx.el.span(text)) for name, text in lines], class_name="will")


def toast_host(toast: Any, on_undo: Any = None) -> rx.Component:
    """Place for toasts; ``toast`` is {id, k, p, text, bad, undo}."""
    return _Toast.create(toast=toast, **({"on_undo": on_undo} if on_undo is not None else {}))


def menu(button: rx.Component, *items: Any, label: Any, place: str = "right", stay: bool = False, class_name: str = "", on_open: Any = None) -> rx.Component:
    """Popover under (or above) a button; closes on Esc, outside click and choice."""
    extra = {"on_open": on_open} if on_open is not None else {}
    return _Menu.create(*items, button=button, label=label, place=place, stay=stay, class_name=class_name, **extra)


preferences = _Preferences.create
search_button = _SearchButton.create


class _FormWatch(rx.Component):
    library = JS
    tag = "FormWatch"
    on_form: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]


def form_watch(on_form: Any) -> rx.Component:
    """Inside a form: gives ``on_form`` what the form holds, a moment after each change."""
    return _FormWatch.create(on_form=on_form)


def copy_button(text: Any) -> rx.Component:
    """Copies ``text``."""
    return _CopyButton.create(text=text)


def palette(items: Any) -> rx.Component:
    """Ctrl/Cmd-K; items are {id route, k key, keys "g d"}."""
    return _Palette.create(items=items)


def hotkeys(keys: list[str], on_key: Any) -> rx.Component:
    """Page keys, never while someone types."""
    return _Hotkeys.create(keys=keys, on_key=on_key)


def field(label: str, control: rx.Component, hint: Any = None, right: Any = None) -> rx.Component:
    """Label, control, one line of help."""
    return rx.el.label(
        rx.el.span(tx(label), rx.el.span(class_name="sp"), right or rx.fragment(), class_name="lab"),
        control,
        rx.el.span(hint, class_name="hint") if hint is not None else rx.fragment(),
        class_name="field",
    )


def text_input(**props: Any) -> rx.Component:
    """Plain input in the house shape; give ``name`` and ``type``."""
    props.setdefault("class_name", "inp")
    return rx.el.input(**props)


def search_field(placeholder: str, on_change: Any, width: str = "190px") -> rx.Component:
    """Filter box of a list; "/" focuses it. Uncontrolled, asks 200 ms after the last key."""
    box = rx.el.input(
        type="search", class_name="inp sm", placeholder=t(placeholder), aria_label=t(placeholder), max_length=80,
        on_change=on_change.debounce(200), custom_attrs={"data-search": ""},
    )  # fmt: skip
    return rx.el.span(icon("search"), box, class_name="find", custom_attrs={"style": {"width": width}})


def segmented(options: list[tuple[str, Any]], value: Any, on_pick: Any, label: Any = "") -> rx.Component:
    """Small choice of one; options are (id, words)."""
    buttons = [
        rx.el.button(words, type="button", on_click=on_pick(key), aria_pressed=value == key) for key, words in options
    ]
    return rx.el.span(*buttons, class_name="seg", role="group", aria_label=label)


def filter_chips(items: Any, value: Any, on_pick: Any) -> rx.Component:
    """Chips with counts; ``items`` is a list Var of {id, k, n}."""
    return rx.el.div(
        rx.foreach(
            items,
            lambda i: rx.el.button(
                tx(i["k"]), rx.el.b(i["n"]), type="button", class_name="fchip", on_click=on_pick(i["id"]),
                aria_pressed=value == i["id"], key=i["id"],
            ),
        ),
        class_name="fchips",
        role="group",
    )
