"""Measures the figures of groups of traces on an indexed source, beside one bare scan of its spans.

Usage: python -m benchmarks.stats PATH [--runs 5]

Prints one line per question: best and median milliseconds, the number of groups, and the ratio of the best to the
floor, which is one GROUP BY over all spans of the index with the percentiles of their durations.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from traceview.store.duck.engine import DuckEngine
from traceview.store.open import open_engine

QUESTIONS: tuple[tuple[tuple[str, ...], str | None], ...] = (
    ((), None),
    (("version",), None),
    (("prompt", "version"), None),
    (("model",), None),
    (("tool",), None),
    (("tool",), "day"),
    (("model", "version"), "day"),
    (("user",), None),
    (("status",), "hour"),
)
BUDGET_MS = 300


def timed(ask: Callable[[], Any], runs: int) -> tuple[float, float, Any]:
    """Best and median milliseconds, and the last answer."""
    found = []
    answer = None
    for _ in range(runs):
        begin = time.perf_counter()
        answer = ask()
        found.append((time.perf_counter() - begin) * 1000)
    return min(found), statistics.median(found), answer


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("path")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args(arguments)
    engine = open_engine([options.path])
    assert isinstance(engine, DuckEngine)
    try:
        engine.wait_ready()
        result = engine.sql("SELECT count(*) FROM spans")
        print(f"{next(iter(result.rows))[0]:,} spans; budget {BUDGET_MS} ms")
        floor, _, _ = timed(lambda: bare(engine), options.runs)
        print(f"{'floor: one grouped scan':36} {floor:6.0f}")
        print(f"{'question':36} {'best':>6} {'median':>6} {'groups':>7} {'ratio':>6}")
        for by, over in QUESTIONS:
            best, median, answer = timed(lambda by=by, over=over: engine.stats(None, by, over), options.runs)
            name = ", ".join(by) or "everything"
            name += f" over {over}" if over else ""
            print(f"{name:36} {best:6.0f} {median:6.0f} {answer.groups:7,} {best / floor:6.1f}")
    finally:
        engine.close()


def bare(engine: DuckEngine) -> list[Any]:
    """The floor's query."""
    index = engine._queries().index
    return engine._database.fetch(
        f"SELECT kind, count(*), sum(input_tokens), quantile_cont(duration_ms, [0.5, 0.95, 0.99]) "
        f"FROM {index.spans} GROUP BY kind"
    )


if __name__ == "__main__":
    main()
