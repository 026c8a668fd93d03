"""Connections that do not get on are closed; others are served meanwhile."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
import uvicorn

from traceview.ingest.listen.connection import impatient


async def answered(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


WHOLE = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"


@pytest.mark.parametrize(
    "begun",
    [b"", b"POST / HT", b"POST / HTTP/1.1\r\nHost: x\r\n", WHOLE + b"POST / HTTP/1.1\r\n"],
    ids=["nothing", "half a line", "half a head", "half a second head"],
)
async def test_a_head_that_does_not_get_complete_ends_the_connection(begun: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        config = uvicorn.Config(
            answered, http=impatient(0.2), ws="none", lifespan="off", log_config=None, timeout_keep_alive=60
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        reader, writer = await asyncio.open_connection(*bound.getsockname())
        writer.write(begun)
        told = await asyncio.wait_for(reader.read(), 20)
        assert told.count(b"200 OK") == begun.count(WHOLE)
        # one that is idle between two requests is left alone
        reader, writer = await asyncio.open_connection(*bound.getsockname())
        for _ in range(2):
            writer.write(WHOLE)
            assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"ok"), 20)
            await asyncio.sleep(0.3)
        server.should_exit = True
        writer.close()
        await serving


async def test_one_connection_too_many_takes_the_place_of_the_longest_idle_one() -> None:
    released = asyncio.Event()

    async def waits(scope: Any, receive: Any, send: Any) -> None:
        await released.wait()
        await answered(scope, receive, send)

    with socket.create_server(("127.0.0.1", 0)) as bound:
        config = uvicorn.Config(
            waits, http=impatient(20, 3), ws="none", lifespan="off", log_config=None, timeout_keep_alive=60
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        address = bound.getsockname()
        begun, idle, asking = [await asyncio.open_connection(*address) for _ in range(3)]
        begun[1].write(b"POST / HT")
        asking[1].write(WHOLE)
        while len(server.server_state.tasks) < 1:
            await asyncio.sleep(0.01)
        kept = [asking]
        for tasks, gone in ((2, idle), (3, begun)):
            kept.append(await asyncio.open_connection(*address))
            assert await asyncio.wait_for(gone[0].read(), 20) == b""
            kept[-1][1].write(WHOLE)
            while len(server.server_state.tasks) < tasks:
                await asyncio.sleep(0.01)
        reader, _ = await asyncio.open_connection(*address)
        told = await asyncio.wait_for(reader.read(), 20)
        assert told.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 1" in told
        released.set()
        assert b"200 OK" in await asyncio.wait_for(asking[0].readuntil(b"ok"), 20)
        server.should_exit = True
        await serving
