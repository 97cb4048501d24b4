"""The audit trail: who did what to which object, with what result."""

from __future__ import annotations

from typing import Any, Protocol

from sqlmodel import Session

from backend.models import AuditLog

_SECRET_WORDS = ("password", "secret", "api_key", "passphrase", "token")


class Actor(Protocol):
    """Anything that acts: a signed-in principal has this shape."""

    @property
    def kind(self) -> str: ...
    @property
    def id(self) -> int: ...
    @property
    def tenant_id(self) -> int | None: ...


def record(
    session: Session,
    actor: Actor | None,
    action: str,
    target: str = "",
    ok: bool = True,
    *,
    detail: dict[str, Any] | None = None,
    ip: str = "",
    tenant_id: int | None = None,
) -> None:
    """Write one audit row in the caller's transaction. ``actor`` None means the system itself.

    ``tenant_id`` is the tenant concerned when that is not the actor's own. Values under secret-looking names are
    never written.
    """
    session.add(
        AuditLog(
            actor_kind=actor.kind if actor else "system",
            actor_id=actor.id if actor else None,
            tenant_id=tenant_id if tenant_id is not None else (actor.tenant_id if actor else None),
            action=action[:64],
            target=target[:128],
            ok=ok,
            ip=ip[:64],
            detail=_without_secrets(detail or {}),
        )
    )


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            str(key): "(hidden)" if any(word in str(key).lower() for word in _SECRET_WORDS) else _without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without_secrets(item) for item in value]
    return value if isinstance(value, str | int | bool | type(None)) else str(value)
