"""B1: generated requests to every documented door of merchants, tenants and admins: no 5xx, nothing but what is documented.

Valid and invalid requests in equal parts, rightly signed in, over HTTP to a served app. ``make faults``: 10,000 and more.
"""

from __future__ import annotations

import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.generation.meta import negated_parameters
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from backend.billing.jobs import settle_pending
from tests.integration.merchant.conftest import fill_pockets
from tests.support.doors import World, make_world, served
from tests.support.faults import times
from tests.support.merchant import signature
from tests.support.money import assert_sound

PER_DOOR = times(1, 70)
WHOLE = re.compile(r"\s*[+-]?\d+(\.0*)?\s*")
SIGNED = {"X-App-Key", "X-Timestamp", "X-Nonce", "X-Sign-Version", "X-Sign"}
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, negative_data_rejection,
]  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, str]]:
    """A world of two tenants with money, served."""
    world = make_world(Path(tmp_path_factory.mktemp("openapi")))
    fill_pockets(world, world.a)
    fill_pockets(world, world.b)
    world.sign_in()
    with served(world.app) as host:
        yield world, f"http://{host}"
    world.db.run(settle_pending)  # no timetable runs here, and old fills must be settled
    assert_sound(world.db)
    world.db.dispose()


@pytest.mark.timeout(times(300, 14_400))
def test_generated_requests(address: tuple[World, str]) -> None:
    world, url = address
    document = world.app.openapi()
    for item in document["paths"].values():
        for operation in item.values():
            # What signs a call is added below, rightly; leaving it out is tested with the signatures.
            operation["parameters"] = [one for one in operation.get("parameters", []) if one["name"] not in SIGNED]
    schema = schemathesis.openapi.from_dict(document)
    schema.app = None
    answered: Counter[str] = Counter()
    broken: dict[str, str] = {}
    session = requests.Session()
    for found in schema.get_all_operations():
        operation = found.ok()
        if "logout" in operation.path or operation.path == "/api/health":
            # One would end the session all others use; the other's 503 is the truth about a centre without an engine.
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            strategy = operation.as_strategy(generation_mode=mode)

            @given(case=strategy)
            @settings(
                max_examples=PER_DOOR, deadline=None, database=None, suppress_health_check=list(HealthCheck),
                phases=[Phase.explicit, Phase.generate],
            )  # fmt: skip
            def one(case: Any) -> None:
                request = session.prepare_request(requests.Request(**case.as_transport_kwargs(base_url=url)))
                sign(world, request)
                answer = session.send(request, timeout=30, allow_redirects=False)
                answered[f"{urlsplit(url + case.path).path.split('/')[1]} {answer.status_code // 100}xx"] += 1
                case.validate_response(answer, checks=[one for one in CHECKS if one is not negative_data_rejection or not numbers_as_texts(case)])

            try:
                one()
            except Unsatisfiable:
                continue  # nothing of this door can be wrong
            except BaseExceptionGroup as group:
                broken[f"{operation.label} {mode.value}"] = "; ".join(str(error) for error in group.exceptions)
            except Exception as error:
                broken[f"{operation.label} {mode.value}"] = str(error)
    assert not broken, "\n".join(f"{name}: {why}" for name, why in broken.items())
    assert sum(answered.values()) > times(200, 10_000)


def numbers_as_texts(case: Any) -> bool:
    """Only numbers in the address were made wrong, and by chance as texts of numbers: there they are the same."""
    wrong = set(negated_parameters(case.meta))
    texts = [(case.query or {}).get(name) if where is ParameterLocation.QUERY else None for name, where in wrong]
    return bool(texts) and all(isinstance(value, str) and WHOLE.fullmatch(value) for value in texts)


def bearer(world: World, who: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.tokens[who]}"}


def sign(world: World, request: requests.PreparedRequest) -> None:
    """As the door wants it: a merchant's signature, or the token of its kind of person."""
    parts = urlsplit(request.url or "")
    if not parts.path.startswith("/merchant"):
        kind = {"tenant": "tenant_a", "agent": "agent_a"}.get(f"{parts.path}/".split("/")[2], "admin")
        request.headers.update(bearer(world, kind))
        return
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    stamp, nonce = str(int(time.time())), secrets.token_hex(16)
    pairs = dict(parse_qsl(parts.query, keep_blank_values=True))
    request.headers.update(
        {
            "X-App-Key": world.a.app_key,
            "X-Timestamp": stamp,
            "X-Nonce": nonce,
            "X-Sign-Version": "2",
            "X-Sign": signature(world.a.app_secret, request.method or "", parts.path, pairs, body, stamp, nonce),
        }
    )
