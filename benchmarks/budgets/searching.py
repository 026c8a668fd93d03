"""Search over the texts of a file: how soon the newest hit is there, and how soon a cancelled search ends."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.budgets.data import Data
from benchmarks.budgets.figures import Budget, Figure
from benchmarks.search import NOWHERE, Texts, both, cancelled, until_first
from traceview.store.open import open_engine

FIRST_SECONDS, CANCEL_SECONDS = 0.300, 0.100


def figures(data: Data, runs: int) -> Iterator[Figure]:
    """The floor of the first hit is bare DuckDB with the same pattern on the newest row group."""
    texts = Texts(data.path)
    newest = [texts.piece(texts.rows - 1 - at * (texts.group // (2 * runs))) for at in range(runs)]
    engine = open_engine([str(data.path)])
    try:
        engine.wait_ready()
        # what is read once and kept: the footers
        until_first(engine, texts.piece(texts.rows - 1))
        pairs = []
        for word in newest:
            first = texts.rows - texts.group
            pairs.append(
                (
                    both(lambda word=word: until_first(engine, word)),  # type: ignore[misc]
                    both(lambda word=word, first=first: texts.scan(word, first)),  # type: ignore[misc]
                )
            )
        yield Figure(
            data.name,
            "search: first hit, among the newest",
            "s",
            tuple(mine[0] for mine, _ in pairs),
            tuple(bare[0] for _, bare in pairs),
            Budget(most=FIRST_SECONDS, cpu=True),
            cpu=tuple(mine[1] for mine, _ in pairs),
            cpu_floors=tuple(bare[1] for _, bare in pairs),
        )
        ended = [cancelled(engine, f"{NOWHERE}{at}") for at in range(runs)]
        yield Figure(
            data.name,
            "search: from cancelling to its end",
            "s",
            tuple(ended),
            (),
            Budget(most=CANCEL_SECONDS),
        )
    finally:
        engine.close()
