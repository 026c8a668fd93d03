"""Writes a Parquet file of made-up agent traces with recognisable columns, fast and the same for the same seed.

Usage: python benchmarks/generate.py --spans 1000000 --order sorted --text full -o spans.parquet

Threads follow a Zipf law, spans per trace a log-normal one with a few huge traces. Every trace is an agent span
over model calls, tools and retrievals; three prompt versions follow each other in time; about 2 % of the tools fail.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MODELS = ("claude-sonnet-5", "claude-haiku-5", "gpt-6-mini")
TOOLS = tuple(f"{verb}_{noun}" for verb in ("get", "list", "create", "update", "search") for noun in (
    "goal", "report", "user", "team", "document", "comment", "review", "plan"))  # fmt: skip
KINDS = ("agent", "llm", "tool", "retriever")
BASE_NS = 1_760_000_000_000_000_000
WEEKS_NS = 4 * 7 * 86_400 * 1_000_000_000
CHUNK = 122_880
GROUP = 30_720


def words(rng: np.random.Generator, count: int, length: int) -> pa.Array:
    """`count` snippets of `length` words each, out of a vocabulary with a Zipf law."""
    letters = np.array(list("etaoinshrdlucmfwypvbgkqjxz"))
    vocabulary = ["".join(rng.choice(letters[:20], rng.integers(2, 11))) for _ in range(8000)]
    picks = np.minimum(rng.zipf(1.25, (count, length)) - 1, rng.integers(0, 8000, (count, length)))
    return pa.array([" ".join(vocabulary[i] for i in row).capitalize() + "." for row in picks])


class Snippets:
    """Texts made by joining snippets that are drawn at random."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._pool = words(rng, 12_000, 22)

    def texts(self, rows: int, parts: int, separator: str = "\n") -> pa.Array:
        """`rows` texts of `parts` snippets of about 130 characters."""
        columns = [
            self._pool.take(pa.array(self._rng.integers(0, len(self._pool), rows))) for _ in range(parts)
        ]
        return pc.binary_join_element_wise(*columns, separator) if parts > 1 else columns[0]


