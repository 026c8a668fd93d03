"""What is done to rows before they are written as JSON lines, CSV or Parquet: redacted, and put into splits.

By the rules of exports for training: the same conversation is in the same split, the same text is replaced alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from traceview.annotation.splitting import Ratios, group_of, split_of
from traceview.exports.content import ExportItem, ExportRow, target_of
from traceview.exports.training.publishing import places
from traceview.exports.training.redaction import annotator_names, hashed, is_kept
from traceview.exports.training.sinks import WHOLE
from traceview.model.judges import RedactionProfile
from traceview.model.labels import LabelRow
from traceview.text.redact import Redactor
from traceview.text.redact_json import json_redacted

TEXTS = ("name", "error_message", "input", "output")
IDS = ("target_id", "trace_id", "span_id", "thread_id", "document_id")


class Treatment(Struct, frozen=True):
    """How rows are split and redacted; by default neither."""

    split: Ratios | None = None
    seed: int = 0
    redact: RedactionProfile = "off"

    @property
    def names(self) -> tuple[str, ...]:
        """The parts that rows go into."""
        return self.split.names if self.split is not None else (WHOLE,)

    def files(self, path: Path) -> dict[str, Path]:
        """Where each part goes: PATH, or PATH with the name of a split before its suffix."""
        found = places("", path, self.split.names if self.split is not None else ())
        return {name: found[name] for name in self.names}

    def part_of(self, row: ExportRow) -> str:
        """The part that a row goes into, by its conversation."""
        if self.split is None:
            return WHOLE
        target = target_of(row)
        thread = row.get("thread_id")
        return split_of(group_of(thread, target.trace_id or target.id), self.split, self.seed)

    def described(self, part: str) -> dict[str, Any]:
        """What the metadata of a part says of it; nothing where nothing was done."""
        told: dict[str, Any] = {} if self.redact == "off" else {"redact": self.redact}
        if self.split is not None:
            told |= {"split": str(self.split), "seed": self.seed, "part": part}
        return told


class Hider:
    """Redacts rows; `counts` are how many texts of each kind were replaced so far."""

    def __init__(self, profile: RedactionProfile, labels: Sequence[LabelRow]) -> None:
        self._profile = profile
        self._names = annotator_names(labels, profile)
        self.counts: Counter[str] = Counter()

    def labels(self, rows: Iterable[LabelRow]) -> list[LabelRow]:
        """The labels that are written, under the names that people go by; their texts stay for `item` to replace."""
        return [
            replace(row, annotator=self._names.get(row.annotator, row.annotator))
            for row in rows
            if is_kept(row.name, self._profile)
        ]

    def item(self, item: ExportItem) -> ExportItem:
        """The row as it may leave; placeholders are counted within it."""
        if self._profile == "off":
            return item
        strict = self._profile == "strict"
        redactor = Redactor(strict=strict)
        content = dict(item.content)
        for name in TEXTS:
            if content[name] is not None:
                content[name] = json_redacted(content[name], redactor.text)
        content["tags"] = [redactor.text(tag) for tag in content["tags"] or ()]
        if content["user_id"] is not None:
            content["user_id"] = f"user-{hashed(content['user_id'])}"
        if strict:
            content |= {name: content[name] and hashed(content[name]) for name in IDS}
        labels = tuple(
            replace(
                row,
                value=redactor.text(row.value) if isinstance(row.value, str) else row.value,
                reason=None if strict or not row.reason else redactor.text(row.reason),
            )
            for row in self.labels(item.labels)
        )
        self.counts += redactor.counts
        return ExportItem(content, labels)
