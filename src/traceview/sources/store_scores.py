"""Scores that lie in a store beside its parts: JSON lines of what was read from files of scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from traceview.sources.base import Probe, ReadReport, ScoreRecord
from traceview.sources.jsontext import cleaned

BATCH = 2000
_MARK = "traceview_score"
_VERSION = 1


class StoreScores:
    """Our own lines of scores."""

    name = "traceview scores"

    def recognise(self, probe: Probe) -> bool:
        """True for lines that say what they are."""
        return probe.container == "json" and _MARK in probe.top_keys

    def read_scores(self, probe: Probe, report: ReadReport) -> Iterator[list[ScoreRecord]]:
        """Batches of scores."""
        from traceview.sources.records import records

        batch: list[ScoreRecord] = []
        for where, record in records(probe, report):
            if record.pop(_MARK, None) is None:
                report.skip("no score", where)
                continue
            batch.append(record)
            if len(batch) >= BATCH:
                yield batch
                batch = []
        if batch:
            yield batch


def lines_of(scores: Iterable[ScoreRecord]) -> Iterator[bytes]:
    """A line for each score, the same for the same score."""
    for score in scores:
        told = {key: value for key, value in cleaned(score).items() if value is not None}
        yield orjson.dumps({_MARK: _VERSION, **told}, option=orjson.OPT_SORT_KEYS) + b"\n"
