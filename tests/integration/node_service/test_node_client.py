"""The centre's side: many nodes at once, forged, hung, broken and restarted ones among them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from node_service import protocol
from node_service.client import Delivery, Node, NodeClient, NodeReply
from tests.support.node import SECRET, NodeServer
from tests.support.paper import free_port

EMPTY = {"signal": {"symbol": "BTC/USDT"}, "tasks": []}
EXECUTE = "/api/execute"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def tcp(handler: Handler) -> AsyncIterator[str]:
    """A bare TCP server that does whatever `handler` does."""

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(run, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def read_request(reader: asyncio.StreamReader) -> dict[str, str]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
    await reader.readexactly(int(fields["Content-Length"]))
    return fields


def answer(
    fields: dict[str, str], body: bytes = b'{"success":true,"results":[]}', secret: str = SECRET, status: int = 200
) -> bytes:
    signed = protocol.reply_headers(secret, status, EXECUTE, body, fields["X-IB-Nonce"])
    lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
    return f"HTTP/1.1 {status} OK\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


async def ask(base_url: str, timeout_s: float = 2.0) -> NodeReply:
    async with NodeClient() as client:
        return await client.send(Node("n1", base_url, SECRET), EXECUTE, EMPTY, timeout_s=timeout_s)


async def test_a_genuine_answer_is_believed() -> None:
    async with NodeServer() as server, NodeClient() as client:
        for _ in range(3):
            reply = await client.send(server.node(), EXECUTE, EMPTY)
            assert (reply.delivery, reply.data) == (Delivery.ANSWERED, {"success": True, "results": []})
            assert reply.clock_offset_ms is not None
            assert abs(reply.clock_offset_ms) < 1000


async def test_forged_replies_are_refused() -> None:
    forgeries: dict[str, Callable[[dict[str, str]], bytes]] = {
        "signed with another secret": lambda fields: answer(fields, secret="somebody-else"),
        "not signed": lambda fields: b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"success":true}',
        "for another request": lambda fields: answer(fields | {"X-IB-Nonce": "x" * 24}),
        "body changed": lambda fields: answer(fields).replace(b"true", b"fals"),
        "status changed": lambda fields: answer(fields).replace(b"200 OK", b"401 No"),
    }
    for name, forge in forgeries.items():

        async def handler(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, forge: Callable[..., bytes] = forge
        ) -> None:
            writer.write(forge(await read_request(reader)))
            await writer.drain()

        async with tcp(handler) as base_url:
            reply = await ask(base_url)
        assert (reply.delivery, reply.error_code) == (Delivery.UNKNOWN, "REPLY_UNVERIFIED"), name
        assert reply.data == {}


async def test_a_node_with_another_secret_executes_nothing_and_is_not_believed() -> None:
    async with NodeServer() as server, NodeClient() as client:
        reply = await client.send(server.node(secret="not-the-secret-of-it"), EXECUTE, EMPTY)
        assert (reply.delivery, reply.error_code) == (Delivery.UNKNOWN, "REPLY_UNVERIFIED")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n",
    ],
)
async def test_broken_replies_are_unknown(raw: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(raw)
        await writer.drain()

    async with tcp(handler) as base_url:
        reply = await ask(base_url)
    assert (reply.delivery, reply.error_code) == (Delivery.UNKNOWN, "NODE_CUT_OFF")


async def test_replies_in_pieces_and_in_chunks_are_read() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fields = await read_request(reader)
        whole = answer(fields)
        head, _, body = whole.partition(b"\r\n\r\n")
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i : i + 7]), body[i : i + 7]) for i in range(0, len(body), 7))
        head = head.replace(f"Content-Length: {len(body)}".encode(), b"Transfer-Encoding: chunked")
        for raw in (whole, head + b"\r\n\r\n" + chunks + b"0\r\n\r\n"):
            for at in range(0, len(raw), 11):
                writer.write(raw[at : at + 11])
                await writer.drain()
                await asyncio.sleep(0)
            if raw is whole:
                fields = await read_request(reader)
                new = protocol.reply_headers(SECRET, 200, EXECUTE, body, fields["X-IB-Nonce"])
                head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
                for name, value in new.items():
                    head += f"\r\n{name}: {value}".encode()
                writer.write(head + b"\r\n\r\n" + chunks + b"0\r\n\r\n")
                await writer.drain()
                await reader.read()
                return

    async with tcp(handler) as base_url, NodeClient() as client:
        node = Node("n1", base_url, SECRET)
        assert (await client.send(node, EXECUTE, EMPTY, timeout_s=5)).ok
        assert (await client.send(node, EXECUTE, EMPTY, timeout_s=5)).ok


async def test_an_unreachable_node_was_sent_nothing() -> None:
    reply = await ask("http://127.0.0.1:9")
    assert (reply.delivery, reply.error_code) == (Delivery.NOT_SENT, "NODE_UNREACHABLE")


async def test_a_connection_closed_while_idle_is_replaced_without_a_second_execution() -> None:
    seen: list[str] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fields = await read_request(reader)
        seen.append(fields["X-IB-Nonce"])
        writer.write(answer(fields))
        await writer.drain()
        if len(seen) == 1:  # keep it open, then drop it exactly when the next request arrives
            await reader.readexactly(1)

    async with tcp(handler) as base_url, NodeClient() as client:
        node = Node("n1", base_url, SECRET)
        first = await client.send(node, EXECUTE, EMPTY)
        second = await client.send(node, EXECUTE, EMPTY)
        [third] = await client.dispatch([(node, EXECUTE, EMPTY)])
    assert (first.ok, second.ok, third.ok) == (True, True, True)
    assert len(set(seen)) == 3


async def test_a_node_that_dies_with_the_request_in_hand_may_have_executed_it() -> None:
    """Its connection closes without a word and nobody listens any more: that is not "nothing was sent"."""
    died = asyncio.Event()
    seen = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        while True:
            fields = await read_request(reader)
            seen += 1
            if seen == 2:
                server.close()
                died.set()
                return
            writer.write(answer(fields))
            await writer.drain()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(run, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with NodeClient() as client:
        node = Node("n1", base_url, SECRET)
        assert (await client.send(node, EXECUTE, EMPTY)).ok
        reply = await client.send(node, EXECUTE, EMPTY)
        assert died.is_set() and (reply.delivery, reply.error_code) == (Delivery.UNKNOWN, "NODE_CUT_OFF")
        assert (await client.send(node, EXECUTE, EMPTY)).delivery is Delivery.NOT_SENT


async def test_the_successor_of_a_process_that_died_cannot_say_that_nothing_was_executed() -> None:
    """Something in between takes connections for both: the first copy of the request may have been executed before."""
    seen = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        while seen < 4:
            fields = await read_request(reader)
            seen += 1
            if seen == 2:
                break
            refusal = protocol.dumps({"code": "BEFORE_START", "message": "The request is older than this node."})
            writer.write(answer(fields) if seen == 1 else answer(fields, refusal, status=401))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    node = Node("n1", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", SECRET)
    async with NodeClient() as client:
        assert (await client.send(node, EXECUTE, EMPTY)).ok
        reply = await client.send(node, EXECUTE, EMPTY)
        assert seen == 3 and (reply.delivery, reply.error_code) == (Delivery.UNKNOWN, "BEFORE_START")
        assert (await client.send(node, EXECUTE, EMPTY)).delivery is Delivery.REFUSED
    server.close()


async def test_a_hung_node_delays_nobody_and_is_left_alone_after_three_failures() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.sleep(30)

    async with NodeServer() as server, tcp(hang) as hung_url, NodeClient(breaker_rest_s=0.2) as client:
        good = [Node(f"g{index}", server.base_url, SECRET) for index in range(20)]
        hung = Node("hung", hung_url, SECRET)
        for _ in range(3):
            arrivals: list[NodeReply] = []
            replies = await client.dispatch(
                [(node, EXECUTE, EMPTY) for node in [hung, *good]],
                timeout_s=1.0,
                on_reply=arrivals.append,
            )
            assert (replies[0].node_code, replies[0].error_code) == ("hung", "NODE_TIMEOUT")
            assert all(reply.ok for reply in replies[1:])
            assert [reply.node_code for reply in arrivals].index("hung") == len(good)  # the others did not wait for it
        assert client.breaker_open("hung")
        started = time.monotonic()
        refused = await client.send(hung, EXECUTE, EMPTY, timeout_s=30)
        assert (refused.delivery, refused.error_code) == (Delivery.NOT_SENT, "NODE_DOWN")
        assert time.monotonic() - started < 15  # at once, not after the time it may take


async def test_an_answer_that_comes_between_closes_the_breaker_for_who_was_about_to_probe() -> None:
    async with NodeServer() as server, NodeClient() as client:
        node = server.node()
        for _ in range(3):
            await client.send(Node(node.code, f"http://127.0.0.1:{free_port()}", SECRET), EXECUTE, EMPTY)
        assert client.breaker_open(node.code)
        sending = asyncio.create_task(client.send(node, EXECUTE, EMPTY, timeout_s=20))
        asyncio.get_running_loop().call_soon(client._breakers.clear)  # as a genuine reply does
        assert (await sending).ok


async def test_a_recovered_node_is_found_by_a_probe_and_never_by_an_order() -> None:
    paths: list[str] = []
    broken = True

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        await reader.readexactly(int(fields["Content-Length"]))
        path = head.split(" ")[1]
        paths.append(path)
        if broken:
            return
        body = b'{"status":"ok"}'
        signed = protocol.reply_headers(SECRET, 200, path, body, fields["X-IB-Nonce"])
        lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body)
        await writer.drain()

    async with tcp(handler) as base_url, NodeClient(breaker_rest_s=0.1) as client:
        node = Node("n1", base_url, SECRET)
        for _ in range(3):
            assert (await client.send(node, EXECUTE, EMPTY)).delivery is Delivery.UNKNOWN
        await asyncio.sleep(0.12)
        paths.clear()
        assert (await client.send(node, EXECUTE, EMPTY)).delivery is Delivery.NOT_SENT
        assert paths == ["/health"]
        broken = False
        await asyncio.sleep(0.12)
        [reply] = await client.dispatch([(node, EXECUTE, EMPTY)])
        assert reply.ok
        assert paths == ["/health", "/health", EXECUTE]
        assert not client.breaker_open("n1")


async def test_a_replayed_request_is_not_taken_for_a_refusal() -> None:
    """A relay that delivers the request twice and passes on the second answer."""
    async with NodeServer() as server:
        port = int(server.base_url.rpartition(":")[2])

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            raw = head + await reader.readexactly(length)
            for last in (False, True):
                up, down = await asyncio.open_connection("127.0.0.1", port)
                down.write(raw)
                got = await up.readuntil(b"\r\n\r\n")
                size = int(got.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                got += await up.readexactly(size)
                down.close()
                if last:
                    writer.write(got)
                    await writer.drain()

        async with tcp(handler) as base_url:
            reply = await ask(base_url)
    assert (reply.delivery, reply.error_code) == (Delivery.UNKNOWN, "REPLAYED")


@pytest.mark.parametrize("address", ["", "ftp://host", "nonsense", "http://"])
async def test_an_address_that_cannot_be_used_is_an_answer_and_no_exception(address: str) -> None:
    reply = await ask(address)
    assert (reply.delivery, reply.error_code) == (Delivery.NOT_SENT, "NODE_ADDRESS_BAD")


async def test_dispatch_keeps_the_order_of_requests_and_takes_an_empty_list() -> None:
    async with NodeServer() as server, NodeClient() as client:
        assert await client.dispatch([]) == []
        nodes = [Node(f"g{index}", server.base_url, SECRET) for index in range(12)]
        for _ in range(2):
            replies = await client.dispatch((node, EXECUTE, EMPTY) for node in nodes)
            assert [reply.node_code for reply in replies] == [node.code for node in nodes]
            assert all(reply.ok for reply in replies)
