"""The HTTP client that the SDK is given: text goes to the endpoint that was named alone, and replies are bounded.

Every call on the way has a connection pool of its own: a pool looks through its connections twice for each request, and
asks the system about every idle one.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2

MOST_BYTES = 16 << 20
"""The most of an unpacked reply that is read; of the results of a batch, which are streamed, the longest line."""
_CODINGS = frozenset({"", "identity", "gzip", "deflate"})
"""What is unpacked: piece by piece, so that little memory is used whatever it unpacks to."""
_HEAD = 64 << 10


class OtherHost(httpx2.LocalProtocolError):
    """A request that would go to another host than the endpoint: it is not sent."""


class TooLarge(httpx2.HTTPError):
    """A reply that is longer than what is read of one. `head` is its beginning."""

    def __init__(self, message: str, status: int, head: bytes) -> None:
        super().__init__(message)
        self.status = status
        self.head = head


class BoundedClient(httpx2.AsyncClient):
    """Follows no redirects, sends to one host only once that is set, and reads at most `MOST_BYTES` of a reply.

    `another` makes a client with a pool of its own. Those that rest are taken up again, the last one first, so that
    there are no more of them than calls were on the way at once.
    """

    def __init__(self, another: Callable[[], httpx2.AsyncClient], **given: Any) -> None:
        super().__init__(follow_redirects=False, **given)
        self.endpoint: httpx2.URL | None = None
        self._another = another
        self._pools: list[httpx2.AsyncClient] = []
        self._resting: list[httpx2.AsyncClient] = []

    async def send(self, request: httpx2.Request, *, stream: bool = False, **given: Any) -> httpx2.Response:
        """Send a request. Raises OtherHost, TooLarge, and the transport's own errors."""
        if self.endpoint is not None and _origin(request.url) != _origin(self.endpoint):
            raise OtherHost(
                f"the endpoint is {_place(self.endpoint)}, and this call would go to {_place(request.url)}: nothing "
                "was sent there",
                request=request,
            )
        request.headers["accept-encoding"] = "gzip, deflate"
        if stream:
            response = await super().send(request, stream=True, **given)
            return _by_line(response) if response.is_success else await _read(response)
        given["follow_redirects"] = False
        pool = self._pool()
        try:
            return await _read(await pool.send(request, stream=True, **given))
        finally:
            self._resting.append(pool)

    def _pool(self) -> httpx2.AsyncClient:
        if self._resting:
            return self._resting.pop()
        self._pools.append(self._another())
        return self._pools[-1]

    async def aclose(self) -> None:
        """Close the connections of every pool."""
        await super().aclose()
        for pool in self._pools:
            await pool.aclose()


class _Lines(httpx2.AsyncByteStream):
    """The unpacked body of a response in whole lines; one that is longer than the bound is left out, and not kept."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        line, is_too_long = bytearray(), False
        async for piece in self._response.aiter_bytes():
            for part in piece.splitlines(keepends=True):
                if not is_too_long:
                    line += part
                if len(line) > MOST_BYTES:
                    line, is_too_long = bytearray(), True
                if part.endswith((b"\n", b"\r")):
                    if line.strip():
                        yield bytes(line)
                    line, is_too_long = bytearray(), False
        if line:
            yield bytes(line)

    async def aclose(self) -> None:
        await self._response.aclose()


def _by_line(response: httpx2.Response) -> httpx2.Response:
    """The same response with its body as whole lines, each bounded."""
    return httpx2.Response(
        response.status_code,
        headers=_headers_of_unpacked(response),
        stream=_Lines(response),
        request=response.request,
        extensions=response.extensions,
    )


async def _read(response: httpx2.Response) -> httpx2.Response:
    """The same response with its body, read up to the bound."""
    body = bytearray()
    try:
        coding = response.headers.get("content-encoding", "").strip().lower()
        if coding not in _CODINGS:
            raise TooLarge(
                f"the reply is packed in a way that was not asked for ({coding[:40]})",
                response.status_code,
                b"",
            )
        if not coding and _length(response) <= MOST_BYTES:
            # no more than it says can come
            await response.aread()
            return response
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MOST_BYTES:
                raise TooLarge(
                    f"the reply is longer than {MOST_BYTES >> 20} MB: no more of it was read",
                    response.status_code,
                    bytes(body[:_HEAD]),
                )
    finally:
        await response.aclose()
    whole = httpx2.Response(
        response.status_code,
        headers=_headers_of_unpacked(response),
        content=bytes(body),
        request=response.request,
        extensions=response.extensions,
    )
    whole.elapsed = response.elapsed
    return whole


def _length(response: httpx2.Response) -> float:
    """The bytes of a body as its header says; no bound where it says nothing."""
    told = response.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 20 else math.inf


def _headers_of_unpacked(response: httpx2.Response) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, value in response.headers.multi_items()
        if name.lower() not in ("content-encoding", "content-length", "transfer-encoding")
    ]


def host_of_redirect(response: httpx2.Response) -> str | None:
    """Where a response sends its caller on to; None if it does not."""
    location = response.headers.get("location")
    if not 300 <= response.status_code < 400 or not location:
        return None
    try:
        return _place(response.request.url.join(location))
    except (httpx2.InvalidURL, ValueError):
        return "an address that cannot be read"


def _place(url: httpx2.URL) -> str:
    """The scheme, host and port of an address."""
    port = f":{url.port}" if url.port is not None else ""
    return f"{url.scheme}://{url.host}{port}"


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    port = {"http": 80, "https": 443}.get(url.scheme) if url.port is None else url.port
    return url.scheme, url.host, port
