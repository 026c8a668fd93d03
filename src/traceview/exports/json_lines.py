"""JSON lines: an object per target, its scores nested by name, source and annotator."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from traceview.exports.content import ExportItem, Labels, ScoreColumn
from traceview.store.labels.rows import to_json

_OF_A_SCORE = ("value", "reason", "definition_hash", "blind", "session", "created_at")


class Writer:
    """`scores` is {name: {source: {annotator: {value, reason, definition_hash, blind, session, created_at}}}}."""

    notes: Sequence[str] = ("does not apply is the text n/a", "every line is a row; there is no header line")

    columns: Sequence[ScoreColumn] = ()

    def __init__(self, path: Path, labels: Labels) -> None:
        self._stream = path.open("w", encoding="utf-8", newline="\n")

    def write(self, batch: Sequence[ExportItem]) -> None:
        """Append a batch."""
        for item in batch:
            line = json.dumps(item.content | {"scores": nested(item)}, ensure_ascii=False, allow_nan=False)
            self._stream.write(line + "\n")

    def finish(self, metadata: Mapping[str, Any]) -> None:
        """The metadata is in the file beside."""
        self._stream.flush()

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()


def nested(item: ExportItem) -> dict[str, Any]:
    """The current labels of a target by name, source and annotator."""
    scores: dict[str, Any] = {}
    for row in item.labels:
        fields = to_json(row)
        by_source = scores.setdefault(row.name, {}).setdefault(row.source, {})
        by_source[row.annotator] = {field: fields[field] for field in _OF_A_SCORE}
    return scores
