"""What is asked of a model and what comes back, and where calls go; nothing of this needs the SDK."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, field

from traceview.judges.ledger.records import Paid
from traceview.model.judges import ModelSettings

DEFAULT_ENDPOINT = "https://api.anthropic.com"
KEY_VARIABLE = "ANTHROPIC_API_KEY"
KEY_ENV_HINT = 'add key_env = "NAME" to [model], the environment variable that holds the key of that endpoint'

_FAILURES = {
    400: "bad_request",
    401: "auth",
    402: "billing",
    403: "auth",
    404: "not_found",
    408: "timeout",
    409: "server",
    413: "too_large",
    422: "bad_request",
    429: "rate_limited",
    529: "overloaded",
    503: "overloaded",
    504: "timeout",
}
_SPEND_CODES = (
    "billing_error",
    "spend_limit",
    "spend_limit_exceeded",
    "credit_balance_too_low",
    "insufficient_credits",
)


_HALF = re.compile("[\ud800-\udfff]")
MOST_DEPTH = 100


class Request(Struct, frozen=True):
    """One request. `system` is the same for every call of a judge, and cached by the endpoint."""

    key: str
    system: str
    user: str
    schema: Mapping[str, Any]
    max_tokens: int


class Response(Struct, frozen=True):
    """What came back: a whole `reply`, or why there is none.

    `failure` is one of OUTCOME_REASONS["error"]; `context_exceeded` for a prompt that the model cannot take. `raw` is
    the body as it came, where it could not be read as a reply.
    """

    paid: Paid
    status: int | None = None
    reply: Mapping[str, Any] | None = None
    raw: str | None = None
    failure: str | None = None
    message: str | None = None
    request_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


class BatchState(Struct, frozen=True):
    """A batch as the endpoint tells it."""

    id: str
    ended: bool
    created_at: datetime
    count: int


class BatchResult(Struct, frozen=True):
    """The result of one request of a batch: `succeeded` with a reply, `errored`, `expired` or `canceled`."""

    key: str
    kind: str
    reply: Mapping[str, Any] | None = None
    failure: str | None = None
    message: str | None = None


def failure_of_status(status: int, code: str | None = None, kind: str | None = None) -> str:
    """The class of an error by its status and by the codes in its body."""
    if kind == "billing_error" or (code or "") in _SPEND_CODES:
        return "billing"
    return _FAILURES.get(status, "server" if status >= 500 else "bad_request")


def body_of(model: ModelSettings, request: Request) -> dict[str, Any]:
    """The body of a request. There is no temperature: the API refuses one."""
    config: dict[str, Any] = {"format": {"type": "json_schema", "schema": dict(request.schema)}}
    if model.effort is not None:
        config["effort"] = model.effort
    given: dict[str, Any] = {
        "model": model.id,
        "max_tokens": request.max_tokens,
        "system": [{"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": request.user}],
        "output_config": config,
    }
    if model.thinking == "off":
        given["thinking"] = {"type": "disabled"}
    return given


def storable(value: Any, secrets: Sequence[str] = (), *, depth: int = MOST_DEPTH) -> Any:
    """JSON of an endpoint as it may be kept: no half characters, which no file holds, and no key that it says back.

    Raises ValueError for what is nested deeper than `depth`.
    """
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "<KEY>")
        return value if value.isascii() else _HALF.sub("\ufffd", value)
    if not isinstance(value, Mapping | list):
        return value
    if not depth:
        raise ValueError("nested too deep")
    if isinstance(value, list):
        return [storable(one, secrets, depth=depth - 1) for one in value]
    return {storable(name, secrets): storable(one, secrets, depth=depth - 1) for name, one in value.items()}


def endpoint_of(model: ModelSettings) -> str:
    """Where the calls of a judge go, without what may be secret in the address."""
    told = model.base_url or os.environ.get("ANTHROPIC_BASE_URL") or DEFAULT_ENDPOINT
    parts = urlsplit(told)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}".rstrip("/")


def is_elsewhere(model: ModelSettings) -> bool:
    """Whether a judge names an endpoint that is neither the official one nor that of the environment."""
    known = (DEFAULT_ENDPOINT, os.environ.get("ANTHROPIC_BASE_URL", "").rstrip("/"))
    return model.base_url is not None and model.base_url.rstrip("/") not in known


def missing_key(model: ModelSettings) -> str | None:
    """What is wrong with a judge that would send a key to an endpoint that the key was not meant for."""
    if model.key_env is not None or not is_elsewhere(model):
        return None
    return f"base_url is {endpoint_of(model)}, and no key_env says which key is for it: {KEY_VARIABLE} is not"


def is_too_long(message: str) -> bool:
    """Whether an error says that the model cannot take a prompt of this length."""
    said = message.lower()
    return any(
        words in said
        for words in ("prompt is too long", "context window", "context limit", "maximum context")
    )
