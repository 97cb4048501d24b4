"""Messages through the many services apprise knows: chat rooms, push apps. Only services with an address of their own.

A service whose address a person may choose (a server at home) would let them reach inside this network; those need
``allow_private``, the switch of an installation that trusts its users.
"""

from __future__ import annotations

from typing import Any

from backend.errors import InvalidInput

SCHEMES = (
    "discord", "slack", "pover", "ntfy", "ntfys", "dingtalk", "feishu", "lark", "wecombot", "pbul", "gchat", "ifttt", "line", "simplepush",
    "wxpusher",
)  # fmt: skip
OWN_HOST = ("json", "jsons", "gotify", "gotifys", "mmost", "mmosts", "rocket", "rockets", "matrix", "matrixs", "bark", "barks")


class BadService(InvalidInput):
    """This is no address of a supported service. Take it from the service's page, such as discord://id/token."""

    code = "bad_service"


def checked(address: str, *, allow_private: bool) -> tuple[str, str]:
    """(address, its name for people) of an apprise address. Raises ``BadService``."""
    address = address.strip()
    scheme = address.partition("://")[0].lower()
    known = SCHEMES + (OWN_HOST if allow_private else ())
    if scheme not in known or len(address) > 500 or any(c.isspace() for c in address):
        raise BadService
    plugin = _plugin(address)
    if plugin is None:
        raise BadService
    # ntfy alone has a server of its own and one that anybody may choose.
    if getattr(plugin, "mode", "cloud") == "private" and not allow_private:
        raise BadService("Only the service's own server can be used here, not another address.")
    return address, str(getattr(plugin, "service_name", "") or scheme)


def send(address: str, title: str, text: str, *, allow_private: bool) -> str:
    """"" when the service took it, else why not, without any secret. Blocks: call it off the event loop."""
    try:
        checked(address, allow_private=allow_private)
    except BadService:
        return "the address is not public"
    from apprise import NotifyFormat

    plugin = _plugin(address)
    sent = plugin is not None and plugin.notify(body=text or title, title=title, body_format=NotifyFormat.TEXT)
    return "" if sent else "cannot connect"


def _plugin(address: str) -> Any:
    from apprise import Apprise, AppriseAsset

    asset = AppriseAsset(app_id="IronBull", app_desc="IronBull", app_url="", plugin_paths=[], secure_logging=True)
    return Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
