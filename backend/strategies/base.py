"""What every strategy reads and answers, and how its parameters are checked.

A strategy is pure: closed candles and parameters in, one decision per symbol out. It knows nothing of
accounts, balances or orders. Arrays are ``[symbols, bars]`` float64; times are UTC epoch milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
DirectionArray = NDArray[np.int8]

LONG = 1
SHORT = -1
NO_DIRECTION = 0

# Why a symbol has the direction it has (``Decisions.status``).
STATUS_SIGNAL = 0
STATUS_NO_BAR = 1
STATUS_WARMING_UP = 2
STATUS_NO_DIRECTION = 3
STATUS_FILTERED = 4
STATUS_NAMES = ("signal", "no bar", "warming up", "no direction", "filtered")


class ParameterError(ValueError):
    """A strategy parameter is unknown, of the wrong kind or out of range; the text says which and why."""


class CandleOrderError(ValueError):
    """Candles are not in order: a bar repeats, goes back in time or is off the interval's grid."""


def param(
    default: Any,
    help_text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    """A dataclass field that carries its own range and explanation."""
    meta = {"help": help_text, "low": low, "high": high, "choices": choices}
    return field(default=default, metadata=meta)


@dataclass(frozen=True)
class StrategyParams:
    """Base of a strategy's parameters. Subclasses are frozen dataclasses made of ``param`` fields."""

    def __post_init__(self) -> None:
        for spec in fields(self):
            _check_range(spec.name, getattr(self, spec.name), spec.metadata)
        self.check()

    def check(self) -> None:
        """Rules that involve more than one field; raise ``ParameterError``."""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any] | None) -> Self:
        """Build from stored or posted values; text is converted, unknown names are refused.

        Raises ``ParameterError`` naming the parameter, what it had and what it needs.
        """
        given = dict(values or {})
        converted: dict[str, Any] = {}
        for spec in fields(cls):
            if spec.name in given:
                default = spec.default if spec.default is not MISSING else None
                converted[spec.name] = _convert(spec.name, given.pop(spec.name), type(default))
        if given:
            known = ", ".join(sorted(spec.name for spec in fields(cls)))
            raise ParameterError(f"Unknown parameter {sorted(given)[0]!r}. Known parameters: {known}.")
        return cls(**converted)

    @classmethod
    def describe(cls) -> list[dict[str, Any]]:
        """One entry per parameter (name, kind, default, low, high, choices, help), for forms and docs."""
        return [
            {"name": spec.name, "kind": type(spec.default).__name__, "default": spec.default, **spec.metadata}
            for spec in fields(cls)
        ]


def _convert(name: str, value: Any, kind: type) -> Any:
    if kind is bool:
        if isinstance(value, bool):
            return value
        text = str(value).strip().lower()
        if text in {"true", "1", "yes", "on"}:
            return True
        if text in {"false", "0", "no", "off"}:
            return False
        raise ParameterError(f"{name} must be true or false, not {value!r}.")
    if kind is str:
        return str(value)
    if isinstance(value, bool):
        raise ParameterError(f"{name} must be a number, not {value!r}.")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ParameterError(f"{name} must be a number, not {value!r}.") from None
    if not math.isfinite(number):
        raise ParameterError(f"{name} must be a finite number, not {value!r}.")
    if kind is int:
        if number != int(number):
            raise ParameterError(f"{name} must be a whole number, not {value!r}.")
        return int(number)
    return number


def _check_range(name: str, value: Any, meta: Mapping[str, Any]) -> None:
    choices, low, high = meta.get("choices"), meta.get("low"), meta.get("high")
    if choices is not None and value not in choices:
        raise ParameterError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    if low is not None and value < low:
        raise ParameterError(f"{name} must be at least {low}, not {value}.")
    if high is not None and value > high:
        raise ParameterError(f"{name} must be at most {high}, not {value}.")


