"""What goes into a ledger and comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from traceview.model.judges import OutcomeKind
from traceview.model.labels import LabelValue, Target

Place = Literal["new", "done", "held", "elsewhere", "batched"]
"""Of a planned call: to be sent, answered before, maybe paid by a process that died, another run's just now, or in a
batch that this run reads."""

Paid = Literal["yes", "no", "maybe"]


class Run(Struct, frozen=True):
    """One judge over one selection. Money is in billionths of a dollar."""

    id: str
    judge: str
    metric: str
    judge_hash: str
    rule_hash: str
    model: str
    endpoint: str
    mode: Literal["sync", "batch"]
    filter: str
    started_at: str
    budget_nanos: int | None = None


class Call(Struct, frozen=True):
    """One request. `worst_nanos` is the most that it can cost, None where there is no price."""

    call_key: str
    target: Target
    input_hash: str
    repeat_no: int
    repeats: int
    system: str
    schema: str
    user: str
    worst_nanos: int | None


class PlannedCall(Call, frozen=True):
    """One request before it is in the ledger; what of its texts was cut, whether they seem to address the judge."""

    truncated: tuple[str, ...] = ()
    injection: bool = False


class PendingCall(Call, frozen=True, kw_only=True):
    """One request that waits to be sent. `attempt` counts the requests that were made of it before."""

    seq: int
    attempt: int


class Usage(Struct, frozen=True):
    """Tokens of a reply; `input` are those that were neither read from the cache nor written to it."""

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0


class AttemptResult(Struct, frozen=True):
    """What came of one request. `nanos` is its price, None where it is not known."""

    paid: Paid
    status: int | None = None
    failure: str | None = None
    message: str | None = None
    request_id: str | None = None
    model: str | None = None
    usage: Usage | None = None
    nanos: int | None = None
    seconds: float | None = None
    reply: str | None = None


class Verdict(Struct, frozen=True):
    """What a reply says, as far as it says anything. Only `scored` has a value."""

    outcome: OutcomeKind
    reason: str | None = None
    value: LabelValue = None
    explanation: str = ""
    evidence: tuple[str, ...] = ()
    parts: Mapping[str, LabelValue] = field(default_factory=dict)


class AnsweredCall(Struct, frozen=True):
    """A call that was answered, with its verdict; `label` is the id of the score row made of it."""

    call_key: str
    run: str
    judge: str
    metric: str
    judge_hash: str
    target: Target
    input_hash: str
    repeat_no: int
    repeats: int
    verdict: Verdict
    label: str | None
    truncated: tuple[str, ...] = ()
    injection: bool = False
    model: str | None = None
