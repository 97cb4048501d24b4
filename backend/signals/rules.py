"""The gate chain: which signals of a scan an account may open, and why the others were skipped.

Gates are asked in a fixed order; the first that refuses is the reason shown. Signals are taken best score
first (ties by symbol, a long leg before its short leg), because the number of entries per scan is limited.
All gates of all symbols are computed at once on arrays; the detail of one symbol (what it had, what it
needed) is spelled out only when somebody looks at it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend.strategies.base import Decisions

SKIP_LIST = "skip list"
ALREADY_HELD = "already held"
MAX_OPENED = "max opened per scan"
COOLDOWN = "cooldown"
RISK_GATE = "risk gate"
SCORE_BELOW_MINIMUM = "score below minimum"
LONG_MINIMUM = "long minimum"
LONG_SKIP = "85+ LONG skip"
MA_SLOPE_FILTER = "MA slope filter"

GATES = (
    SKIP_LIST,
    ALREADY_HELD,
    MAX_OPENED,
    COOLDOWN,
    RISK_GATE,
    SCORE_BELOW_MINIMUM,
    LONG_MINIMUM,
    LONG_SKIP,
    MA_SLOPE_FILTER,
)
PASSED = "passed"

MA_FILTERS = {"gap": "ma_gap_pct", "slope": "ma_slope_pct", "off": ""}


class GateConfigError(ValueError):
    """A gate setting is out of range; the text says which."""


@dataclass(frozen=True, slots=True)
class GateConfig:
    """An account's gates.

    ``long_skip_from_score`` refuses longs that look too good (section "85+ LONG skip"; None: off).
    ``ma_filter`` compares MA20 with MA50 ("gap") or MA20 with itself five bars ago ("slope"): a long needs
    at least ``ma_long_min_pct``, a short at most ``ma_short_max_pct``. ``hedge_mode`` lets a ranging
    market's two legs through; without it they are no signals.
    """

    skip_symbols: frozenset[str] = frozenset()
    max_opened_per_scan: int = 3
    max_positions: int = 15
    min_score: int = 60
    long_min_score: int = 70
    long_skip_from_score: int | None = 85
    ma_filter: str = "gap"
    ma_long_min_pct: float = -1.0
    ma_short_max_pct: float = 1.0
    hedge_mode: bool = False

    def __post_init__(self) -> None:
        if self.ma_filter not in MA_FILTERS:
            raise GateConfigError(
                f"ma_filter must be one of {', '.join(MA_FILTERS)}, not {self.ma_filter!r}."
            )
        for name in ("max_opened_per_scan", "max_positions"):
            if getattr(self, name) < 0:
                raise GateConfigError(f"{name} must not be negative.")
        for name in ("min_score", "long_min_score"):
            if not 0 <= getattr(self, name) <= 100:
                raise GateConfigError(f"{name} must lie between 0 and 100.")


@dataclass(frozen=True, slots=True)
class RiskVerdict:
    """What the risk rules say about new entries now. ``reason`` is shown beside the gate."""

    allowed: bool = True
    score: int = 0
    reason: str = ""


ALLOWED = RiskVerdict()


@dataclass(frozen=True, slots=True)
class GateContext:
    """An account's situation at the start of a scan. Times are of the market clock."""

    now: datetime
    held: frozenset[str] = frozenset()
    opened_this_scan: int = 0
    cooldown_until: Mapping[str, datetime] = field(default_factory=dict)
    risk: RiskVerdict = ALLOWED


class GateCheck(NamedTuple):
    """One gate of one signal: ``had`` ``op`` ``needed`` (in ``unit``) must be true to pass."""

    name: str
    passed: bool
    had: float | int | str | None
    op: str
    needed: float | int | str | None
    unit: str = ""

    def as_dict(self) -> dict[str, Any]:
        return self._asdict()


