"""Writes a Parquet file of made-up agent traces with recognisable columns, fast and the same for the same seed.

Usage: python -m benchmarks.generate --spans 1000000 --order sorted --text full -o spans.parquet

Every value of a span follows from its number and the seed, so that a sorted and a random file hold the same spans and
no more of a file than a chunk is in memory at once (and 4 bytes a span for a random order). Traces have log-normally
many spans, some of them 20,000; threads follow a Zipf law. Every trace is an agent span over model calls, tools and
retrievals; three prompt versions follow each other in time; about 2 % of the tools fail; a few inputs have megabytes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MODELS = ("claude-sonnet-5", "claude-haiku-5", "gpt-6-mini")
TOOLS = tuple(f"{verb}_{noun}" for verb in ("get", "list", "create", "update", "search") for noun in (
    "goal", "report", "user", "team", "document", "comment", "review", "plan"))  # fmt: skip
KINDS = ("agent", "llm", "tool", "retriever")
NAMES = ("support agent", "chat", "tool", "search documentation")
BASE_NS = 1_760_000_000_000_000_000
WEEKS_NS = 4 * 7 * 86_400 * 1_000_000_000
STEP_NS = 475_000_000
"""Between the starts of two spans of a trace, about."""
CHUNK = 122_880
GROUP = 30_720
HUGE_SPANS = 20_000
THREAD_TRACES = 3
ZIPF = 0.7
"""The thread of rank r has a share of the traces in proportion to r ** -ZIPF."""
LARGE_TEXTS = 5
LARGE_BYTES = 3_000_000

Ints = np.ndarray[Any, np.dtype[np.int64]]


def words(rng: np.random.Generator, count: int, length: int) -> pa.Array:
    """`count` snippets of `length` words each, out of a vocabulary with a Zipf law."""
    letters = np.array(list("etaoinshrdlucmfwypvbgkqjxz"))
    vocabulary = ["".join(rng.choice(letters[:20], rng.integers(2, 11))) for _ in range(8000)]
    picks = np.minimum(rng.zipf(1.25, (count, length)) - 1, rng.integers(0, 8000, (count, length)))
    return pa.array([" ".join(vocabulary[i] for i in row).capitalize() + "." for row in picks])


def mixed(numbers: np.ndarray, seed: int) -> np.ndarray:
    """64 bits that look random for every number, different ones for different numbers (splitmix64)."""
    bits = numbers.astype(np.uint64) + np.uint64((seed * 0x9E3779B97F4A7C15) % (1 << 64))
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def hexes(numbers: np.ndarray, seed: int, digits: int) -> pa.Array:
    """Ids in hex that look random and are unique for unique numbers."""
    halves = [mixed(numbers, seed * 100 + part).byteswap() for part in range(digits // 16)]
    text = np.stack(halves, axis=1).tobytes().hex().encode()
    return pa.array(np.frombuffer(text, f"S{digits}")).cast(pa.string())


@dataclass(frozen=True)
class Traces:
    """Figures of every trace, in order of their starts, from which those of its spans follow."""

    seed: int
    spans: int
    first: Ints
    """The number of the first span of each trace."""
    starts: Ints
    sizes: Ints
    threads: Ints

    @classmethod
    def of(cls, spans: int, seed: int) -> Traces:
        """Traces for exactly so many spans."""
        rng = np.random.default_rng(seed)
        sizes = np.maximum(1, np.rint(rng.lognormal(2.1, 0.7, spans // 5 + 2))).astype(np.int64)
        huge = min(5, spans // 200_000)
        reached = int(np.searchsorted(np.cumsum(sizes), spans))
        for number in range(huge):
            sizes[(number + 1) * reached // (huge + 1)] = HUGE_SPANS
        sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), spans)) + 1]
        sizes[-1] -= int(sizes.sum()) - spans
        count = len(sizes)
        starts = np.sort(rng.integers(0, WEEKS_NS, count)) + BASE_NS
        threads = max(1, count // THREAD_TRACES)
        ranks = np.ceil((rng.random(count) * threads ** (1 - ZIPF)) ** (1 / (1 - ZIPF))).astype(np.int64)
        return cls(seed, spans, np.cumsum(sizes) - sizes, starts, sizes, np.clip(ranks, 1, threads))

    def random(self, numbers: np.ndarray, purpose: int) -> np.ndarray:
        """Numbers from 0 to 1 that look random, for spans or traces and one purpose."""
        return (mixed(numbers, self.seed * 1000 + purpose) >> np.uint64(11)) / float(1 << 53)

    def between(self, low: int, high: int, numbers: np.ndarray, purpose: int) -> Ints:
        """Integers from `low` to below `high` that look random."""
        return (low + self.random(numbers, purpose) * (high - low)).astype(np.int64)

    def trace(self, numbers: np.ndarray) -> Ints:
        """The trace of each span."""
        return np.searchsorted(self.first, numbers, side="right") - 1

    def start(self, numbers: np.ndarray, trace: Ints) -> Ints:
        """When each span starts: in order of the numbers within a trace."""
        place = numbers - self.first[trace]
        return self.starts[trace] + place * STEP_NS + self.between(0, STEP_NS, numbers, 1) * (place > 0)

    def kind(self, numbers: np.ndarray, trace: Ints) -> Ints:
        """The place in KINDS of each span's kind."""
        place = numbers - self.first[trace]
        kind = 1 + (self.random(numbers, 2) < 0.4) + (self.random(numbers, 3) < 0.12)
        return np.where(place == 0, 0, np.where(place == 1, 1, kind))

    def tool_failed(self, numbers: np.ndarray, kind: Ints) -> np.ndarray:
        """Which spans are tools that failed."""
        return (kind == 2) & (self.random(numbers, 4) < 0.02)


