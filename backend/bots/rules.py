"""An agent's bot settings: one frozen dataclass, its defaults and its limits. Pure.

Stored as JSON in ``bot.config``; every reader goes through ``BotConfig.from_mapping``, every writer through
``validated``. Percentages are per cent of margin (ROI) unless the name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from backend.errors import InvalidInput

DEFAULT_SKIP_LIST = (
    "BERA/USDT", "IP/USDT", "LIT/USDT", "TROY/USDT", "VIRTUAL/USDT", "1000BONK/USDT", "1000PEPE/USDT", "DUSK/USDT",
    "FARTCOIN/USDT", "ANIME/USDT",
)


class BadBotConfig(InvalidInput):
    """A bot setting is not valid. Correct the named setting and save again."""

    code = "bad_bot_config"


@dataclass(frozen=True, slots=True)
class BotConfig:
    """What an agent may set. ``None`` switches an exit off."""

    skip_list: tuple[str, ...] = DEFAULT_SKIP_LIST
    max_positions: int = 15
    max_opened_per_scan: int = 3
    cooldown_minutes: int = 30
    min_score: int = 60
    long_min_score: int = 70
    long_skip_from_score: int | None = 85
    ma_filter: str = "gap"
    hedge_mode: bool = False
    max_leverage: int = 10
    max_position_usdt: Decimal = Decimal(5000)
    stop_loss_roi: Decimal | None = Decimal(10)
    take_profit_roi: Decimal | None = None
    trailing_start_roi: Decimal | None = Decimal(6)
    trailing_distance_roi: Decimal | None = Decimal(3)
    max_hold_hours: int | None = 48
    daily_loss_limit: Decimal = Decimal(200)
    max_drawdown_pct: Decimal = Decimal(20)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any] | None) -> BotConfig:
        """Stored settings over the defaults. Raises ``BadBotConfig`` naming the setting that is wrong."""
        config = cls()
        known = {item.name for item in fields(cls)}
        changes: dict[str, Any] = {}
        for name, value in (values or {}).items():
            if name not in known:
                raise BadBotConfig(f"There is no bot setting '{name}'.")
            changes[name] = _convert(name, value)
        config = replace(config, **changes)
        if (config.trailing_start_roi is None) != (config.trailing_distance_roi is None):
            raise BadBotConfig("Trailing needs both trailing_start_roi and trailing_distance_roi, or neither.")
        return config

    def as_json(self) -> dict[str, Any]:
        """For the database and for people: decimals as text."""
        return {
            name: str(value) if isinstance(value, Decimal) else list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }


_WHOLE: dict[str, tuple[int, int]] = {
    "max_positions": (1, 100),
    "max_opened_per_scan": (1, 50),
    "cooldown_minutes": (0, 10_080),
    "min_score": (0, 100),
    "long_min_score": (0, 100),
    "max_leverage": (1, 125),
}
_WHOLE_OR_OFF: dict[str, tuple[int, int]] = {"long_skip_from_score": (1, 100), "max_hold_hours": (1, 8_760)}
_AMOUNT: dict[str, tuple[str, str]] = {
    "max_position_usdt": ("5", "10000000"),
    "daily_loss_limit": ("0", "100000000"),
    "max_drawdown_pct": ("0", "100"),
}
_AMOUNT_OR_OFF: dict[str, tuple[str, str]] = {
    "stop_loss_roi": ("0.1", "100"),
    "take_profit_roi": ("0.1", "10000"),
    "trailing_start_roi": ("0.1", "10000"),
    "trailing_distance_roi": ("0.1", "1000"),
}


def _convert(name: str, value: Any) -> Any:
    if (name in _WHOLE_OR_OFF or name in _AMOUNT_OR_OFF) and (value is None or value == ""):
        return None
    if name in _WHOLE or name in _WHOLE_OR_OFF:
        low, high = {**_WHOLE, **_WHOLE_OR_OFF}[name]
        number = _number(name, value)
        if number != number.to_integral_value() or not low <= number <= high:
            raise BadBotConfig(f"{name} must be a whole number from {low} to {high}.")
        return int(number)
    if name in _AMOUNT or name in _AMOUNT_OR_OFF:
        least, most = {**_AMOUNT, **_AMOUNT_OR_OFF}[name]
        number = _number(name, value)
        if not Decimal(least) <= number <= Decimal(most):
            raise BadBotConfig(f"{name} must be from {least} to {most}.")
        return number
    if name == "hedge_mode":
        if not isinstance(value, bool):
            raise BadBotConfig("hedge_mode must be true or false.")
        return value
    if name == "ma_filter":
        if value not in {"gap", "slope", "off"}:
            raise BadBotConfig("ma_filter must be gap, slope or off.")
        return value
    return _symbols(value)


def _number(name: str, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal) or not str(value).isascii():
        raise BadBotConfig(f"{name} must be a number.")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise BadBotConfig(f"{name} must be a number.") from None
    if not number.is_finite():
        raise BadBotConfig(f"{name} must be a finite number.")
    return number


def _symbols(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > 500 or not all(isinstance(item, str) for item in value):
        raise BadBotConfig("skip_list must be a list of at most 500 symbols such as BTC/USDT.")
    names = tuple(item.strip().upper() for item in value)
    bad = [name for name in names if not name.endswith("/USDT") or not name[:-5].isalnum() or not name.isascii()]
    if bad:
        raise BadBotConfig(f"'{bad[0][:40]}' is not a symbol such as BTC/USDT.")
    return names
