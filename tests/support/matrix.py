"""Who gets what at which door: the declared table, and the callers it is asked with.

Columns: nobody, the agent who owns the object in the path, another tenant's agent, that agent's tenant, another tenant, an
admin. Cells: ``ok`` 2xx; ``in`` admitted and then refused for its content (400, 409, 413, 422, 429, 503); else the status.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.support.doors import World

CALLERS = ("", "agent_a", "agent_b", "tenant_a", "tenant_b", "admin")
TABLE = Path(__file__).with_name("matrix.txt")


def declared() -> dict[tuple[str, str], tuple[str, ...]]:
    """The table: (method, path) -> one cell per caller. Raises on a row that is not one."""
    rows: dict[tuple[str, str], tuple[str, ...]] = {}
    for line in TABLE.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        method, path, *cells = line.split()
        assert len(cells) == len(CALLERS) and (method, path) not in rows, line
        rows[method, path] = tuple(cells)
    return rows


def cell(status: int) -> str:
    """A status in the words of the table."""
    if status < 300:
        return "ok"
    return str(status) if status in (401, 403, 404) or (status >= 500 and status != 503) else "in"


async def own_things(world: World) -> dict[str, Any]:
    """Make what the people of tenant A need to own, through the doors; ids by the name of the path's parameter."""
    ids: dict[str, Any] = {
        "position_id": world.a.position_id, "notification_id": world.a.notification_id, "tenant_id": world.a.tenant_id,
        "name": "orders", "path:path": "nowhere", "node_code": "nowhere",
    }  # fmt: skip
    wanted: dict[str, tuple[str, str, dict[str, Any]]] = {
        "endpoint_id": ("tenant_a", "/api/tenant/webhooks", {"url": "https://hooks.example.com/a", "events": ["trade.closed"]}),
        "key_id": ("tenant_a", "/api/tenant/merchant-keys", {"label": "shop"}),
        "stop_id": (
            "tenant_a", "/api/kill-switches",
            {"scope": "tenant", "id": world.a.tenant_id, "mode": "entries", "reason": "a test"},
        ),
        "channel_id": ("agent_a", "/api/agent/notifications/channels", {"kind": "email", "target": {}, "types": ["trade_close"]}),
        "job_id": ("agent_a", "/api/exports", {"list": "cards"}),
    }  # fmt: skip
    for name, (who, path, body) in wanted.items():
        async with world.client(who) as client:
            answer = await client.post(path, json=body)
            assert answer.status_code < 300, answer.text
            ids[name] = _id_of(answer.json())
    return ids


def _id_of(answer: dict[str, Any]) -> int:
    made = answer.get("data", answer)
    return int(made["id"])


METHODS = ("GET", "PUT", "PATCH", "POST", "DELETE")


def in_order(doors: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """By path; what takes a thing away comes after what looks at it."""
    return sorted(doors, key=lambda door: (METHODS.index(door[0]), door[1]))


def body_for(path: str, world: World) -> dict[str, Any] | None:
    """What names a thing of A in the body, where the path does not."""
    return {
        "/api/kill-switches": {"scope": "tenant", "id": world.a.tenant_id, "mode": "entries", "reason": "a test"},
        "/api/kill-switches/{stop_id}/lift": {"reason": "over"},
        "/api/risk/rules": {"limits": {}},
        "/api/agent/notifications/channels/{channel_id}": {"types": []},
        "/api/tenant/webhooks/{endpoint_id}": {"on": True},
        "/api/exports": {"list": "cards"},
    }.get(path)


def query_for(path: str, world: World) -> dict[str, Any] | None:
    """The same, for what stands in the query."""
    return {
        "/api/risk/rules": {"scope": "tenant", "id": world.a.tenant_id},
        "/api/risk/in-force": {"account_id": world.a.account_id},
    }.get(path)


def path_of(pattern: str, ids: dict[str, Any]) -> str:
    """The path with A's objects in it; what nobody owns gets a number that does not exist."""
    return re.sub(r"\{([^}]+)\}", lambda match: str(ids.get(match.group(1), 999_999)), pattern)
