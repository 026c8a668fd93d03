"""What a run will cost, told before anything is sent: expected, at least, and what is reserved for it at most."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from traceview.definitions.prices import Price
from traceview.judges.ledger.records import PlannedCall, Usage
from traceview.judges.running.money import CHARACTERS_PER_TOKEN, cost, dollars
from traceview.model.judges import ModelSettings

OUTPUT_TOKENS = 150
LEAST_OUTPUT_TOKENS = 20
"""The shortest verdict with its explanation."""
LEAST_CACHED_TOKENS = 1_024
"""What a prefix has at least so that most models keep it; below that nothing is cached, and nothing warns."""
SAMPLE = 20
_THINKING = {"low": 150, "medium": 400, "high": 1_200, "xhigh": 3_000, "max": 6_000}
_THINKS = re.compile(r"(?:haiku|sonnet|opus)-5-\d|fable|mythos")
"""Models that think unless they are told not to, by their names."""
_LOW_INPUT, _LOW_COUNTED, _LOW_OBSERVED = 0.6, 0.9, 0.5
"""How much less the low end takes: of input that is only reckoned, of input that was counted, of earlier outputs."""


class Estimate(Struct, frozen=True):
    """Calls, tokens and dollars of a plan. Dollars are None where the model has no known price.

    `usd` is expected, of message batches where `batch`; `usd_high` is what is reserved, all calls together: no run
    costs more, but for replies that are asked for a second time. `usd_batch` is without a prompt cache, so it may be
    dearer than `usd`. `counted` tells how many calls' tokens the endpoint counted; else characters are divided by 3.2.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    usd_low: float | None
    usd_high: float | None
    usd_batch: float | None
    cached: bool
    counted: int
    batch: bool = False

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


class _Sums(Struct):
    """Nanos of one way to reckon, input and output apart."""

    input: int = 0
    output: int = 0

    def add(self, price: Price, usage: Usage, *, batch: bool = False) -> None:
        whole = cost(price, usage, batch=batch)
        # the length of the prompt decides what output costs too
        without = cost(price, replace(usage, output=0), batch=batch)
        self.input += without
        self.output += whole - without

    def scaled(self, factor: float) -> int:
        """With another number of input tokens than was reckoned with."""
        return round(self.input * factor) + self.output


class Estimator:
    """Adds up the calls of a plan; a few of them are kept so that their tokens can be counted."""

    def __init__(
        self, model: ModelSettings, price: Price | None, observed_output: float | None, *, batch: bool = False
    ) -> None:
        self._price = price
        self._batch = batch
        self._output = round(observed_output) if observed_output else _expected_output(model)
        least = round(observed_output * _LOW_OBSERVED) if observed_output else LEAST_OUTPUT_TOKENS
        self._least_output = min(self._output, least)
        self._calls = 0
        self._input = 0
        self._cached, self._plain, self._low = _Sums(), _Sums(), _Sums()
        self._worst = 0
        self._prefix = 0
        self.sample: list[PlannedCall] = []

    def add(self, call: PlannedCall) -> None:
        """One more call."""
        prefix, rest = _tokens(call.system), _tokens(call.user) + _tokens(call.schema)
        first = self._calls == 0
        self._calls += 1
        self._input += prefix + rest
        self._prefix = prefix
        if len(self.sample) < SAMPLE:
            self.sample.append(call)
        if self._price is None:
            return
        write, read = (prefix, 0) if first else (0, prefix)
        plain = Usage(prefix + rest, 0, 0, self._output)
        keeps = prefix >= LEAST_CACHED_TOKENS and not self._batch
        self._cached.add(self._price, Usage(rest, read, write, self._output) if keeps else plain)
        self._plain.add(self._price, plain, batch=True)
        # some endpoints keep short prefixes too, and some do not count the schema
        self._low.add(
            self._price, Usage(_tokens(call.user), prefix, 0, self._least_output), batch=self._batch
        )
        self._worst += call.worst_nanos or 0

    def estimate(
        self, counted: Sequence[tuple[PlannedCall, int]] = (), cap_nanos: int | None = None
    ) -> Estimate:
        """What it comes to; `counted` are the true input tokens of some of the sample, `cap_nanos` a budget."""
        factor = 1.0
        if counted:
            told = sum(_tokens(one.system) + _tokens(one.user) + _tokens(one.schema) for one, _ in counted)
            factor = sum(count for _, count in counted) / max(told, 1)
        known = self._price is not None
        batch = (
            self._plain.scaled(factor) if self._price is not None and self._price.batch is not None else None
        )
        expected = batch if self._batch and batch is not None else self._cached.scaled(factor)
        low = self._low.scaled(factor * (_LOW_COUNTED if counted else _LOW_INPUT))
        worst = self._worst if cap_nanos is None else min(self._worst, cap_nanos)
        return Estimate(
            self._calls,
            round(self._input * factor),
            self._calls * self._output,
            dollars(expected) if known else None,
            dollars(min(low, expected, worst)) if known else None,
            dollars(worst) if known else None,
            dollars(batch),
            self._prefix >= LEAST_CACHED_TOKENS,
            len(counted),
            self._batch,
        )


def observed_output(connection: sqlite3.Connection, judge_hash: str) -> float | None:
    """The mean output tokens of the replies that a judge got so far."""
    found = connection.execute(
        """
        SELECT avg(output_tokens) FROM attempts JOIN calls USING (call_key)
        WHERE judge_hash = ? AND output_tokens IS NOT NULL
        """,
        (judge_hash,),
    ).fetchone()
    return None if found is None or found[0] is None else float(found[0])


def price_sentence(estimate: Mapping[str, Any]) -> str:
    """The price of an estimate in words."""
    usd, batch = estimate["usd"], estimate["usd_batch"]
    if usd is None:
        return "of unknown price"
    how = " as batches" if estimate["batch"] else ""
    low, high = estimate["usd_low"], estimate["usd_high"]
    if high < usd:
        told = f"about ${usd:.4f}{how}, of which the budget allows ${high:.4f}"
    else:
        told = f"about ${usd:.4f}{how}, from ${low:.4f} to ${high:.4f}, which is reserved"
    if batch is None or estimate["batch"]:
        return told
    if batch < usd:
        return f"{told}; --batch about ${batch:.4f}"
    return f"{told}; --batch is no cheaper (${batch:.4f}): batches keep no prompt cache"


def _expected_output(model: ModelSettings) -> int:
    thinks = model.thinking != "off" and _THINKS.search(model.id) is not None
    thinking = _THINKING[model.effort or "medium"] if thinks else 0
    return min(model.max_tokens, OUTPUT_TOKENS + thinking)


def _tokens(text: str) -> int:
    return round(len(text) / CHARACTERS_PER_TOKEN)
