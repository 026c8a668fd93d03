"""Measures the tree of a trace of many spans: in a real terminal, and its parts in this process.

Usage: python -m benchmarks.tree [--spans 20000] [--keys 60]

Makes a trace of rounds of model calls and tools with a text each, opens it, and prints one line per figure:
median, minimum, maximum, the floor of the same run, the ratio to it, the budget. Floors: for the tree on the screen
the same from Enter with a trace of 20 spans; for keys the echo of `cat` in the same pseudo-terminal; for the rows
a bare DuckDB fetch of the columns that the file has. Bytes are what one cursor key writes: the tree alone, as while
a key is held, and with the detail that follows when it is let go.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.app import environment, open_app, p95
from benchmarks.terminal import Terminal

SPANS = """
COPY (
    SELECT 'bench' AS source, 'bench-trace' AS trace_id, 'span-' || i AS span_id,
        CASE WHEN i = 0 THEN NULL WHEN i % 200 = 1 THEN 'span-0'
            ELSE 'span-' || ((i - 1) // 200 * 200 + 1) END AS parent_id,
        CASE WHEN i = 0 THEN 'agent run' WHEN i % 200 = 1 THEN 'round ' || (i // 200)
            WHEN i % 2 = 0 THEN 'chat model-a' ELSE 'search_' || (hash(i) % 5) END AS name,
        CASE WHEN i = 0 THEN 'agent' WHEN i % 200 = 1 THEN 'chain'
            WHEN i % 2 = 0 THEN 'llm' ELSE 'tool' END AS kind,
        make_timestamp_ns(1793527200000000000 + i::BIGINT * 5000000) AS start_time,
        make_timestamp_ns(1793527200000000000 + (CASE WHEN i = 0 THEN {count}::BIGINT * 5
            WHEN i % 200 = 1 THEN (i + 199)::BIGINT * 5 ELSE i::BIGINT * 5 + 4 END) * 1000000) AS end_time,
        CASE WHEN i % 500 = 7 THEN 'error' ELSE 'ok' END AS status,
        CASE WHEN i % 500 = 7 THEN 'Timeout' END AS error_type,
        CASE WHEN i > 0 AND i % 2 = 0 THEN 'model-a' END AS model,
        CASE WHEN i > 0 AND i % 2 = 0 THEN 200 + i % 900 END AS input_tokens,
        CASE WHEN i > 0 AND i % 2 = 0 THEN 40 END AS output_tokens,
        CASE WHEN i > 0 AND i % 2 = 0 THEN 0.0001 * (i % 17) END AS cost_usd,
        'question ' || i || repeat(' the refund policy of the shop says that', 20) AS input_text,
        'answer ' || i || repeat(' goods can be given back within thirty days', 20) AS output_text
    FROM range({count}) numbers(i)
) TO '{path}' (FORMAT parquet)
"""

SMALL = 20
"""Spans of the trace whose opening is the floor: everything but the spans."""


def write(path: Path, count: int) -> None:
    """Write the trace."""
    import duckdb

    duckdb.connect().execute(SPANS.format(count=count, path=path))


def line(name: str, values: Sequence[float], budget: str, unit: str = "s", floor: float | None = None) -> str:
    """One row of the table."""
    median = statistics.median(values)
    figures = f"{median:10.3f}{min(values):10.3f}{max(values):10.3f}"
    ratio = f"{floor:9.3f}{median / floor:7.1f}" if floor else f"{'–':>9}{'–':>7}"
    return f"{name:<50}{figures} {unit:<2}{ratio}  {budget}"


def echo(keys: int = 20) -> float:
    """Median seconds from a key to its echo in a pseudo-terminal in which nothing else is done."""
    with Terminal(["cat"]) as terminal:
        return statistics.median(terminal.key_to_paint("j")[0] for _ in range(keys))


def bare_fetch(path: Path) -> float:
    """Seconds that DuckDB alone takes to fetch the rows of the file without their texts."""
    import duckdb

    query = "SELECT * EXCLUDE (input_text, output_text) FROM read_parquet(?) ORDER BY start_time"
    return min(timed(lambda: duckdb.connect().execute(query, [str(path)]).fetchall()))


def from_enter(path: Path, env: dict[str, str], count: int) -> float:
    """Seconds from Enter to the painted tree, in an app of its own."""
    with open_app(path, env) as terminal:
        return _entered(terminal, count)


def _entered(terminal: Terminal, count: int) -> float:
    terminal.wait(lambda one: "1 of 1" in one.text and "→" in one.text, 60)
    terminal.settle(1.0)
    # The row of the cursor: its bar says the number, which only a painted tree has.
    return pressed(terminal, "\r", lambda one: f"row 1 of {count:,}" in one.text and "agent run" in one.text)


def timed(work: Callable[[], object], runs: int = 3) -> list[float]:
    """Seconds of several runs."""
    seconds = []
    for _ in range(runs):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return seconds


def in_process(path: Path) -> None:
    """What the tree is made of, without a terminal."""
    from traceview.model.tree_folds import Folds
    from traceview.store.open import open_engine
    from traceview.tui.widgets.span_facts import SpanFacts
    from traceview.tui.widgets.span_search import SpanSearch

    engine = open_engine([str(path)])
    try:
        engine.wait_ready()
        spans = engine.trace("bench-trace").spans
        rows = timed(lambda: engine.trace("bench-trace"))
        print(line("engine: all rows of the trace", rows, "", floor=bare_fetch(path)))
        print(line("arranged: tree, times, usage, repeats, path", timed(lambda: SpanFacts(spans)), ""))
        facts = SpanFacts(spans)
        folds = Folds(facts.tree, facts.repeats)
        print(line("fold everything", timed(folds.fold_all), "0.050 s"))
        print(line("unfold everything", timed(folds.unfold_all), "0.050 s"))
        print(line("search names, first time", timed(lambda: SpanSearch(facts).names("search_3")), "0.300 s"))
        search = SpanSearch(facts)
        search.names("x")
        print(line("search names, next letter", timed(lambda: search.names("search_3")), "0.300 s"))
    finally:
        engine.close()


def pressed(terminal: Terminal, key: str, condition: Callable[[Terminal], bool]) -> float:
    """Seconds from a key until the screen meets a condition."""
    begin = time.perf_counter()
    terminal.press(key)
    return terminal.wait(condition, 60) - begin


def with_detail(terminal: Terminal, key: str) -> int:
    """Bytes that a key writes until all is quiet again, the detail that follows included."""
    before = terminal.received
    terminal.press(key)
    terminal.settle(0.5)
    return terminal.received - before


def on_screen(path: Path, env: dict[str, str], count: int, keys: int) -> None:
    """The same in the app."""
    whole = f"{count:,} spans"
    small = Path(path.parent, "small.parquet")
    write(small, SMALL)
    floor = statistics.median(from_enter(small, env, SMALL) for _ in range(3))
    key = echo()
    print(line("floor: a tree of 20 spans on the screen, from Enter", [floor], ""))
    print(line("floor: echo of a key", [key], ""))
    runs = [from_enter(path, env, count) for _ in range(4)]
    with open_app(path, env) as terminal:
        runs.append(_entered(terminal, count))
        print(line("tree on the screen, from Enter", runs, "0.500 s", floor=floor))
        terminal.settle(1.5)
        seconds, octets = [], []
        for number in range(keys):
            elapsed, written = terminal.key_to_paint("k" if number % 5 == 4 else "j")
            seconds.append(elapsed)
            octets.append(written)
            terminal.settle(0.3)
        print(line("cursor key to paint, p95", [p95(seconds)], "0.050 s", floor=key))
        print(line("bytes per cursor key, the tree", octets, "2048", "B"))
        moves = [with_detail(terminal, "j" if number % 2 else "k") for number in range(10)]
        print(line("bytes per cursor key, with the detail behind it", moves, "", "B"))
        before = terminal.received
        for _ in range(10):
            terminal.press("j")
        terminal.settle(0.5)
        print(line("bytes per key, ten keys at once", [(terminal.received - before) / 10], "2048", "B"))
        print(line("fold all, to paint", [pressed(terminal, "-", _says("spans shown"))], "0.050 s"))
        terminal.settle(1.0)
        print(
            line(
                "unfold all, to paint",
                [pressed(terminal, "+", _says(f"{count:,} of {whole} shown"))],
                "0.050 s",
            )
        )
        terminal.settle(1.0)
        terminal.press("/")
        terminal.settle(0.5)
        begin = time.perf_counter()
        terminal.press("search_3")
        named = terminal.wait(lambda one: "search_3" in one.text and "hits in " in one.text, 60) - begin
        print(line("search: hits in names on the screen", [named], "0.300 s", floor=key))
    with open_app(path, env) as terminal:
        _entered(terminal, count)
        terminal.press("/")
        terminal.settle(0.3, at_most=1.0)
        begin = time.perf_counter()
        terminal.press("refund")
        first = terminal.wait(lambda one: " hits in " in one.text, 60) - begin
        every = terminal.wait(lambda one: f"in {count:,} of {count:,}" in one.text, 60) - begin
        print(line("search: first hit in a text", [first], ""))
        print(line("search: every text, none read before", [every], ""))


def _says(words: str) -> Callable[[Terminal], bool]:
    return lambda terminal: words in terminal.text


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=20_000)
    parser.add_argument("--keys", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "tree.parquet")
        write(path, options.spans)
        print(f"a trace of {options.spans:,} spans, {path.stat().st_size / 1e6:,.1f} MB; 120x40")
        print(f"{'figure':<50}{'median':>10}{'min':>10}{'max':>10}   {'floor':>9}{'ratio':>7}  budget")
        in_process(path)
        on_screen(path, environment(directory), options.spans, options.keys)


if __name__ == "__main__":
    main()