def in_order(traces: Traces) -> Iterator[np.ndarray]:
    """The numbers of all spans, by start, in chunks."""
    late = np.empty(0, np.int64)
    late_starts = np.empty(0, np.int64)
    ready: list[np.ndarray] = []
    for begin in range(0, traces.spans, CHUNK):
        numbers = np.arange(begin, min(begin + CHUNK, traces.spans))
        numbers_trace = traces.trace(numbers)
        known = np.concatenate([late, numbers])
        starts = np.concatenate([late_starts, traces.start(numbers, numbers_trace)])
        # a later trace starts no earlier than the next one, or than the one that goes on
        following = int(traces.trace(np.array([min(begin + CHUNK, traces.spans - 1)]))[0])
        last = begin + CHUNK >= traces.spans
        order = np.argsort(starts, kind="stable")
        done = len(order) if last else int(np.searchsorted(starts[order], traces.starts[following]))
        ready.append(known[order[:done]])
        late, late_starts = known[order[done:]], starts[order[done:]]
        waiting = np.concatenate(ready)
        whole = len(waiting) if last else len(waiting) // CHUNK * CHUNK
        for offset in range(0, whole, CHUNK):
            yield waiting[offset : min(offset + CHUNK, whole)]
        ready = [waiting[whole:]]


def shuffled(traces: Traces) -> Iterator[np.ndarray]:
    """The numbers of all spans in random order, in chunks."""
    order = np.arange(traces.spans, dtype=np.uint32)
    np.random.default_rng(traces.seed + 1).shuffle(order)
    for offset in range(0, traces.spans, CHUNK):
        yield order[offset : offset + CHUNK].astype(np.int64)


def failed_traces(traces: Traces) -> np.ndarray:
    """Of every trace whether one of its tools failed."""
    failed = np.zeros(len(traces.first), bool)
    for begin in range(0, traces.spans, CHUNK):
        numbers = np.arange(begin, min(begin + CHUNK, traces.spans))
        trace = traces.trace(numbers)
        failed[trace[traces.tool_failed(numbers, traces.kind(numbers, trace))]] = True
    return failed


