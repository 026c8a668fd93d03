"""Measures full-text search over a list: the first hit, the whole search, how soon a key ends it; in process, in a pty.

Usage: python -m benchmarks.search FILE [--runs 5] [--no-terminal]

FILE comes from `python -m benchmarks.generate` (text columns `input`, `output`, `error`). Searched for is a piece of a
text that stands in the newest row group, in the middle, and nowhere. Floors are bare DuckDB with the same pattern on
the same columns: in the newest row group for a first hit among the newest, in the rows from the middle on for one in
the middle, else in the whole file. Every search is of a piece that was not searched for before.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.app import environment, open_app, wait_indexed
from benchmarks.tree import line

if TYPE_CHECKING:
    import duckdb

    from traceview.store.interface import Engine, ListQuery

PIECE = 40
"""Characters of a text that are searched for."""
NOWHERE = "zqxjv"
CANCEL_AFTER = 0.15


class Texts:
    """The texts of a file, read with bare DuckDB; `rows` is how many there are, `group` how many in its last group."""

    def __init__(self, path: Path) -> None:
        import duckdb

        self.path = path
        self.connection: duckdb.DuckDBPyConnection = duckdb.connect()
        found = self.connection.execute(
            "SELECT row_group_id, any_value(row_group_num_rows) FROM parquet_metadata(?) GROUP BY 1 ORDER BY 1",
            [str(path)],
        ).fetchall()
        self.rows = sum(count for _, count in found)
        self.group = found[-1][1]

    def piece(self, row: int) -> str:
        """A piece of the output of a row, from its middle: it is about as good as alone."""
        text = self.connection.execute(
            "SELECT output FROM read_parquet(?, file_row_number = true) WHERE file_row_number = ?",
            [str(self.path), row],
        ).fetchall()[0][0]
        middle = max(text.find("\n", len(text) // 2) - PIECE // 2, 0)
        return str(text[middle : middle + PIECE])

    def scan(self, word: str, first: int) -> float:
        """Seconds that bare DuckDB takes to look for a word in the rows from one on."""
        begin = time.perf_counter()
        self.connection.execute(
            """SELECT count(*) FROM read_parquet($1, file_row_number = true) WHERE file_row_number >= $2 AND (
                regexp_matches(input, $3, 'is') OR regexp_matches(output, $3, 'is') OR regexp_matches(error, $3, 'is'))
            """,
            [str(self.path), first, re.escape(word).replace("\\\n", "\n")],
        ).fetchall()
        return time.perf_counter() - begin


def query_of(word: str) -> ListQuery:
    """The list of the traces that say a word."""
    from traceview.filters.ast import FullText, Text
    from traceview.store.interface import ListQuery

    return ListQuery("traces", FullText(Text(word)))


def until_first(engine: Engine, word: str) -> None:
    """Search until there is a hit."""
    for found in engine.search(query_of(word)):
        if len(found.selection):
            break


def to_the_end(engine: Engine, word: str) -> None:
    """Search to the end, part after part."""
    for _ in engine.search(query_of(word)):
        pass


def cancelled(engine: Engine, word: str) -> float:
    """Seconds from cancelling a search to its end."""
    from traceview.model.errors import Cancelled
    from traceview.store.interface import CancelToken

    token, at = CancelToken(), [0.0]

    def cancel() -> None:
        at[0] = time.perf_counter()
        token.cancel()

    timer = threading.Timer(CANCEL_AFTER, cancel)
    timer.start()
    try:
        for _ in engine.search(query_of(word), token):
            pass
    except Cancelled:
        return time.perf_counter() - at[0]
    timer.cancel()
    return 0.0


def both(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock and of the processors."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def in_process(texts: Texts, runs: int) -> None:
    """The engine without a terminal."""
    from traceview.store.open import open_engine

    few = min(runs, 3)
    newest = [texts.piece(texts.rows - 1 - at * (texts.group // (2 * runs))) for at in range(runs)]
    middle = [texts.piece(texts.rows // 2 + at * 97) for at in range(few)]
    nowhere = iter(f"{NOWHERE}{at}" for at in range(1_000))
    group, half = texts.rows - texts.group, texts.rows // 2
    engine = open_engine([str(texts.path)])

    def show(
        name: str,
        words: Sequence[str],
        work: Callable[[Engine, str], object],
        budget: str,
        first: int,
    ) -> None:
        # in turns, so that what else the machine does meets both
        pairs = [
            (both(partial(work, engine, word)), both(partial(texts.scan, word, first))) for word in words
        ]
        for at, clock in enumerate(("", ", CPU")):
            mine, bare = ([pair[side][at] for pair in pairs] for side in (0, 1))
            print(line(f"{name}{clock}", mine, budget, floor=statistics.median(bare)), flush=True)

    try:
        engine.wait_ready()
        # what is read once and kept: the footers
        until_first(engine, texts.piece(texts.rows - 7))
        show("first hit, among the newest", newest, until_first, "0.300 s", group)
        show("first hit, in the middle", middle, until_first, "", half)
        words = [next(nowhere) for _ in range(few)]
        show("whole search in parts, no hit", words, to_the_end, "1.3", 0)
        words = [next(nowhere) for _ in range(few)]
        show(
            "whole search at once, as a command",
            words,
            lambda one, word: one.select(query_of(word)),
            "1.3",
            0,
        )
        again = [both(partial(engine.select, query_of(word)))[0] for word in words]
        print(line("the same once more", again, ""))
        ended = [cancelled(engine, next(nowhere)) for _ in range(runs)]
        print(line("from cancelling to the end", ended, "0.100 s"), flush=True)
    finally:
        engine.close()


def on_screen(texts: Texts, runs: int, env: dict[str, str]) -> None:
    """The same as a person sees it."""
    with open_app(texts.path, env) as terminal:
        wait_indexed(terminal, 900)
    firsts, stops = [], []
    for at in range(runs):
        # an app of its own: the count of the search before would pass for that of this one
        with open_app(texts.path, env) as terminal:
            wait_indexed(terminal)
            terminal.settle(0.5, at_most=3)
            terminal.press("/")
            terminal.settle(0.3, at_most=1)
            # a word of the newest row that was not searched for before
            word = texts.piece(texts.rows - 1 - at * 31).replace("\n", " ").split()[1].strip(".")
            begin = time.perf_counter()
            terminal.press(word)
            firsts.append(
                terminal.wait(lambda one: " searched" in one.text and " 0 so far" not in one.text, 60) - begin
            )
            terminal.press("\r")
            terminal.settle(0.3, at_most=1)
            if "searched" in terminal.text:
                begin = time.perf_counter()
                terminal.press("\x1b")
                stops.append(terminal.wait(lambda one: "stopped at" in one.text, 10) - begin)
    print(line("in a pty: typed to first hit (0.12 s are the pause)", firsts, "0.420 s"))
    if stops:
        print(line("in a pty: Esc to stopped", stops, "0.100 s"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-terminal", action="store_true")
    options = parser.parse_args()
    texts = Texts(options.file.absolute())
    size = options.file.stat().st_size / 1e6
    load = f"{os.getloadavg()[0]:.1f}"
    print(f"{options.file.name}: {texts.rows:,} spans, {size:,.0f} MB; {os.cpu_count()} cores, load {load}")
    print(f"{'figure':<50}{'median':>10}{'min':>10}{'max':>10}   {'floor':>9}{'ratio':>7}  budget")
    in_process(texts, options.runs)
    if not options.no_terminal:
        with tempfile.TemporaryDirectory() as directory:
            on_screen(texts, options.runs, environment(directory))


if __name__ == "__main__":
    main()
