"""What each merchant door takes. Texts are kept as they are; numbers are read strictly; extra fields are ignored."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, WithJsonSchema

from backend.errors import InvalidInput
from backend.money import parse_amount

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_DAY, _MOMENT = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S"


def _whole(value: Any) -> Any:
    if isinstance(value, str) and not _WHOLE.fullmatch(value.strip()):
        raise ValueError("must be a whole number")
    return value


def _plain(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must not contain control characters")
    return value


def _amount(value: Any) -> Any:
    try:
        return parse_amount(value.strip() if isinstance(value, str) else value, allow_zero=True, allow_negative=True)
    except InvalidInput as error:
        raise ValueError(error.message) from None


def _cents(value: Any) -> Any:
    amount = _amount(value)
    if amount != amount.quantize(Decimal("0.01")):
        raise ValueError("must have at most 2 decimal places")
    return amount


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip().replace("T", " ")
    for form in (_DAY, _MOMENT):
        try:
            found = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return found if 1970 <= found.year <= 9000 else None
    raise ValueError("must be a date such as 2026-01-31 or 2026-01-31 12:00:00")


def _after(value: Any) -> Any:
    """The end of a range, exclusive: the day after a bare date, the second after a moment."""
    found = _moment(value)
    if isinstance(value, str) and found is not None:
        return found + (timedelta(days=1) if len(value.strip()) <= 10 else timedelta(seconds=1))
    return found


_DECIMAL = WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]{1,11}(\.[0-9]{1,8})?$"})
_DATE = WithJsonSchema({"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?$"})
Whole = Annotated[int, BeforeValidator(_whole)]
Text = Annotated[str, Field(max_length=190), AfterValidator(_plain)]
Amount = Annotated[Decimal, BeforeValidator(_amount), _DECIMAL]
Capital = Annotated[Decimal, BeforeValidator(_cents), _DECIMAL]
Start = Annotated[datetime | None, BeforeValidator(_moment), _DATE]
End = Annotated[datetime | None, BeforeValidator(_after), _DATE]
Secret = Annotated[SecretStr, Field(max_length=512)]


class Takes(BaseModel):
    """Base of all: nothing here echoes what was sent."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class Nothing(Takes):
    """No parameters."""


class Listed(Takes):
    """Paging."""

    page: Annotated[Whole, Field(ge=1, le=10_000_000)] = 1
    limit: Annotated[Whole, Field(ge=1, le=1_000)] = 20


class ByEmail(Takes):
    """One user."""

    email: Text


class ListedByEmail(Listed):
    """A list of one user."""

    email: Text


class CreateUser(Takes):
    """#2"""

    email: Text
    password: Secret
    invite_code: Text = ""


class FindUsers(Listed):
    """#3"""

    limit: Annotated[Whole, Field(ge=1, le=100)] = 20
    email: Text = ""
    invite_code: Text = ""
    status: Annotated[Whole, Field(ge=0, le=2)] | None = None


class BindKey(Takes):
    """#5"""

    email: Text
    exchange: Text
    api_key: Secret
    api_secret: Secret
    passphrase: Secret = SecretStr("")
    account_type: Annotated[str, Field(max_length=16), AfterValidator(_plain)] = "futures"


class UnbindKey(Takes):
    """#6"""

    email: Text
    account_id: Whole


class Recharge(Takes):
    """#8"""

    email: Text
    amount: Amount
    type: Whole = 2


class FindLogs(Listed):
    """#9"""

    change_type: Annotated[Whole, Field(ge=0, le=100)] | None = None
    email: Text = ""
    start_time: Start = None
    end_time: End = None


class OpenStrategy(Takes):
    """#11. ``min_point_card`` is accepted and has no effect: the platform sets it."""

    email: Text
    strategy_id: Whole
    account_id: Whole
    mode: Whole = 2
    capital: Capital = Decimal(0)
    leverage: Whole = 20
    risk_mode: Whole = 1
    min_point_card: Amount = Decimal(1)


class UpdateStrategy(Takes):
    """#12"""

    email: Text
    strategy_id: Whole
    account_id: Whole
    capital: Capital = Decimal(0)
    leverage: Whole = 0
    risk_mode: Whole = 0


class CloseStrategy(Takes):
    """#13"""

    email: Text
    strategy_id: Whole
    account_id: Whole


class Transfer(Takes):
    """#15"""

    from_email: Text
    to_email: Text
    amount: Amount
    type: Whole = 1


class MarketNode(Takes):
    """#17"""

    email: Text
    is_node: Annotated[Whole, Field(ge=0, le=1)]


class FindRewards(ListedByEmail):
    """#18"""

    reward_type: Text = ""


class Withdraw(Takes):
    """#19. ``remark`` is accepted and not kept."""

    email: Text
    amount: Amount
    wallet_address: Text
    wallet_network: Text = "TRC20"
    remark: Text = ""


class FindWithdrawals(ListedByEmail):
    """#20"""

    status: Annotated[Whole, Field(ge=0, le=4)] | None = None
