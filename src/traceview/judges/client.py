"""The one module that talks to a model, through the anthropic SDK. Retries, pace and money are not its business.

Importing the SDK takes seconds and 86 MB: this module is imported in the worker process alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import anthropic
import httpx2

from traceview.judges.exchange import (
    KEY_ENV_HINT,
    KEY_VARIABLE,
    BatchResult,
    BatchState,
    Request,
    Response,
    body_of,
    endpoint_of,
    failure_of_status,
    is_elsewhere,
    is_too_long,
    missing_key,
    storable,
)
from traceview.judges.transport import BoundedClient, TooLarge, host_of_redirect
from traceview.model.errors import BadInput, Refused
from traceview.model.judges import ModelSettings
from traceview.text.redact import Redactor

CALL_KEY_HEADER = "x-traceview-call"
"""Names the call to a gateway's log, and to tests that count calls."""
_NOT_SENT = (
    "ConnectError",
    "ConnectTimeout",
    "PoolTimeout",
    "UnsupportedProtocol",
    "LocalProtocolError",
    "InvalidURL",
)
"""What happens to a request before any of it is on the way, by the names of the transport's errors."""
_LONGEST_MESSAGE = 500
_HEADERS_VARIABLE = "ANTHROPIC_CUSTOM_HEADERS"


class _HttpClient(BoundedClient, anthropic.DefaultAsyncHttpxClient):
    """The SDK's own HTTP client, bounded."""


