"""Channels of notifications, as the doors of agents and of admins take and show them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from backend.models import NoticeChannel

Types = Annotated[list[Annotated[str, Field(max_length=20)]], Field(max_length=10)]


class NewChannel(BaseModel):
    """``target``: nothing for email, ``url`` for webhook, ``token`` and ``chat`` for telegram."""

    kind: Annotated[str, Field(max_length=12)]
    target: dict[str, Annotated[str, Field(max_length=500)]] = Field(default_factory=dict, max_length=4)
    types: Types


def shape(row: NoticeChannel) -> dict[str, Any]:
    """A channel as it leaves."""
    return {
        "id": row.id, "kind": row.kind, "hint": row.hint, "types": row.types, "quiet_from_min": row.quiet_from_min,
        "quiet_to_min": row.quiet_to_min, "digest_min": row.digest_min, "on": row.status == 1, "created_at": row.created_at,
    }  # fmt: skip