def hexes(numbers: np.ndarray, seed: int, digits: int) -> pa.Array:
    """Ids in hex that look random and are unique for unique numbers."""
    mixed = (numbers.astype(np.uint64) + np.uint64(seed * 1_000_003 * digits)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(31)
    raw = mixed.byteswap().tobytes()
    text = raw.hex()
    if digits == 32:
        other = (
            ((mixed ^ np.uint64(0xD1B54A32D192ED03)) * np.uint64(0xBF58476D1CE4E5B9))
            .byteswap()
            .tobytes()
            .hex()
        )
        joined = np.frombuffer(text.encode(), "S16").astype("S32")
        second = np.frombuffer(other.encode(), "S16")
        return pa.array(np.char.add(joined.astype("S16"), second)).cast(pa.string())
    return pa.array(np.frombuffer(text.encode(), "S16")).cast(pa.string())


def shape(rng: np.random.Generator, spans: int) -> tuple[np.ndarray, np.ndarray]:
    """The trace of every span and its place inside it, for exactly `spans` spans."""
    sizes = np.maximum(1, np.rint(rng.lognormal(2.1, 0.7, spans // 5 + 2))).astype(np.int64)
    for huge in range(min(5, spans // 100_000)):
        sizes[(huge + 1) * len(sizes) // 12] = 3_000 * (huge + 1)
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), spans)) + 1]
    sizes[-1] -= int(sizes.sum()) - spans
    trace = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(spans) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return trace, place


def generate(spans: int, order: str, text: str, path: Path, seed: int = 7) -> None:
    """Write the file in row groups of 30,720 rows, zstd."""
    rng = np.random.default_rng(seed)
    trace, place = shape(rng, spans)
    traces = int(trace[-1]) + 1
    starts = np.sort(rng.integers(0, WEEKS_NS, traces)) + BASE_NS
    start = starts[trace] + place * rng.integers(50_000_000, 900_000_000, spans)
    kind = np.where(place == 0, 0, 1 + (rng.random(spans) < 0.4) + (rng.random(spans) < 0.12))
    kind = np.where(place == 1, 1, kind)
    duration = rng.lognormal(20.3, 0.9, spans).astype(np.int64)
    sizes = np.bincount(trace)
    duration = np.where(kind == 0, sizes[trace] * 600_000_000 + duration, duration)
    failed = (kind == 2) & (rng.random(spans) < 0.02)
    failed_traces = np.zeros(traces, bool)
    failed_traces[trace[failed]] = True
    failed |= (kind == 0) & failed_traces[trace]
    threads = max(1, traces // 3)
    thread = np.minimum(rng.zipf(1.4, traces), rng.integers(1, threads + 1, traces))
    user = rng.integers(0, max(2, threads // 2), threads + 2)
    version = np.minimum((starts - BASE_NS) * 3 // WEEKS_NS, 2)
    first = np.flatnonzero(place == 0)
    rows = np.argsort(start, kind="stable") if order == "sorted" else rng.permutation(spans)
    snippets = Snippets(rng)
    parts = {"full": (7, 8), "reduced": (1, 1)}[text]
    writer: pq.ParquetWriter | None = None
    for offset in range(0, spans, CHUNK):
        at = rows[offset : offset + CHUNK]
        n, k, t = len(at), kind[at], trace[at]
        is_llm, is_tool = k == 1, k == 2
        tool = pa.array(TOOLS).take(pa.array(rng.integers(0, len(TOOLS), n)))
        model = pa.array(MODELS).take(pa.array(np.minimum(rng.zipf(2.0, n) - 1, 2)))
        llm, tools = pa.array(is_llm), pa.array(is_tool)
        fail = pa.array(failed[at])
        tokens_in = rng.integers(400, 9000, n)
        tokens_out = rng.integers(10, 900, n)
        empty = pa.nulls(n, pa.string())
        names = pc.if_else(
            tools, tool, pa.array(("support agent", "chat", "tool", "search documentation")).take(pa.array(k))
        )
        attributes = pc.binary_join_element_wise(
            '{"customer_tier": "', pa.array(("gold", "silver", "free")).take(pa.array(t % 3)),
            '", "note": "', snippets.texts(n, 2 if text == "full" else 1, " "), '"}', "")  # fmt: skip
        batch = pa.table({
            "trace_id": hexes(t, seed, 32),
            "span_id": hexes(at + 1, seed * 31, 16),
            "parent_span_id": pc.if_else(pa.array(place[at] == 0), empty, hexes(first[t] + 1, seed * 31, 16)),
            "thread_id": pc.binary_join_element_wise("thread-", pa.array(thread[t]).cast(pa.string()), ""),
            "name": names,
            "kind": pa.array(KINDS).take(pa.array(k)),
            "start_time": pa.array(start[at]).cast(pa.timestamp("ns")),
            "end_time": pa.array(start[at] + duration[at]).cast(pa.timestamp("ns")),
            "status": pc.if_else(fail, "error", "ok"),
            "error": pc.if_else(fail, "the service answered 503: try again later", empty),
            "model": pc.if_else(llm, model, empty),
            "prompt_name": pa.array(["support"] * n),
            "prompt_version": pa.array(("v1", "v2", "v3")).take(pa.array(version[t])),
            "prompt_tokens": pa.array(tokens_in, mask=~is_llm),
            "completion_tokens": pa.array(tokens_out, mask=~is_llm),
            "cost_usd": pa.array(np.round(tokens_in * 3e-6 + tokens_out * 15e-6, 6), mask=~is_llm),
            "user_id": pc.binary_join_element_wise("u_", pa.array(user[thread[t]]).cast(pa.string()), ""),
            "tool_name": pc.if_else(tools, tool, empty),
            "input": snippets.texts(n, parts[0]),
            "output": snippets.texts(n, parts[1]),
            "attributes": attributes,
        })  # fmt: skip
        if writer is None:
            writer = pq.ParquetWriter(path, batch.schema, compression="zstd", compression_level=1)
        writer.write_table(batch, row_group_size=GROUP)
    if writer is not None:
        writer.close()


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