class JudgeClient:
    """Asks the model of a judge. To be made and used in one event loop, and closed."""

    def __init__(self, model: ModelSettings, *, timeout: float) -> None:
        """`timeout` is the most seconds that a call may take as a whole. Raises Refused without credentials."""
        try:
            self._client = _client(model, _own_key(model), timeout)
        except (anthropic.AnthropicError, ValueError, OSError) as error:
            raise _without_credentials(model, str(error)) from None
        if not _has_credentials(self._client):
            raise _without_credentials(model)
        self._model = model
        self._timeout = timeout
        self._create = self._client.messages.with_raw_response.create
        self._secrets = [one for one in (self._client.api_key, self._client.auth_token) if one]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def send(self, request: Request) -> Response:
        """Ask once. Never raises for what an endpoint or the network does; raises CancelledError."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._create(
                    **body_of(self._model, request), extra_headers={CALL_KEY_HEADER: request.key}
                )
                content = await answer.read()
        except TimeoutError:
            return self._lost("timeout", f"no whole answer in {self._timeout:g} s", began)
        except anthropic.APIStatusError as error:
            return self._refused(error, began)
        except anthropic.APIConnectionError as error:
            return self._broken(error, began)
        except anthropic.CredentialsError as error:
            return Response("no", failure="auth", message=self._said(error), seconds=time.monotonic() - began)
        except anthropic.AnthropicError as error:
            return self._lost("network", self._said(error), began)
        except TypeError as error:
            if "authentication" not in str(error):
                raise
            return Response("no", failure="auth", message=self._said(error), seconds=time.monotonic() - began)
        except Exception as error:  # noqa: BLE001 (whatever the transport raises while a body is read)
            return self._lost("network", self._said(error), began)
        seconds = time.monotonic() - began
        headers = {name.lower(): value for name, value in answer.headers.items()}
        common: dict[str, Any] = {
            "status": answer.status_code,
            "request_id": None if (id := headers.get("request-id")) is None else self._without_keys(id[:200]),
            "headers": headers,
            "seconds": seconds,
        }
        try:
            reply = storable(json.loads(content), self._secrets)
        except (ValueError, RecursionError):
            reply = None
        if not isinstance(reply, dict):
            return Response("maybe", raw=self._without_keys(content.decode(errors="replace")), **common)
        return Response("yes", reply=reply, **common)

    async def count_tokens(self, request: Request) -> int | None:
        """The tokens of a request's input as the endpoint counts them; None where it does not."""
        given = body_of(self._model, request)
        given.pop("max_tokens")
        try:
            async with asyncio.timeout(min(self._timeout, 30.0)):
                counted = await self._client.messages.count_tokens(**given)
        except (TimeoutError, anthropic.AnthropicError, TypeError, ValueError):
            return None
        return counted.input_tokens if isinstance(counted.input_tokens, int) else None

    async def create_batch(self, requests: Sequence[Request]) -> BatchState:
        """Send a batch. Raises anthropic's errors through `failure_of`."""
        entries = [{"custom_id": one.key, "params": body_of(self._model, one)} for one in requests]
        return _state(await self._client.messages.batches.create(requests=cast(Any, entries)))

    async def batch(self, id: str) -> BatchState | None:
        """A batch as it stands; None if there is none of this id (any more)."""
        try:
            return _state(await self._client.messages.batches.retrieve(id))
        except anthropic.NotFoundError:
            return None

    async def batches(self, most: int = 200) -> AsyncIterator[BatchState]:
        """The batches of this account, the newest first."""
        seen = 0
        async for one in self._client.messages.batches.list(limit=50):
            yield _state(one)
            seen += 1
            if seen >= most:
                return

    async def batch_results(self, id: str) -> AsyncIterator[BatchResult]:
        """The results of a batch that has ended, in no order."""
        async for one in await self._client.messages.batches.results(id):
            told = one.result.to_dict(warnings=False) if hasattr(one.result, "to_dict") else dict(one.result)
            yield self._result(self._without_keys(str(one.custom_id)), told)

    async def cancel_batch(self, id: str) -> None:
        """Ask that a batch is not worked on any more."""
        await self._client.messages.batches.cancel(id)

    def failure_of(self, error: Exception) -> Response:
        """What an error of a call about batches means."""
        began = time.monotonic()
        if isinstance(error, anthropic.APIStatusError):
            return self._refused(error, began)
        if isinstance(error, anthropic.APIConnectionError):
            return self._broken(error, began)
        return self._lost("network", self._said(error), began)

    def _refused(self, error: anthropic.APIStatusError, began: float) -> Response:
        """An answer with an error of its own, or with another address: nothing of it was paid."""
        elsewhere = host_of_redirect(error.response)
        if elsewhere is not None:
            said = f"the endpoint sends its callers on to {elsewhere}: nothing was sent there"
            return Response(
                "no",
                status=error.status_code,
                failure="network",
                message=self._clean(said),
                seconds=time.monotonic() - began,
            )
        failure = failure_of_status(error.status_code, error.error_code, error.type)
        message = error.api_message or error.message
        if failure in ("bad_request", "too_large") and is_too_long(message):
            failure = "context_exceeded"
        return Response(
            "no",
            status=error.status_code,
            failure=failure,
            message=self._clean(message),
            request_id=None if error.request_id is None else self._without_keys(error.request_id[:200]),
            headers={name.lower(): value for name, value in error.response.headers.items()},
            seconds=time.monotonic() - began,
        )

    def _broken(self, error: anthropic.APIConnectionError, began: float) -> Response:
        """A connection that failed: before anything was sent nothing was paid, afterwards nobody knows."""
        cause = error.__cause__
        if isinstance(cause, TooLarge):
            head = cause.head.decode(errors="replace")
            return Response(
                "maybe",
                status=cause.status,
                raw=self._without_keys(head),
                message=self._clean(str(cause)),
                seconds=time.monotonic() - began,
            )
        names = {one.__name__ for one in type(cause).__mro__} if cause is not None else set()
        said = str(cause or error) or type(cause or error).__name__
        if names & set(_NOT_SENT):
            kind = "timeout" if names & {"ConnectTimeout", "PoolTimeout"} else "network"
            return Response("no", failure=kind, message=self._clean(said), seconds=time.monotonic() - began)
        timed_out = isinstance(error, anthropic.APITimeoutError)
        return self._lost("timeout" if timed_out else "network", self._clean(said), began)

    def _lost(self, failure: str, message: str, began: float) -> Response:
        return Response("maybe", failure=failure, message=message, seconds=time.monotonic() - began)

    def _result(self, key: str, told: Mapping[str, Any]) -> BatchResult:
        kind = str(told.get("type"))
        if kind == "succeeded":
            try:
                reply = storable(told.get("message"), self._secrets)
            except ValueError as deep:
                reply = {"unread": str(deep)}
            return BatchResult(key, kind, reply=reply if isinstance(reply, dict) else {"unread": reply})
        error = _mapping(told.get("error"))
        inner = _mapping(error.get("error")) or error
        message = str(inner.get("message") or kind)
        failure = "context_exceeded" if is_too_long(message) else "bad_request"
        if "invalid_request" not in str(inner.get("type")):
            failure = "server"
        return BatchResult(key, kind, failure=failure, message=self._clean(message))

    def _said(self, error: BaseException) -> str:
        return self._clean(str(error) or type(error).__name__)

    def _clean(self, message: str) -> str:
        """A message that may be kept and shown: no key is in it."""
        return Redactor().text(self._without_keys(message))[:_LONGEST_MESSAGE]

    def _without_keys(self, text: str) -> str:
        """A text without the key that it was asked with, should the endpoint say it back."""
        return str(storable(text, self._secrets))


