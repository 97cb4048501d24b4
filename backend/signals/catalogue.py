"""The strategies every platform starts with. Admins may change or switch them off; they are made once."""

from __future__ import annotations

from decimal import Decimal

from sqlmodel import Session, col, select

from backend.models import Strategy


def ensure_catalogue(session: Session) -> list[Strategy]:
    """The built-in strategies, made when the catalogue is empty; the whole catalogue in its order."""
    rows = list(session.exec(select(Strategy).order_by(col(Strategy.id))).all())
    if rows:
        return rows
    rows = [
        Strategy(
            code="composite_score",
            name="Composite score",
            description="Trend, momentum, volume, range position and the higher timeframe in one score from 0 to 100.",
            algorithm="composite_score",
            capital=Decimal(10_000),
            leverage=5,
            risk_mode=3,
            cooldown_minutes=60,
            config={"stop_atr": 1.5, "take_profit_atr": 3.0},
        ),
        Strategy(
            code="market_regime",
            name="Market regime",
            description="Votes of ADX, band width and moving averages: trades with the trend, stands aside in ranges.",
            algorithm="market_regime",
            capital=Decimal(10_000),
            leverage=10,
            risk_mode=1,
            cooldown_minutes=60,
        ),
    ]
    session.add_all(rows)
    session.flush()
    return rows
