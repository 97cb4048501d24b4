from __future__ import annotations

import json
from typing import Any

from backend.execution.sealing import Sealer
from node_service.client import Node
from node_service.protocol import NodeKey, derived_seed

SECRET = "secret-of-a-node-that-has-no-key-of-its-own"


def body(api_key: str = "KEY-1", account_id: int = 7) -> dict[str, Any]:
    task = {"account_id": account_id, "api_key": api_key, "api_secret": "TOP-SECRET", "passphrase": "PHRASE", "symbol": "BTC/USDT"}
    return {"signal": {}, "tasks": [task]}


def test_a_task_shows_no_secret_and_the_node_reads_it() -> None:
    sent = Sealer().body(Node("n1", "http://x", SECRET), body())
    text = json.dumps(sent)
    assert not any(word in text for word in ("KEY-1", "TOP-SECRET", "PHRASE"))
    [task] = sent["tasks"]
    assert task["symbol"] == "BTC/USDT"
    opened = NodeKey(derived_seed(SECRET)).open(task["sealed"], account_id=7, node_code="n1")
    assert opened == {"api_key": "KEY-1", "api_secret": "TOP-SECRET", "passphrase": "PHRASE"}


def test_the_pinned_key_wins_over_the_derived_one() -> None:
    key = NodeKey()
    [task] = Sealer().body(Node("n1", "http://x", SECRET, key.public_key), body())["tasks"]
    assert key.open(task["sealed"], account_id=7, node_code="n1")["api_key"] == "KEY-1"


def test_a_box_is_made_once_per_account_key_pair_and_node() -> None:
    sealer, node = Sealer(), Node("n1", "http://x", SECRET)
    first = sealer.body(node, body())["tasks"][0]["sealed"]
    assert sealer.body(node, body())["tasks"][0]["sealed"] == first
    assert sealer.made == 1
    sealer.body(node, body(api_key="KEY-2"))
    sealer.body(node, body(account_id=8))
    sealer.body(Node("n2", "http://x", SECRET), body())
    sealer.body(Node("n1", "http://x", SECRET, NodeKey().public_key), body())
    assert sealer.made == 5


def test_kept_boxes_are_bounded() -> None:
    sealer, node = Sealer(capacity=2), Node("n1", "http://x", SECRET)
    for account in (1, 2, 3, 1):
        sealer.body(node, body(account_id=account))
    assert sealer.made == 4


def test_the_callers_tasks_are_left_as_they_are() -> None:
    mine = body()
    Sealer().body(Node("n1", "http://x", SECRET), mine)
    assert mine == body()
