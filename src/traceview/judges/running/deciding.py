"""What follows from what came back: a verdict, another try, or the end of the run. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct

from traceview.definitions.prices import Price
from traceview.judges.exchange import Response
from traceview.judges.ledger.records import AttemptResult, Verdict
from traceview.judges.running.money import cost
from traceview.judges.running.pace import retry_after
from traceview.judges.running.replies import usage_of, verdict_of
from traceview.model.judges import JudgeDefinition

MOST_TOKENS = 16_000
MOST_TRIES = 6
MOST_REFUSALS = 30
"""Tries of a call that the endpoint puts off (429, 529): that is no fault of the call, and it is not lost for it."""
SAME_MISTAKES = 3
NO_USAGE = "the reply tells no usage that can be: it counts as the most that it could have cost"
_LONGEST_NAME = 200

StoppedBy = Literal["budget", "cancel", "credentials", "billing", "bad_request", "not_found"]
UnknownPolicy = Literal["hold", "retry"]


class Decision(Struct, frozen=True):
    """What is written down of a request, and what becomes of its call.

    `state` is the state in the ledger; `todo` means that it is tried again, with `max_tokens`, after a backoff if
    `wait`. `stop` ends the run.
    """

    result: AttemptResult
    state: Literal["done", "failed", "unknown", "todo"]
    verdict: Verdict | None = None
    max_tokens: int = 0
    wait: bool = False
    stop: StoppedBy | None = None


@dataclass(slots=True)
class Tries:
    """What was tried of a call in this run."""

    max_tokens: int
    failures: int = 0
    put_off: int = 0
    doubled: bool = False
    parsed_again: bool = False


class Mistakes:
    """Requests that the endpoint calls wrong: three of the same kind one after another are the judge's fault."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def add(self, message: str) -> bool:
        """Take note of one; True if there are too many."""
        self._seen[message] += 1
        return self._seen[message] >= SAME_MISTAKES

    def clear(self) -> None:
        """A request was right."""
        self._seen.clear()


def decide(
    judge: JudgeDefinition,
    price: Price | None,
    schema: Mapping[str, Any],
    response: Response,
    tries: Tries,
    mistakes: Mistakes,
    unknown: UnknownPolicy,
) -> Decision:
    """What becomes of a call after this response; `tries` and `mistakes` take note of it."""
    if response.reply is not None:
        mistakes.clear()
        return _replied(judge, price, schema, response, response.reply, tries)
    if response.raw is not None:
        # a whole body that is no JSON: paid for all that is known, and read by nobody
        unread = Verdict("unscored", "parse_error", explanation=response.message or "")
        return _again_or(_unread(response), tries, unread)
    return _failed(response, tries, mistakes, unknown)


def result_of_reply(price: Price | None, response: Response, *, batch: bool = False) -> AttemptResult:
    """What is written down of a request that was answered."""
    reply = response.reply or {}
    usage = usage_of(reply)
    known = price is not None and usage is not None
    model, id = reply.get("model"), reply.get("id")
    return AttemptResult(
        "yes",
        response.status,
        message=None if usage is not None else NO_USAGE,
        request_id=response.request_id or (id[:_LONGEST_NAME] if isinstance(id, str) else None),
        model=model[:_LONGEST_NAME] if isinstance(model, str) else None,
        usage=usage,
        nanos=cost(price, usage, batch=batch) if known and price is not None and usage is not None else None,
        seconds=response.seconds,
        reply=_as_text(reply),
    )


def _replied(
    judge: JudgeDefinition,
    price: Price | None,
    schema: Mapping[str, Any],
    response: Response,
    reply: Mapping[str, Any],
    tries: Tries,
) -> Decision:
    result = result_of_reply(price, response)
    verdict = verdict_of(judge, schema, reply)
    if verdict.reason == "truncated" and not tries.doubled and tries.max_tokens < MOST_TOKENS:
        tries.doubled = True
        tries.max_tokens = min(MOST_TOKENS, 2 * tries.max_tokens)
        return Decision(result, "todo", max_tokens=tries.max_tokens)
    if verdict.reason == "parse_error":
        return _again_or(result, tries, verdict)
    return Decision(result, "done", verdict)


def _again_or(result: AttemptResult, tries: Tries, verdict: Verdict) -> Decision:
    """A reply that cannot be read is asked for once more, and then kept as what it is."""
    if tries.parsed_again:
        return Decision(result, "done", verdict)
    tries.parsed_again = True
    return Decision(result, "todo", max_tokens=tries.max_tokens)


def _unread(response: Response) -> AttemptResult:
    return AttemptResult(
        "maybe",
        response.status,
        failure="parse_error",
        message=response.message,
        request_id=response.request_id,
        seconds=response.seconds,
        reply=response.raw,
    )


def _failed(response: Response, tries: Tries, mistakes: Mistakes, unknown: UnknownPolicy) -> Decision:
    failure = response.failure or "network"
    result = AttemptResult(
        response.paid,
        response.status,
        failure=failure,
        message=response.message,
        request_id=response.request_id,
        seconds=response.seconds,
    )
    error = Verdict("error", failure, explanation=response.message or "")
    if failure == "context_exceeded":
        return Decision(result, "done", Verdict("unscored", failure, explanation=response.message or ""))
    if failure in ("auth", "billing"):
        return Decision(result, "failed", error, stop="credentials" if failure == "auth" else "billing")
    if failure == "not_found":
        return Decision(result, "failed", error, stop="not_found")
    if failure == "too_large":
        return Decision(result, "failed", error)
    if failure == "bad_request" or 300 <= (response.status or 0) < 400:
        too_many = mistakes.add(response.message or "")
        return Decision(result, "failed", error, stop="bad_request" if too_many else None)
    if response.paid == "maybe" and unknown == "hold":
        return Decision(result, "unknown", Verdict("unknown", explanation=response.message or ""))
    if failure in ("rate_limited", "overloaded"):
        tries.put_off += 1
        if tries.put_off < MOST_REFUSALS:
            # where the endpoint names a time, the pace keeps to it; no time, or one that is past, is a backoff
            wait = not retry_after(response.headers, datetime.now(UTC))
            return Decision(result, "todo", max_tokens=tries.max_tokens, wait=wait)
        return Decision(result, "failed", error)
    tries.failures += 1
    if tries.failures < MOST_TRIES:
        return Decision(result, "todo", max_tokens=tries.max_tokens, wait=True)
    if response.paid == "maybe":
        return Decision(result, "unknown", Verdict("unknown", explanation=response.message or ""))
    return Decision(result, "failed", error)


def _as_text(reply: Mapping[str, Any]) -> str:
    import json

    return json.dumps(reply, ensure_ascii=False, separators=(",", ":"))
