"""Credentials on their way to a node: sealed for its pinned key, so that plain HTTP or a log never shows a secret.

A box is made once per account, key pair and node: a dispatch to many nodes costs look-ups, not curve arithmetic.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from node_service.client import Node
from node_service.protocol import derived_public_key, seal

_SECRETS: Final = ("api_key", "api_secret", "passphrase")
CAPACITY: Final = 50_000


class Sealer:
    """Replaces the credentials of tasks by boxes. Kept boxes are ciphertext only; ``CAPACITY`` bounds them."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._boxes: OrderedDict[bytes, str] = OrderedDict()
        self.made = 0

    def body(self, target: Node, body: Mapping[str, Any]) -> dict[str, Any]:
        """The request with every task's credentials sealed for ``target``."""
        tasks = body.get("tasks")
        if not isinstance(tasks, list):
            return dict(body)
        public_key = target.public_key or derived_public_key(target.secret)
        return {**body, "tasks": [self._task(target.code, public_key, task) for task in tasks]}

    def _task(self, node_code: str, public_key: str, task: dict[str, Any]) -> dict[str, Any]:
        if "api_key" not in task:
            return task
        credentials = {name: task.get(name, "") for name in _SECRETS}
        name = hashlib.sha256(
            "\0".join((public_key, node_code, str(task["account_id"]), *map(str, credentials.values()))).encode()
        ).digest()
        box = self._boxes.get(name)
        if box is None:
            box = seal(public_key, credentials, account_id=int(task["account_id"]), node_code=node_code)
            self.made += 1
            self._boxes[name] = box
            if len(self._boxes) > self._capacity:
                self._boxes.popitem(last=False)
        else:
            self._boxes.move_to_end(name)
        return {**{key: value for key, value in task.items() if key not in _SECRETS}, "sealed": box}
