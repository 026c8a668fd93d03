"""The fake server itself: HTTP/1.1 over asyncio, with the Messages API, token counts and batches."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from msgspec.structs import replace

from traceview.judges.fake_server.batches import Batches
from traceview.judges.fake_server.script import Answer, Call, Script, answering, failing
from traceview.judges.fake_server.verdicts import is_cached, system_tokens, tokens_of

CALL_KEY_HEADER = "x-traceview-call"
KEY = "fake-key"
_LIMIT = 1 << 28
_PIECE = 16


class RateLimit:
    """A bucket of requests that fills at `per_second` up to `burst`; it tells how long to wait in whole seconds."""

    def __init__(self, per_second: float, burst: float | None = None) -> None:
        self.per_second = per_second
        self.burst = burst or per_second
        self._level = self.burst
        self._at = time.monotonic()

    def take(self) -> bool:
        """Take one; False if there is none."""
        now = time.monotonic()
        self._level = min(self.burst, self._level + (now - self._at) * self.per_second)
        self._at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True

    def headers(self) -> dict[str, str]:
        """The state as the API's headers tell it."""
        full = (self.burst - self._level) / self.per_second
        reset = (datetime.now(UTC) + timedelta(seconds=full)).isoformat()
        name = "anthropic-ratelimit-requests"
        return {
            f"{name}-limit": f"{self.burst:.0f}",
            f"{name}-remaining": f"{int(self._level)}",
            f"{name}-reset": reset,
        }