class Decision:
    """What a scan decided about one signal. Immutable to its readers.

    ``direction`` is ``LONG`` or ``SHORT``; ``reason`` is ``passed`` or the name of the first gate that
    refused, ``gate_index`` its place in ``GATES`` (-1 when passed). Prices are floats of the strategy
    (None: none); ``components`` are the parts of the score.
    """

    __slots__ = ("_judgement", "_row", "direction", "gate_index", "passed", "reason", "score", "symbol")

    def __init__(
        self, judgement: _Judgement, row: int, *, symbol: str, direction: str, score: int, gate_index: int
    ) -> None:
        self._judgement = judgement
        self._row = row
        self.symbol = symbol
        self.direction = direction
        self.score = score
        self.gate_index = gate_index
        self.passed = gate_index < 0
        self.reason = judgement.names[gate_index]

    @property
    def entry(self) -> float:
        """Close of the bar that gave the signal."""
        return float(self._judgement.decisions.close[self._judgement.source[self._row]])

    @property
    def stop_loss(self) -> float | None:
        return self._judgement.level(self._row, "stop_loss")

    @property
    def take_profit(self) -> float | None:
        return self._judgement.level(self._row, "take_profit")

    @property
    def components(self) -> dict[str, float]:
        """Parts of the score by name; parts without a value are left out."""
        source = self._judgement.source[self._row]
        named = (
            (name, float(values[source])) for name, values in self._judgement.decisions.components.items()
        )
        return {name: value for name, value in named if not math.isnan(value)}

    @property
    def gates(self) -> tuple[GateCheck, ...]:
        """Every gate in order, also those after the one that refused."""
        return tuple(self._judgement.checks(self._row))

    def as_dict(self) -> dict[str, Any]:
        """Everything, for the scan's stored snapshot."""
        return {
            "symbol": self.symbol,
            "direction": self.direction,
            "score": self.score,
            "passed": self.passed,
            "reason": self.reason,
            "gate": self.gate_index,
            "gates": [check.as_dict() for check in self.gates],
            "components": self.components,
            "entry": self.entry,
            "stop_loss": self.stop_loss,
            "take_profit": self.take_profit,
        }

    def __repr__(self) -> str:
        return f"Decision({self.symbol} {self.direction} {self.score}: {self.reason})"


@dataclass(slots=True)
class _Judgement:
    """Shared arrays of one ``judge`` call; rows are signals, best first."""

    decisions: Decisions
    config: GateConfig
    context: GateContext
    names: tuple[str, ...]  # reason by gate index; the last entry (index -1) is ``passed``
    source: NDArray[np.intp]  # row -> symbol index
    long: NDArray[np.bool_]
    refused: NDArray[np.bool_]  # [gate, row]
    opened_before: NDArray[np.int64]
    ma_value: NDArray[np.float64] | None

    def level(self, row: int, name: str) -> float | None:
        values = getattr(self.decisions, name)
        if not self.long[row] and self.decisions.hedge is not None and self.decisions.hedge[self.source[row]]:
            values = getattr(self.decisions, f"short_{name}")
        value = float(values[self.source[row]])
        return None if math.isnan(value) else value

    def checks(self, row: int) -> Iterator[GateCheck]:
        config, context = self.config, self.context
        source = int(self.source[row])
        symbol = self.decisions.symbols[source]
        score = int(self.decisions.score[source])
        is_long = bool(self.long[row])
        ok = (~self.refused[:, row]).tolist()
        opened = int(self.opened_before[row])
        yield GateCheck(SKIP_LIST, ok[0], int(symbol in config.skip_symbols), "=", 0)
        yield GateCheck(ALREADY_HELD, ok[1], int(symbol in context.held), "=", 0)
        yield GateCheck(MAX_OPENED, ok[2], opened, "<", config.max_opened_per_scan)
        until = context.cooldown_until.get(symbol)
        left = max(0.0, (until - context.now).total_seconds() / 60.0) if until else 0.0
        yield GateCheck(COOLDOWN, ok[3], round(left, 1), "=", 0, "min")
        if context.risk.allowed:
            held = len(context.held) + opened - context.opened_this_scan
            yield GateCheck(RISK_GATE, ok[4], held, "<", config.max_positions, "positions")
        else:
            yield GateCheck(
                RISK_GATE, False, context.risk.reason or context.risk.score, "=", "entries allowed"
            )
        yield GateCheck(SCORE_BELOW_MINIMUM, ok[5], score, ">=", config.min_score)
        needed = config.long_min_score if is_long else None
        yield GateCheck(LONG_MINIMUM, ok[6], score, ">=", needed)
        skip_from = config.long_skip_from_score if is_long else None
        yield GateCheck(self.names[7], ok[7], score, "<", skip_from)
        value = None if self.ma_value is None else round(float(self.ma_value[row]), 4)
        if value is None or math.isnan(value):
            yield GateCheck(MA_SLOPE_FILTER, ok[8], None, ">=" if is_long else "<=", None, "%")
        elif is_long:
            yield GateCheck(MA_SLOPE_FILTER, ok[8], value, ">=", config.ma_long_min_pct, "%")
        else:
            yield GateCheck(MA_SLOPE_FILTER, ok[8], value, "<=", config.ma_short_max_pct, "%")


