"""What the fake server does with each call: answers, fails, is slow, or breaks off."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from traceview.judges.fake_server.verdicts import message_for


class Call(Struct, frozen=True):
    """One request: `number` from 1 over all, `attempt` from 1 among those with the same `key`."""

    number: int
    attempt: int
    key: str
    body: Mapping[str, Any]


class Answer(Struct, frozen=True):
    """What is sent back, after `seconds`. `body` is a JSON object or raw bytes.

    `cut` closes the connection after so many bytes of the body, `drip` sends the body in pieces of 16 bytes with so
    many seconds between them, `reset` breaks the connection instead of answering, `hang` never answers. `paid` is
    whether the provider would bill it, whatever the client saw of it. `counts_cache` parts the input tokens of a reply
    into those that the prompt cache has and the rest; else its usage is sent as it stands.
    """

    body: Mapping[str, Any] | bytes = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    cut: int | None = None
    drip: float = 0.0
    reset: bool = False
    hang: bool = False
    paid: bool = True
    counts_cache: bool = True


Script = Callable[[Call], Answer]


def answering(seconds: float = 0.0, jitter: float = 0.0, seed: int = 0) -> Script:
    """Answer every call with its deterministic verdict after so many seconds, give or take `jitter`."""
    chance = random.Random(seed)

    def script(call: Call) -> Answer:
        return Answer(message_for(call.body), seconds=seconds + chance.uniform(-jitter, jitter))

    return script


def failing(status: int, kind: str, message: str = "", *, headers: Mapping[str, str] | None = None) -> Answer:
    """An error of the API, which is not billed."""
    said = message or f"the fake server answers {status}"
    body = {"type": "error", "error": {"type": kind, "message": said}, "request_id": "req_fake"}
    return Answer(body, status=status, headers=headers or {}, paid=False)


def in_turn(*answers: Answer | Script, then: Script | None = None) -> Script:
    """The answers one after another for each key (the last of them for good), or `then` once they are used up."""

    def script(call: Call) -> Answer:
        if call.attempt > len(answers) and then is not None:
            return then(call)
        chosen = answers[min(call.attempt, len(answers)) - 1]
        return chosen(call) if callable(chosen) else chosen

    return script
