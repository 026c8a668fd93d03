"""The receiver as an ASGI application: limits, decoding, and an answer once the request is on disk."""

from __future__ import annotations

import asyncio
import base64
import hmac
import ipaddress
import threading
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import orjson

from traceview.ingest.listen.answers import Answer, Refusal, accepted, refused
from traceview.ingest.listen.append import Appender, NotKept
from traceview.ingest.listen.bodies import (
    COMPRESSIONS,
    Counted,
    TooLarge,
    Undecodable,
    count,
    decode,
    decompress,
)
from traceview.ingest.listen.figures import Figures
from traceview.ingest.listen.inbox import Encoding, Received
from traceview.ingest.listen.limits import MIB, Limits

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_SIGNALS = ("traces", "logs", "metrics")
_ENCODINGS: dict[str, Encoding] = {"application/x-protobuf": "protobuf", "application/json": "json"}
_INLINE_BYTES = 16 * 1024
"""Bodies up to this size are decoded on the event loop: handing them to a thread takes longer."""

_LARGE_BYTES = 4 * MIB
_LARGE = threading.Lock()

_LINGER_SECONDS = 2.0
"""How long what is left of a refused body is read, so that the sender sees the answer."""

_LOCAL = ("localhost", "127.0.0.1", "::1")
_UNUSABLE = {
    "traces": "{} spans have no trace id or no span id of the protocol (16 and 8 bytes, in hex), or are no spans",
    "logs": "{} log records are no messages of model calls (gen_ai.*) that name their span, and are not kept",
    "metrics": "traceview keeps traces: {} data points are not kept",
}


