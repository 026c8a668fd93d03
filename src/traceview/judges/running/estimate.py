"""What a run will cost, told before anything is sent: expected, and from low to high."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from traceview.definitions.prices import Price
from traceview.judges.ledger.records import PlannedCall, Usage
from traceview.judges.running.money import CHARACTERS_PER_TOKEN, cost, dollars
from traceview.model.judges import ModelSettings

OUTPUT_TOKENS = 150
LEAST_CACHED_TOKENS = 1_024
"""What a prefix has at least so that most models keep it; below that nothing is cached, and nothing warns."""
SAMPLE = 20
_THINKING = {"low": 150, "medium": 400, "high": 1_200, "xhigh": 3_000, "max": 6_000}
_THINKS = re.compile(r"(?:haiku|sonnet|opus)-5-\d|fable|mythos")
"""Models that think unless they are told not to, by their names."""
_HIGH_INPUT, _LOW_OUTPUT, _HIGH_OUTPUT = 1.15, 0.6, 2.0


class Estimate(Struct, frozen=True):
    """Calls, tokens and dollars of a plan. Dollars are None where the model has no known price.

    `counted` tells how many calls' tokens the endpoint counted; else characters are divided by 3.2.
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

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


class Estimator:
    """Adds up the calls of a plan; a few of them are kept so that their tokens can be counted."""

    def __init__(self, model: ModelSettings, price: Price | None, observed_output: float | None) -> None:
        self._price = price
        self._output = round(observed_output) if observed_output else _expected_output(model)
        self._most = model.max_tokens
        self._calls = 0
        self._input = 0
        self._nanos = {"cached": 0, "plain": 0, "low": 0, "high": 0, "batch": 0}
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
        keeps = prefix >= LEAST_CACHED_TOKENS
        write, read = (prefix, 0) if first else (0, prefix)
        cached = Usage(rest, read, write, self._output) if keeps else Usage(prefix + rest, 0, 0, self._output)
        low = Usage(cached.input, cached.cache_read, cached.cache_write, round(self._output * _LOW_OUTPUT))
        output = min(self._most, round(self._output * _HIGH_OUTPUT))
        high = Usage(round((prefix + rest) * _HIGH_INPUT), 0, 0, output)
        plain = Usage(prefix + rest, 0, 0, self._output)
        self._nanos["cached"] += cost(self._price, cached)
        self._nanos["low"] += cost(self._price, low)
        self._nanos["high"] += cost(self._price, high)
        self._nanos["batch"] += cost(self._price, plain, batch=True)

    def estimate(self, counted: Sequence[tuple[PlannedCall, int]] = ()) -> Estimate:
        """What it comes to; `counted` are the true input tokens of some of the sample."""
        factor = 1.0
        if counted:
            told = sum(_tokens(one.system) + _tokens(one.user) + _tokens(one.schema) for one, _ in counted)
            factor = sum(count for _, count in counted) / max(told, 1)
        # only the input was measured anew; of low and high the distance from what is expected stays
        scale = {name: _scaled(nanos, factor, self._output_share()) for name, nanos in self._nanos.items()}
        known = self._price is not None
        has_batch = known and self._price is not None and self._price.batch is not None
        return Estimate(
            self._calls,
            round(self._input * factor),
            self._calls * self._output,
            dollars(scale["cached"]) if known else None,
            dollars(scale["low"]) if known else None,
            dollars(scale["high"]) if known else None,
            dollars(scale["batch"]) if has_batch else None,
            self._prefix >= LEAST_CACHED_TOKENS,
            len(counted),
        )

    def _output_share(self) -> float:
        """How much of the expected cost is output."""
        if self._price is None or not self._nanos["cached"]:
            return 0.0
        output = cost(self._price, Usage(output=self._output)) * self._calls
        return min(1.0, output / self._nanos["cached"])


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


def sentence(estimate: Mapping[str, Any]) -> str:
    """An estimate in words."""
    if estimate["usd"] is None:
        return f"{estimate['calls']:,} calls, of unknown price"
    low, high = estimate["usd_low"], estimate["usd_high"]
    told = f"{estimate['calls']:,} calls, about ${estimate['usd']:.4f} (${low:.4f} to ${high:.4f})"
    if estimate["usd_batch"] is not None:
        told += f"; --batch about ${estimate['usd_batch']:.4f}"
    return told


def _expected_output(model: ModelSettings) -> int:
    thinks = model.thinking != "off" and _THINKS.search(model.id) is not None
    thinking = _THINKING[model.effort or "medium"] if thinks else 0
    return min(model.max_tokens, OUTPUT_TOKENS + thinking)


def _tokens(text: str) -> int:
    return round(len(text) / CHARACTERS_PER_TOKEN)


def _scaled(nanos: int, factor: float, output_share: float) -> int:
    return round(nanos * (output_share + (1 - output_share) * factor))
