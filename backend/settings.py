"""Settings from the environment, prefix ``IRONBULL_``. Every key is explained in ``.env.example``."""

from __future__ import annotations

import os
import secrets
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend.errors import ConfigurationError
from backend.monitoring.watch_rules import limits_of, services_of
from node_service.venues import VENUES

PAPER_PREFIX = "/paper-exchange"
"""Where the embedded simulated exchange is mounted."""

_WEAK = {"", "secret", "changeme", "change-me", "default", "dev", "password", "ironbull"}
_KEYS = ("session_key", "jwt_key", "master_key", "node_secret")


class Settings(BaseSettings):
    """Everything that may be set from outside. Secrets left empty are made and kept in ``home`` (development)."""

    model_config = SettingsConfigDict(env_prefix="IRONBULL_", env_file=".env", extra="ignore")

    env: Literal["development", "production"] = "development"
    host: str = "127.0.0.1"
    port: int = Field(3000, ge=1, le=65535)
    home: Path = Path("./var")
    public_url: str = ""
    log_level: str = "INFO"
    log_json: bool = False

    database_url: str = ""
    redis_url: str = ""
    execution: Literal["direct", "queue"] = "direct"
    worker_places: int = Field(8, ge=1, le=200)
    queue_lease_s: float = Field(10.0, ge=1, le=300)

    market: str = "simulated"
    market_seed: int = 7
    market_speed: float = Field(360.0, gt=0, le=10_000_000)
    market_mode: Literal["auto", "running", "stepped"] = "auto"
    paper_url: str = ""
    paper_token: SecretStr = SecretStr("")
    paper_slippage_bps: int = Field(2, ge=0, le=1000)
    exchange_url: str = ""
    venues: str = "binance,okx,gate,bybit,bitget,hyperliquid"

    scan_interval_s: float = Field(10.0, gt=0)
    exit_interval_s: float = Field(5.0, gt=0)
    reconcile_interval_s: float = Field(5.0, gt=0)
    intent_ttl_s: float = Field(60.0, gt=0)

    withdrawal_four_eyes_usdt: Decimal = Field(Decimal(1000), ge=0)
    withdrawal_daily_cap_usdt: Decimal = Field(Decimal(20_000), ge=0)
    withdrawal_hold_hours: int = Field(0, ge=0, le=24 * 30)

    merchant_min_point_card: Decimal = Field(Decimal(1), ge=0)
    webhook_allow_private: bool = False

    signup: bool = True
    signup_tenant_id: int = Field(0, ge=0)
    signup_gift_points: Decimal = Field(Decimal(50), ge=0)
    paper_days: int = Field(7, ge=0, le=365)
    egress_addresses: str = ""
    smtp_url: SecretStr = SecretStr("")
    mail_from: str = "IronBull <no-reply@localhost>"

    monitor_interval_s: float = Field(15.0, ge=1, le=3600)
    monitor_confirm: int = Field(2, ge=1, le=20)
    monitor_cooldown_min: int = Field(15, ge=1, le=1440)
    monitor_escalate_min: int = Field(30, ge=1, le=1440)
    monitor_limits: str = ""
    monitor_services: str = ""

    demo: bool = True
    demo_users: int = Field(8, ge=8, le=2000)

    session_key: SecretStr = SecretStr("")
    jwt_key: SecretStr = SecretStr("")
    master_key: SecretStr = SecretStr("")
    node_secret: SecretStr = SecretStr("")
    node_port: int = Field(9101, ge=1, le=65535)
    node_failover: Literal["none", "centre", "any"] = "none"
    node_history_days: int = Field(14, ge=1, le=365)
    cors_origins: str = ""

    @field_validator("market")
    @classmethod
    def _known_market(cls, value: str) -> str:
        if value == "simulated" or value.startswith(("replay:", "exchange:")):
            return value
        raise ValueError("IRONBULL_MARKET must be 'simulated', 'replay:<path>' or 'exchange:<ccxt id>'")

    @field_validator("monitor_limits")
    @classmethod
    def _known_limits(cls, value: str) -> str:
        limits_of(value)
        return value

    @field_validator("monitor_services")
    @classmethod
    def _known_services(cls, value: str) -> str:
        services_of(value)
        return value

    @field_validator("venues")
    @classmethod
    def _known_venues(cls, value: str) -> str:
        names = [name.strip() for name in value.split(",") if name.strip()]
        strange = [name for name in names if name not in VENUES]
        if strange or not names:
            raise ValueError(f"IRONBULL_VENUES must name some of {', '.join(VENUES)}")
        return ",".join(names)

    @property
    def production(self) -> bool:
        """Whether this is a production process."""
        return self.env == "production"

    @property
    def sqlalchemy_url(self) -> str:
        """The database URL; SQLite below ``home`` unless one is set."""
        return self.database_url or f"sqlite:///{(self.home / 'ironbull.db').resolve()}"

    @property
    def base_url(self) -> str:
        """Where this centre is reached from this machine."""
        return f"http://127.0.0.1:{self.port}"


    @property
    def stepped(self) -> bool:
        """Whether the centre walks the market tick by tick. A replay is, so that no bar is missed at any speed."""
        return self.market_mode == "stepped" or (self.market_mode == "auto" and self.market.startswith("replay:"))

    @property
    def queued(self) -> bool:
        """Whether workers share the work. A market that is walked tick by tick waits for each step: never there."""
        return self.execution == "queue" and not self.stepped

    @property
    def paper_base_url(self) -> str:
        """Where accounts of the simulated exchange are traded: a separate service, or this process."""
        return self.paper_url.rstrip("/") or f"{self.base_url}{PAPER_PREFIX}"


def _check_production(settings: Settings) -> None:
    problems = [
        f"IRONBULL_{name.upper()} must be set to at least 32 random characters"
        for name in _KEYS
        if len(getattr(settings, name).get_secret_value()) < 32
        or getattr(settings, name).get_secret_value().lower() in _WEAK
    ]
    if settings.demo:
        problems.append("IRONBULL_DEMO must be 0: demo accounts have no place in production")
    if settings.webhook_allow_private:
        problems.append("IRONBULL_WEBHOOK_ALLOW_PRIVATE must be 0: webhooks may not reach the platform's own network")
    if settings.cors_origins.strip() == "*":
        problems.append("IRONBULL_CORS_ORIGINS must name the origins, '*' is refused")
    if problems:
        raise ConfigurationError("Production refuses to start: " + "; ".join(problems) + ". `ironbull secrets` makes them.")


def _fill_development(settings: Settings) -> None:
    """Make missing secrets once and keep them in ``home/secrets.env`` (mode 0600)."""
    path = settings.home / "secrets.env"
    stored: dict[str, str] = {}
    if path.exists():
        stored = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    missing = [name for name in (*_KEYS, "paper_token") if not getattr(settings, name).get_secret_value()]
    made = False
    for name in missing:
        key = f"IRONBULL_{name.upper()}"
        if key not in stored:
            stored[key] = secrets.token_hex(32)
            made = True
        setattr(settings, name, SecretStr(stored[key]))
    if made:
        settings.home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write("".join(f"{key}={value}\n" for key, value in sorted(stored.items())))


def load_settings() -> Settings:
    """Read the environment.

    Raises ``ConfigurationError`` naming the variable that cannot be used, and in production when a secret is missing or
    weak.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "IRONBULL_" + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigurationError(f"{name} cannot be used: {first['msg']}.") from None
    if settings.production:
        _check_production(settings)
    else:
        _fill_development(settings)
    return settings


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process."""
    return load_settings()