def _client(model: ModelSettings, key: str | None, timeout: float) -> anthropic.AsyncAnthropic:
    certificates = httpx2.create_ssl_context()
    # headers of the environment are meant for the endpoint of the environment
    hidden = os.environ.pop(_HEADERS_VARIABLE, None) if is_elsewhere(model) else None
    try:
        return _made(model, key, timeout, certificates)
    finally:
        if hidden is not None:
            os.environ[_HEADERS_VARIABLE] = hidden


def _made(
    model: ModelSettings, key: str | None, timeout: float, certificates: Any
) -> anthropic.AsyncAnthropic:
    def another() -> httpx2.AsyncClient:
        return anthropic.DefaultAsyncHttpxClient(verify=certificates)

    http = _HttpClient(another, verify=certificates)
    client = anthropic.AsyncAnthropic(
        api_key=key,
        base_url=model.base_url,
        max_retries=0,
        open_telemetry=False,
        timeout=anthropic.Timeout(timeout, connect=min(timeout, 10.0)),
        http_client=http,
    )
    # a profile may name another address, which nobody agreed to
    http.endpoint = httpx2.URL(endpoint_of(model))
    return client


def _own_key(model: ModelSettings) -> str | None:
    """The key in the variable that a judge names; None to let the SDK look. Raises Refused."""
    if model.key_env is None:
        wrong = missing_key(model)
        if wrong is not None:
            raise Refused(wrong, hint=KEY_ENV_HINT)
        return None
    key = os.environ.get(model.key_env, "").strip()
    if not key:
        raise Refused(
            f"no key for {endpoint_of(model)}: the environment variable {model.key_env} is not set",
            hint=f"set it to the key: export {model.key_env}=...",
        )
    return key


def _has_credentials(client: anthropic.AsyncAnthropic) -> bool:
    return bool(client.api_key or client.auth_token or client.credentials)


def _without_credentials(model: ModelSettings, said: str = "") -> Refused:
    told = f" ({said})" if said else ""
    return Refused(
        f"no credentials for {endpoint_of(model)}{told}: set {KEY_VARIABLE}, or a profile (ANTHROPIC_PROFILE), or "
        "base_url and key_env in [model] of the judge for another endpoint"
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _state(batch: Any) -> BatchState:
    counts = batch.request_counts
    total = sum(
        getattr(counts, name) or 0 for name in ("processing", "succeeded", "errored", "canceled", "expired")
    )
    created = batch.created_at
    if not isinstance(created, datetime):
        raise BadInput(f"the endpoint told no time for the batch {batch.id}")
    return BatchState(batch.id, batch.processing_status == "ended", created, total)