def judge(decisions: Decisions, config: GateConfig, context: GateContext) -> list[Decision]:
    """Send every signal of a scan through the gates, best score first.

    Symbols without a direction (no bar, warming up, nothing to say) are no signals and give no decision;
    ``decisions.status`` tells why. A moving-average value the strategy does not give refuses nothing.
    """
    source, is_long = _rank(decisions, config)
    symbols = [decisions.symbols[i] for i in source]
    score = decisions.score[source]
    count = len(symbols)
    refused = np.zeros((len(GATES), count), dtype=np.bool_)
    if config.skip_symbols:
        refused[0] = [symbol in config.skip_symbols for symbol in symbols]
    if context.held:
        refused[1] = [symbol in context.held for symbol in symbols]
    waiting = {symbol for symbol, until in context.cooldown_until.items() if until > context.now}
    if waiting:
        refused[3] = [symbol in waiting for symbol in symbols]
    refused[4] = not context.risk.allowed
    refused[5] = score < config.min_score
    refused[6] = is_long & (score < config.long_min_score)
    if config.long_skip_from_score is not None:
        refused[7] = is_long & (score >= config.long_skip_from_score)
    ma_value = None
    component = decisions.components.get(MA_FILTERS[config.ma_filter])
    if component is not None:
        ma_value = component[source]
        refused[8] = np.where(is_long, ma_value < config.ma_long_min_pct, ma_value > config.ma_short_max_pct)

    # Entries of this scan fill up in rank order; then the two counting gates refuse the rest.
    room_in_scan = max(0, config.max_opened_per_scan - context.opened_this_scan)
    room_in_account = max(0, config.max_positions - len(context.held))
    room = min(room_in_scan, room_in_account)
    fit = ~refused.any(axis=0)
    before = np.minimum(np.cumsum(fit) - fit, room)
    refused[2] = before >= room_in_scan
    refused[4] |= before >= room_in_account

    first = np.where(refused.any(axis=0), refused.argmax(axis=0), -1)
    names = (*GATES[:7], _long_skip_name(config), MA_SLOPE_FILTER, PASSED)
    judgement = _Judgement(
        decisions,
        config,
        context,
        names,
        source,
        is_long,
        refused,
        before + context.opened_this_scan,
        ma_value,
    )
    return [
        Decision(
            judgement,
            row,
            symbol=symbol,
            direction="LONG" if side else "SHORT",
            score=int(points),
            gate_index=gate,
        )
        for row, (symbol, side, points, gate) in enumerate(
            zip(symbols, is_long.tolist(), score.tolist(), first.tolist(), strict=True)
        )
    ]


def _long_skip_name(config: GateConfig) -> str:
    """The gate's name carries its threshold: "85+ LONG skip" by default."""
    if config.long_skip_from_score in (None, 85):
        return LONG_SKIP
    return f"{config.long_skip_from_score}+ LONG skip"


def _rank(decisions: Decisions, config: GateConfig) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Symbol index and side of every signal, best score first, then by symbol, long leg first."""
    source = np.flatnonzero(decisions.direction)
    is_long = decisions.direction[source] > 0
    if config.hedge_mode and decisions.hedge is not None:
        both = np.flatnonzero(decisions.hedge)
        source = np.concatenate([source, both, both])
        legs = np.ones(len(both), dtype=np.bool_)
        is_long = np.concatenate([is_long, legs, ~legs])
    score = decisions.score[source]
    names = [decisions.symbols[i] for i in source]
    order = sorted(
        range(len(names)),
        key=list(zip((-score).tolist(), names, (~is_long).tolist(), strict=True)).__getitem__,
    )
    chosen = np.array(order, dtype=np.intp)
    return source[chosen], is_long[chosen]
