"""What docs/merchant-api.md tells merchants to run does what it says, over a real connection."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from backend.merchant import rules
from backend.webhooks.rules import EventType
from tests.integration.merchant.test_tenants_apart import doors
from tests.support.doors import World, served
from tests.support.programs import program

MANUAL = (Path(__file__).parents[3] / "docs" / "merchant-api.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    with served(world.app) as at:
        yield f"http://{at}"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", MANUAL, re.DOTALL)
    assert found
    return found.group(1)


def client_class() -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(block("python"), "docs/merchant-api.md", "exec"), names)
    return names


def test_the_example_signature() -> None:
    given = re.search(r"^[0-9a-f]{64}$", MANUAL, re.MULTILINE)
    assert given
    names = client_class()
    query = {"page": "2", "email": "a@b.example"}
    theirs = names["sign"]("s3cr3t", "GET", "/merchant/users", query, b"", "1790000000", "0123456789abcdef")
    text = rules.canonical_string(
        "GET", "/merchant/users", "page=2&email=a@b.example", b"", timestamp="1790000000", nonce="0123456789abcdef"
    )
    assert given.group() == theirs == rules.sign("s3cr3t", text)


def test_the_python_client(world: World, address: str) -> None:
    client = client_class()["MerchantClient"](address, world.a.app_key, world.a.app_secret)
    assert client.get("/merchant/users", email="trader@a", page=1)["total"] == 1
    assert client.get("/merchant/user/info", email=" Trader@A.example ")["user_id"] == world.a.user_id
    form = {"email": world.a.email, "amount": "1.5", "type": 1}
    first, again = [client.post("/merchant/user/recharge", idempotency_key="manual", **form) for _ in range(2)]
    assert first == again
    with pytest.raises(RuntimeError, match="用户不存在"):
        client.get("/merchant/user/info", email="é +&=%@x.example")


def test_the_curl_examples(world: World, address: str) -> None:
    program("curl")
    program("openssl")
    run = subprocess.run(
        ["bash", "-euc", block("bash").replace("\nsigned", "\necho; signed").replace("\nKEY=", "\necho; KEY=")],
        env={"BASE": address, "APP_KEY": world.a.app_key, "APP_SECRET": world.a.app_secret, "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    answers = [json.loads(line) for line in run.stdout.splitlines() if line]
    assert [answer["code"] for answer in answers] == [0, 0, 0], answers
    assert answers[2]["data"]["amount"] == "12.50000000"


def test_every_door_is_in_the_manual(world: World) -> None:
    named = set(re.findall(r"`(GET|POST) /merchant(/[a-z/-]+)`", MANUAL))
    assert named == set(doors(world))


def test_the_check_of_a_webhook() -> None:
    """The manual's few lines agree with the specification's own library, and refuse what was changed."""
    (code,) = [found for found in re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL) if "def verified" in found]
    names: dict[str, Any] = {}
    exec(compile(code, "docs/merchant-api.md", "exec"), names)
    secret, now, body = "whsec_" + base64.b64encode(b"s" * 24).decode(), datetime.now(UTC), '{"type": "test.ping", "data": {}}'
    headers = {
        "webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": "v1,AAAA " + Webhook(secret).sign("msg_1", now, body),
    }  # fmt: skip
    assert names["verified"](secret, headers, body.encode())["type"] == "test.ping"
    old = str(int(now.timestamp()) - 301)
    for changed, text in ((headers, body + " "), ({**headers, "webhook-id": "msg_2"}, body), ({**headers, "webhook-timestamp": old}, body)):
        with pytest.raises(ValueError):
            names["verified"](secret, changed, text.encode())


def test_every_event_stands_in_the_manual() -> None:
    assert all(f"| `{kind.value}` |" in MANUAL for kind in EventType)