@dataclass(frozen=True, slots=True)
class CandleBatch:
    """Closed candles of many symbols on one time grid.

    ``open_time_ms`` is int64[T], strictly increasing multiples of ``interval_ms`` (columns may be missing
    altogether). Prices and volume are float64[S, T]; NaN where a symbol has no bar. A missing bar is left
    out of every indicator: they count bars that exist, not clock time.
    """

    symbols: tuple[str, ...]
    interval_ms: int
    open_time_ms: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __post_init__(self) -> None:
        times = np.ascontiguousarray(self.open_time_ms, dtype=np.int64)
        object.__setattr__(self, "open_time_ms", times)
        shape = (len(self.symbols), len(times))
        for name in ("open", "high", "low", "close", "volume"):
            array = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            if array.shape != shape:
                raise ValueError(f"{name} has shape {array.shape}, expected {shape} (symbols, bars).")
            object.__setattr__(self, name, array)
        if len(times) and bool((times % self.interval_ms != 0).any()):
            raise CandleOrderError(f"Candle times must be multiples of {self.interval_ms} ms.")
        if len(times) > 1 and not bool((np.diff(times) > 0).all()):
            raise CandleOrderError("Candle times must increase strictly: sort them and drop repeats.")

    @property
    def bars(self) -> int:
        return len(self.open_time_ms)

    def slice(self, start: int, stop: int) -> CandleBatch:
        """Bars ``start`` (inclusive) to ``stop`` (exclusive) of every symbol."""
        return CandleBatch(
            self.symbols,
            self.interval_ms,
            self.open_time_ms[start:stop],
            self.open[:, start:stop],
            self.high[:, start:stop],
            self.low[:, start:stop],
            self.close[:, start:stop],
            self.volume[:, start:stop],
        )

    def pick(self, symbols: Sequence[str]) -> CandleBatch:
        """The same bars for some of the symbols, in the order asked."""
        place = {symbol: index for index, symbol in enumerate(self.symbols)}
        rows = [place[symbol] for symbol in symbols]
        return CandleBatch(
            tuple(symbols),
            self.interval_ms,
            self.open_time_ms,
            self.open[rows],
            self.high[rows],
            self.low[rows],
            self.close[rows],
            self.volume[rows],
        )


@dataclass(frozen=True, slots=True)
class Decisions:
    """One decision per symbol, at one closed bar.

    ``direction`` int8 +1 long, -1 short, 0 none; ``score`` 0-100; ``close``, ``stop_loss`` and
    ``take_profit`` are prices (NaN: none); ``status`` says why there is no direction (``STATUS_NAMES``);
    ``components`` are the parts of the score for the panel, float64[S] each. Where ``hedge`` is true the
    market is ranging and the strategy asks for both sides: ``direction`` is 0, ``stop_loss``/``take_profit``
    belong to the long leg and ``short_stop_loss``/``short_take_profit`` to the short leg.
    """

    symbols: tuple[str, ...]
    bar_open_ms: int
    direction: DirectionArray
    score: FloatArray
    close: FloatArray
    stop_loss: FloatArray
    take_profit: FloatArray
    status: DirectionArray
    components: dict[str, FloatArray]
    hedge: NDArray[np.bool_] | None = None
    short_stop_loss: FloatArray | None = None
    short_take_profit: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class DecisionSeries:
    """Decisions of every bar, for backtests: the arrays of ``Decisions`` with a bar axis, ``[S, T]``."""

    symbols: tuple[str, ...]
    open_time_ms: IntArray
    direction: DirectionArray
    score: FloatArray
    close: FloatArray
    stop_loss: FloatArray
    take_profit: FloatArray
    status: DirectionArray
    components: dict[str, FloatArray]
    hedge: NDArray[np.bool_] | None = None
    short_stop_loss: FloatArray | None = None
    short_take_profit: FloatArray | None = None

    def at(self, bar: int) -> Decisions:
        """The decisions of one bar, as a live scan of that bar would have given them."""

        def column(array: Any) -> Any:
            return None if array is None else array[:, bar]

        return Decisions(
            self.symbols,
            int(self.open_time_ms[bar]),
            self.direction[:, bar],
            self.score[:, bar],
            self.close[:, bar],
            self.stop_loss[:, bar],
            self.take_profit[:, bar],
            self.status[:, bar],
            {name: array[:, bar] for name, array in self.components.items()},
            column(self.hedge),
            column(self.short_stop_loss),
            column(self.short_take_profit),
        )


class StrategyState(Protocol):
    """Indicator values carried from bar to bar, for all symbols of one scan."""

    symbols: tuple[str, ...]
    last_open_ms: int | None

    def advance(self, batch: CandleBatch) -> Decisions:
        """Take in the next closed bars (one or many) and decide at the last of them."""

    def advance_all(self, batch: CandleBatch) -> DecisionSeries:
        """Take in the next closed bars and decide at each of them."""


class Strategy(Protocol):
    """A trading rule. Implementations hold no state; ``start`` makes the state of one scan."""

    code: ClassVar[str]
    name: ClassVar[str]
    description: ClassVar[str]
    timeframe: ClassVar[str]
    warmup_bars: ClassVar[int]
    params_type: ClassVar[type[StrategyParams]]

    def start(self, symbols: Sequence[str], interval_ms: int, params: Any) -> StrategyState:
        """Empty state for these symbols; feed it history, then each new bar."""

    def evaluate(self, batch: CandleBatch, params: Any) -> Decisions:
        """Decide at the last bar of ``batch``, all symbols in one pass."""

    def evaluate_all(self, batch: CandleBatch, params: Any) -> DecisionSeries:
        """Decide at every bar of ``batch``; equal to advancing bar by bar."""