class FakeServer:
    """Answers calls as `script` says, and counts them by their key.

    `limit` refuses with 429 what comes faster. `batch_seconds` is how long batches take. Use it as a context manager
    (a thread of its own), or `await start()` it in a loop.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        limit: RateLimit | None = None,
        batch_seconds: float = 0.2,
        key: str = KEY,
        port: int = 0,
    ) -> None:
        self.script = script or answering()
        self.counted = 0
        """Prompts whose tokens were counted."""
        self.redirect: str | None = None
        """Where every call is sent on to, if anywhere."""
        self.port = port
        self.calls: list[Call] = []
        self.paid: Counter[str] = Counter()
        """Replies that a provider would bill, by key, seen by the client or not."""
        self.statuses: Counter[int] = Counter()
        self.in_flight = 0
        self.most_in_flight = 0
        self._limit = limit
        self._key = key
        self._attempts: Counter[str] = Counter()
        self._cached: dict[str, float] = {}
        self.batches = Batches(batch_seconds, self._batch_result)
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What ANTHROPIC_BASE_URL is set to."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> FakeServer:
        ready = threading.Event()

        def run() -> None:
            loop = asyncio.new_event_loop()
            self._loop = loop
            loop.run_until_complete(self.start())
            ready.set()
            loop.run_forever()
            loop.run_until_complete(self.close())
            loop.close()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None and self._thread is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def start(self) -> None:
        """Listen on the loopback address."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, limit=_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop, and let go of every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            with suppress(ConnectionError, RuntimeError):
                writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read and answer one request; False once the connection is of no more use."""
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if colon:
                headers[name.strip().lower()] = value.strip()
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        body = json.loads(content) if content else {}
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            answer = self._answer(method, target, headers, body)
            return await self._send(writer, answer)
        finally:
            self.in_flight -= 1

    def _answer(
        self, method: str, target: str, headers: Mapping[str, str], body: Mapping[str, Any]
    ) -> Answer:
        place = urlsplit(target)
        path = place.path.rstrip("/")
        if path == "/calls":
            # this request is none of those that are counted
            self.in_flight -= 1
            try:
                return Answer(self.figures(), paid=False)
            finally:
                self.in_flight += 1
        if self.redirect is not None:
            return self._counted(Answer(b"", 307, {"location": self.redirect}, paid=False))
        if headers.get("authorization") != f"Bearer {self._key}":
            return self._counted(failing(401, "authentication_error", "invalid x-api-key"))
        if path == "/v1/messages" and method == "POST":
            return self._message(headers.get(CALL_KEY_HEADER, ""), body)
        if path == "/v1/messages/count_tokens":
            self.counted += 1
            return Answer({"input_tokens": tokens_of(body)}, paid=False)
        if path.startswith("/v1/messages/batches"):
            return self._batch(
                method, path.removeprefix("/v1/messages/batches").strip("/"), place.query, body
            )
        return failing(404, "not_found_error", f"{path} is not here")

    def figures(self) -> dict[str, Any]:
        """What `/calls` answers: calls, those that were paid, and keys that were paid more than once."""
        return {
            "calls": len(self.calls),
            "paid": self.paid.total(),
            "keys": len(self.paid),
            "paid_twice": sorted(key for key, count in self.paid.items() if count > 1),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
        }

    def _message(self, key: str, body: Mapping[str, Any]) -> Answer:
        limited = self._limit is not None and not self._limit.take()
        told = self._limit.headers() if self._limit is not None else {}
        if limited:
            return self._counted(failing(429, "rate_limit_error", headers=told | {"retry-after": "1"}))
        self._attempts[key] += 1
        call = Call(len(self.calls) + 1, self._attempts[key], key, body)
        self.calls.append(call)
        answer = self.script(call)
        if answer.paid:
            self.paid[key] += 1
        if answer.counts_cache and isinstance(answer.body, dict) and answer.body.get("usage"):
            self._count_cached(answer.body["usage"], body, answer.seconds)
        headers = {"request-id": f"req_{call.number:08d}", **told, **answer.headers}
        return self._counted(replace(answer, headers=headers))

    def _count_cached(self, usage: dict[str, Any], body: Mapping[str, Any], seconds: float) -> None:
        """Part the input into what the prompt cache has, what is written to it, and the rest.

        An entry can be read once the reply to the call that wrote it has begun.
        """
        if not is_cached(body):
            return
        prefix, system = json.dumps(body.get("system"), sort_keys=True), system_tokens(body)
        now = time.monotonic()
        held = self._cached.get(prefix)
        kind = (
            "cache_read_input_tokens" if held is not None and now >= held else "cache_creation_input_tokens"
        )
        self._cached[prefix] = min(held, now + seconds) if held is not None else now + seconds
        usage[kind] = min(system, usage["input_tokens"])
        usage["input_tokens"] -= usage[kind]

    def _batch(self, method: str, rest: str, query: str, body: Mapping[str, Any]) -> Answer:
        id, _, action = rest.partition("/")
        found: dict[str, Any] | None
        if not id and method == "POST":
            return Answer(self.batches.create(body), paid=False)
        if not id:
            asked = parse_qs(query)
            after = asked.get("after_id", [None])[0]
            return Answer(self.batches.listed(int(asked.get("limit", ["20"])[0]), after), paid=False)
        if action == "results":
            results = self.batches.results(id)
            if results is None:
                return failing(404, "not_found_error", "no results yet")
            return Answer(results, headers={"content-type": "application/x-jsonl"}, paid=False)
        found = self.batches.cancel(id) if action == "cancel" else self.batches.get(id)
        return Answer(found, paid=False) if found is not None else failing(404, "not_found_error")

    def _batch_result(self, key: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self._attempts[key] += 1
        call = Call(len(self.calls) + 1, self._attempts[key], key, params)
        self.calls.append(call)
        answer = self.script(call)
        if answer.status != 200 or not isinstance(answer.body, Mapping):
            return {"type": "errored", "error": answer.body if isinstance(answer.body, Mapping) else {}}
        self.paid[key] += 1
        return {"type": "succeeded", "message": answer.body}

    def _counted(self, answer: Answer) -> Answer:
        self.statuses[answer.status] += 1
        return answer

    async def _send(self, writer: asyncio.StreamWriter, answer: Answer) -> bool:
        if answer.seconds > 0:
            await asyncio.sleep(answer.seconds)
        if answer.hang:
            await asyncio.sleep(3600)
        if answer.reset:
            writer.transport.abort()
            return False
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body))} | dict(
            answer.headers
        )
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {answer.status} fake\r\n{head}\r\n"
        if answer.cut is not None:
            writer.write(head.encode() + body[: answer.cut])
            await writer.drain()
            writer.close()
            return False
        if answer.drip:
            writer.write(head.encode())
            for start in range(0, len(body), _PIECE):
                writer.write(body[start : start + _PIECE])
                await writer.drain()
                await asyncio.sleep(answer.drip)
            return True
        writer.write(head.encode() + body)
        await writer.drain()
        return True