class Writer:
    """Makes rows of numbers of spans."""

    def __init__(self, traces: Traces, text: str) -> None:
        self._traces = traces
        self._failed = failed_traces(traces)
        self._pool = words(np.random.default_rng(traces.seed + 2), 12_000, 22)
        self._parts = {"full": (7, 8, 2), "reduced": (1, 1, 1)}[text]
        step = traces.spans // (LARGE_TEXTS + 1)
        self._large = {step * (number + 1): number for number in range(LARGE_TEXTS)} if text == "full" else {}

    def _texts(self, numbers: np.ndarray, parts: int, purpose: int, separator: str = "\n") -> pa.Array:
        """Texts of `parts` snippets of about 130 characters."""
        columns = [
            self._pool.take(pa.array(self._traces.between(0, len(self._pool), numbers, purpose * 100 + part)))
            for part in range(parts)
        ]
        return pc.binary_join_element_wise(*columns, separator) if parts > 1 else columns[0]

    def _inputs(self, numbers: np.ndarray) -> pa.Array:
        """Inputs, a few of them of several megabytes."""
        texts = self._texts(numbers, self._parts[0], 5)
        places = [place for place, number in enumerate(numbers) if int(number) in self._large]
        if places:
            values = texts.to_pylist()
            for place in places:
                times = (1 + self._large[int(numbers[place])]) * LARGE_BYTES // len(values[place])
                values[place] = "\n".join([values[place]] * times)
            texts = pa.array(values, pa.string())
        return texts

    def rows(self, numbers: np.ndarray) -> pa.Table:
        """A table of the spans with these numbers."""
        traces, n = self._traces, len(numbers)
        trace = traces.trace(numbers)
        kind, start = traces.kind(numbers, trace), traces.start(numbers, trace)
        is_llm, is_tool, is_root = kind == 1, kind == 2, numbers == traces.first[trace]
        # about log-normal: the sum of twelve numbers from 0 to 1 is normal
        normal = sum(traces.random(numbers, 20 + part) for part in range(12)) - 6.0
        duration = np.exp(20.3 + 0.9 * normal).astype(np.int64)
        duration = np.where(is_root, traces.sizes[trace] * STEP_NS + duration, duration)
        failed = traces.tool_failed(numbers, kind) | (is_root & self._failed[trace])
        version = np.minimum((traces.starts[trace] - BASE_NS) * 3 // WEEKS_NS, 2)
        user = traces.between(0, max(2, int(traces.threads.max()) // 2), traces.threads[trace], 6)
        tokens_in = traces.between(400, 9000, numbers, 7)
        tokens_out = traces.between(10, 900, numbers, 8)
        chosen = traces.random(numbers, 9)
        model = pa.array(MODELS).take(pa.array((chosen > 0.65).astype(np.int64) + (chosen > 0.9)))
        tool = pa.array(TOOLS).take(pa.array(traces.between(0, len(TOOLS), numbers, 10)))
        llm, tools, fail = pa.array(is_llm), pa.array(is_tool), pa.array(failed)
        empty = pa.nulls(n, pa.string())
        attributes = pc.binary_join_element_wise(
            '{"customer_tier": "', pa.array(("gold", "silver", "free")).take(pa.array(trace % 3)),
            '", "note": "', self._texts(numbers, self._parts[2], 11, " "), '"}', "")  # fmt: skip
        return pa.table({
            "trace_id": hexes(trace, traces.seed, 32),
            "span_id": hexes(numbers, traces.seed + 1, 16),
            "parent_span_id": pc.if_else(
                pa.array(is_root), empty, hexes(traces.first[trace], traces.seed + 1, 16)),
            "thread_id": pc.binary_join_element_wise(
                "thread-", pa.array(traces.threads[trace]).cast(pa.string()), ""),
            "name": pc.if_else(tools, tool, pa.array(NAMES).take(pa.array(kind))),
            "kind": pa.array(KINDS).take(pa.array(kind)),
            "start_time": pa.array(start).cast(pa.timestamp("ns")),
            "end_time": pa.array(start + duration).cast(pa.timestamp("ns")),
            "status": pc.if_else(fail, "error", "ok"),
            "error": pc.if_else(fail, "the service answered 503: try again later", empty),
            "model": pc.if_else(llm, model, empty),
            "prompt_name": pa.array(["support"] * n),
            "prompt_version": pa.array(("v1", "v2", "v3")).take(pa.array(version)),
            "prompt_tokens": pa.array(tokens_in, mask=~is_llm),
            "completion_tokens": pa.array(tokens_out, mask=~is_llm),
            "cost_usd": pa.array(np.round(tokens_in * 3e-6 + tokens_out * 15e-6, 6), mask=~is_llm),
            "user_id": pc.binary_join_element_wise("u_", pa.array(user).cast(pa.string()), ""),
            "tool_name": pc.if_else(tools, tool, empty),
            "input": self._inputs(numbers),
            "output": self._texts(numbers, self._parts[1], 12),
            "attributes": attributes,
        })  # fmt: skip


def generate(spans: int, order: str, text: str, path: Path, seed: int = 7) -> None:
    """Write the file in row groups of 30,720 rows, zstd; it appears whole."""
    traces = Traces.of(spans, seed)
    rows = Writer(traces, text)
    aside = path.with_name(f".{path.name}.part")
    writer: pq.ParquetWriter | None = None
    for numbers in in_order(traces) if order == "sorted" else shuffled(traces):
        table = rows.rows(numbers)
        if writer is None:
            writer = pq.ParquetWriter(aside, table.schema, compression="zstd", compression_level=1)
        writer.write_table(table, row_group_size=GROUP)
    if writer is not None:
        writer.close()
    aside.replace(path)


def main() -> None:
    """Parse the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--order", choices=("sorted", "random"), default="sorted")
    parser.add_argument("--text", choices=("full", "reduced"), default="full")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    began = time.perf_counter()
    generate(given.spans, given.order, given.text, given.output, given.seed)
    size = given.output.stat().st_size / 1e6
    print(f"{given.output}: {given.spans:,} spans, {size:,.0f} MB, {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