class Receiver:
    """Takes requests of one store. Paths may have anything before `/v1/traces`, as some SDKs put it there."""

    def __init__(self, appender: Appender, limits: Limits, figures: Figures, token: str | None) -> None:
        self._appender = appender
        self._limits = limits
        self._figures = figures
        self._token = token
        self._flying_requests = 0
        self._flying_bytes = 0
        self._threads = ThreadPoolExecutor(2, "decode")

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        media = headers.get("content-type", "").partition(";")[0].strip().lower()
        encoding = _ENCODINGS.get(media)
        try:
            answer = await self._answer(scope, headers, encoding, receive)
        except Refusal as refusal:
            self._figures.refused += 1
            if refusal.status != 404:
                self._figures.error(f"{refusal.status}: {refusal.message}")
            if refusal.close:
                await _linger(receive)
            answer = refused(refusal, encoding or "json")
        except Exception as error:  # noqa: BLE001 - whatever one sender sends, the others are served
            self._figures.refused += 1
            self._figures.error(f"500: {type(error).__name__}: {error}")
            answer = refused(
                Refusal(500, f"a bug of the receiver: {type(error).__name__}"), encoding or "json"
            )
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [
                    (b"content-type", answer.content_type.encode()),
                    (b"content-length", str(len(answer.body)).encode()),
                    *(
                        (name.encode(), value.encode("latin-1", "replace"))
                        for name, value in answer.headers.items()
                    ),
                ],
            }
        )
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(
        self,
        scope: Mapping[str, Any],
        headers: Mapping[str, str],
        encoding: Encoding | None,
        receive: Receive,
    ) -> Answer:
        path = scope["path"].rstrip("/")
        if path in ("", "/health", "/healthz") and scope["method"] in ("GET", "HEAD"):
            # without the token it says that it is there, and no more; nor to a page whose name was made to lead here
            known = self._has_token(headers) and ("host" not in headers or _is_address(headers["host"]))
            told = self._figures.as_json() if known else {}
            return Answer(200, b"" if scope["method"] == "HEAD" else orjson.dumps(told), "application/json")
        self._admit(headers)
        signal = next((one for one in _SIGNALS if path.endswith(f"/v1/{one}")), None)
        if signal is None:
            raise Refusal(404, "OTLP is taken at /v1/traces and /v1/logs, by POST", close=True)
        if scope["method"] != "POST":
            raise Refusal(405, f"{scope['method']} is not taken here: OTLP is sent by POST", close=True)
        if encoding is None:
            raise Refusal(
                415, "the content type is to be application/x-protobuf or application/json", close=True
            )
        compression = headers.get("content-encoding", "identity").strip().lower() or "identity"
        if compression not in COMPRESSIONS:
            raise Refusal(415, f"the content encoding is to be one of {', '.join(COMPRESSIONS)}", close=True)
        if self._flying_requests >= self._limits.flight_requests:
            raise Refusal(503, "too many requests at once", again=1, close=True)
        self._flying_requests += 1
        held = [0]
        try:
            body = await self._body(headers, receive, held)
            return await self._take(signal, encoding, compression, body)
        finally:
            self._flying_requests -= 1
            self._flying_bytes -= held[0]

    def _admit(self, headers: Mapping[str, str]) -> None:
        """Refuse web pages, and whoever does not have the token. Raises Refusal."""
        origin = headers.get("origin")
        if origin is not None and _host_of(origin) not in _LOCAL:
            raise Refusal(403, "requests of web pages are not taken", close=True)
        if not self._has_token(headers):
            raise Refusal(401, "the header Authorization: Bearer TOKEN is missing or wrong", close=True)

    def _has_token(self, headers: Mapping[str, str]) -> bool:
        """Whether a request has the token, if there is one; as the password of basic authentication, too."""
        if self._token is None:
            return True
        kind, _, word = headers.get("authorization", "").partition(" ")
        given = word.strip().encode() if kind.lower() == "bearer" else b""
        if kind.lower() == "basic":
            with suppress(ValueError):
                given = base64.b64decode(word).partition(b":")[2]
        return hmac.compare_digest(given, self._token.encode())

    async def _body(self, headers: Mapping[str, str], receive: Receive, held: list[int]) -> bytes:
        """The body as it was sent; `held` counts the bytes that it takes of the common budget. Raises Refusal."""
        limit = self._limits.request_bytes
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            raise _too_large(limit)
        if self._figures.waiting_bytes > self._limits.backlog_bytes:
            raise Refusal(
                429,
                f"{self._figures.waiting_bytes // MIB:,} MiB wait to be written, which is the limit",
                again=5,
                close=True,
            )
        pieces = []
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refusal(400, "the connection ended before the request did", close=True)
                    piece = message.get("body", b"")
                    more = message.get("more_body", False)
                    held[0] += len(piece)
                    self._flying_bytes += len(piece)
                    if held[0] > limit:
                        raise _too_large(limit)
                    if self._flying_bytes > self._limits.flight_bytes:
                        raise Refusal(503, "too much is being received at once", again=1, close=True)
                    pieces.append(piece)
        except TimeoutError:
            raise Refusal(
                408, f"the body did not come within {self._limits.body_seconds:g} s", close=True
            ) from None
        return b"".join(pieces)

    async def _take(self, signal: str, encoding: Encoding, compression: str, body: bytes) -> Answer:
        """Decode a body, have it put on disk, and answer. Raises Refusal."""
        work = partial(_look, signal, encoding, compression, body, self._limits.request_bytes)
        try:
            if len(body) <= _INLINE_BYTES and compression == "identity":
                size, counted = work()
            else:
                size, counted = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TooLarge as error:
            most = error.args[0]
            if most == self._limits.request_bytes:
                raise _too_large(most) from None
            raise Refusal(
                413,
                f"a body that had {len(body):,} bytes as it was sent may have {most // MIB:,} MiB decompressed: "
                "smaller batches or no compression get through",
            ) from None
        except Undecodable as error:
            raise Refusal(400, str(error)) from error
        figures = self._figures
        if counted.usable and signal != "metrics":
            received = Received(signal, encoding, compression, size, counted.usable, body)  # type: ignore[arg-type]
            try:
                await asyncio.wrap_future(self._appender.append(received))
            except NotKept as error:
                raise Refusal(503, str(error), again=10) from error
            figures.waiting_bytes += len(body)
            if signal == "traces":
                figures.spans += counted.usable
                figures.waiting_spans += counted.usable
            else:
                figures.messages += counted.usable
        figures.requests += 1
        if signal == "traces":
            figures.rejected += counted.unusable
        return accepted(signal, encoding, counted.unusable, _UNUSABLE[signal].format(counted.unusable))


def _look(signal: str, encoding: Encoding, compression: str, body: bytes, limit: int) -> tuple[int, Counted]:
    """The size of a body after decompression, and what is in it."""
    data = decompress(body, compression, limit)
    # as objects it takes many times its bytes: of what is large, one after the other
    with _LARGE if len(data) > _LARGE_BYTES else nullcontext():
        return len(data), count(signal, decode(signal, encoding, data))


def _host_of(url: str) -> str | None:
    """The host in a URL; None for what is none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_address(host: str) -> bool:
    """Whether a Host header names this machine or an address: a web page reaches the receiver by another name only."""
    name = _host_of(f"//{host}")
    if name in _LOCAL:
        return True
    try:
        return bool(ipaddress.ip_address(name or ""))
    except ValueError:
        return False


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"a request may have {limit // MIB:,} MiB, decompressed too", close=True)


async def _linger(receive: Receive) -> None:
    """Read for a moment what is still being sent, and forget it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
