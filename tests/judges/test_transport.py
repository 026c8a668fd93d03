"""The HTTP client that the SDK is given: how many pools it has, and what it reads of a reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import httpx2
import pytest

from traceview.judges.transport import BoundedClient, TooLarge

Answer = Callable[[httpx2.Request], Any]


async def pieces(text: bytes, count: int = 1) -> AsyncIterator[bytes]:
    """A body that comes over a connection."""
    for _ in range(count):
        yield text


class Pools:
    """Makes clients that answer by themselves, and keeps them."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.made: list[httpx2.AsyncClient] = []

    def __call__(self) -> httpx2.AsyncClient:
        self.made.append(httpx2.AsyncClient(transport=httpx2.MockTransport(self.answer)))
        return self.made[-1]


def test_there_are_as_many_pools_as_calls_were_on_the_way_at_once_and_all_are_closed() -> None:
    async def answer(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(0.01)
        return httpx2.Response(200, content=pieces(request.url.path.encode()))

    async def ask() -> list[str]:
        pools = Pools(answer)
        async with aclosing(BoundedClient(pools)) as client:
            for _ in range(3):
                await client.get("http://here/alone")
            assert len(pools.made) == 1
            replies = [
                await asyncio.gather(*(client.get(f"http://here/{number}") for number in range(4)))
                for _ in range(3)
            ]
            assert len(pools.made) == 4
        assert all(one.is_closed for one in pools.made)
        return [one.text for one in replies[-1]]

    assert asyncio.run(ask()) == ["/0", "/1", "/2", "/3"]


def test_a_pool_whose_call_was_given_up_or_failed_is_taken_again() -> None:
    async def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/slow":
            await asyncio.sleep(30)
        if request.url.path == "/broken":
            raise httpx2.ConnectError("refused")
        return httpx2.Response(200, content=pieces(b"{}"))

    async def ask() -> int:
        pools = Pools(answer)
        async with aclosing(BoundedClient(pools)) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await client.get("http://here/slow")
            with pytest.raises(httpx2.ConnectError):
                await client.get("http://here/broken")
            assert (await client.get("http://here/well")).status_code == 200
        return len(pools.made)

    assert asyncio.run(ask()) == 1


@pytest.mark.parametrize("said", [True, False], ids=["with its length", "in chunks"])
def test_a_reply_is_read_up_to_the_bound_whether_or_not_it_says_how_long_it_is(
    said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("traceview.judges.transport.MOST_BYTES", 1000)

    def answer(request: httpx2.Request) -> httpx2.Response:
        count = int(request.url.path[1:])
        headers = {"content-length": str(count * 100)} if said else {}
        return httpx2.Response(200, headers=headers, content=pieces(b"x" * 100, count))

    async def ask() -> bytes:
        async with aclosing(BoundedClient(Pools(answer))) as client:
            with pytest.raises(TooLarge):
                await client.get("http://here/11")
            return (await client.get("http://here/10")).content

    assert asyncio.run(ask()) == b"x" * 1000


def test_where_a_reply_sends_its_caller_on_to_nothing_is_asked() -> None:
    asked = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(307, headers={"location": "http://elsewhere/"}, content=pieces(b""))

    async def ask() -> int:
        async with aclosing(BoundedClient(Pools(answer))) as client:
            return (await client.get("http://here/", follow_redirects=True)).status_code

    assert asyncio.run(ask()) == 307
    assert asked == ["http://here/"]
