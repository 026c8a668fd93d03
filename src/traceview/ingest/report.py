"""What an import did, for people and as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec import to_builtins

from traceview.sources.base import ReadReport
from traceview.sources.open import SkippedInput
from traceview.text.safe import safe_line

_MANY_PARTS = 64


@dataclass
class FileReport:
    """One file that was read: its format, the spans or scores in it, and how much of it was left out, by reason."""

    file: str
    format: str
    read: int = 0
    skipped: dict[str, int] = field(default_factory=dict)


@dataclass
class ImportReport:
    """What an import did.

    `files` were read, `unchanged` ones were imported before as they are. `spans` were written, `changed` of them in
    place of an earlier version; `already` were there as they are; `repeated` were followed by a later version in the
    same import. `failed` are sources that are not there, or could not be read at all, although an argument named them.
    `gone` are files that were in the store and are not any more, so that unchanged sources were read again.
    """

    store: str
    files: list[FileReport] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    spans: int = 0
    changed: int = 0
    already: int = 0
    repeated: int = 0
    scores: int = 0
    scores_already: int = 0
    parts: int = 0
    parts_in_store: int = 0
    skipped: list[SkippedInput] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """2 if a source that was named could not be read."""
        return 2 if self.failed else 0

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON object."""
        told: dict[str, Any] = to_builtins(self)
        return told

    def sentences(self) -> Iterator[str]:
        """The report for people."""
        yield f"{self.spans:,} spans of {_files(len(self.files))} written to {self.store}"
        if self.scores:
            yield f"{self.scores:,} scores of files of scores written"
        if self.changed:
            yield f"{self.changed:,} of the spans replace an earlier version of themselves"
        if self.already:
            yield f"{self.already:,} spans were in the store already"
        if self.scores_already:
            yield f"{self.scores_already:,} scores were in the store already"
        if self.repeated:
            yield f"{self.repeated:,} spans were there more than once: the last one counts"
        if self.unchanged:
            verb = "was" if len(self.unchanged) == 1 else "were"
            yield f"{_files(len(self.unchanged))} {verb} imported before, without a change since"
        if self.parts and self.parts_in_store >= _MANY_PARTS:
            yield f"the store has {self.parts_in_store:,} parts: `traceview store compact` makes them fewer"
        if self.gone:
            parts = f"{self.gone[0]} is" if len(self.gone) == 1 else f"{len(self.gone):,} files are"
            yield f"{parts} not in the store any more: sources that were imported before were read again"
        for skipped in self.skipped:
            place = f" ({safe_line(skipped.where)})" if skipped.where else ""
            yield f"skipped: {skipped.count:,} x {skipped.reason}{place}"


class Difference:
    """What one file added to a report that several files share."""

    def __init__(self, report: ReadReport) -> None:
        self._report = report
        self._spans, self._skipped = report.spans, Counter(report.skipped)

    def told(self, file: str, name: str, read: int) -> FileReport:
        """The report of the file."""
        return FileReport(file, name, read, dict(self._report.skipped - self._skipped))


def skipped_of(read: ReadReport) -> Iterator[SkippedInput]:
    """What a reader left out, with the first places of each reason."""
    for reason, count in sorted(read.skipped.items()):
        yield SkippedInput(reason, count, ", ".join(read.places.get(reason, [])) or None)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
