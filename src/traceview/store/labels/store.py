"""The label store: rows that are only ever added, in one SQLite file that any number of processes write."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from traceview.model.labels import LabelRow, ScoreSource, Target

LabelKey = tuple[Target, str, ScoreSource, str]
"""What has one current value: target, definition name, source, annotator."""


@dataclass(frozen=True, slots=True)
class CurrentChanges:
    """What changed among the current rows: `rows` are current now, `gone` have no value any more."""

    last_seq: int
    rows: tuple[LabelRow, ...]
    gone: tuple[LabelKey, ...]


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Rows in all, current rows, and targets with a current row."""

    rows: int
    current: int
    targets: int


class LabelStore:
    """One label file, and a read-only one beneath it. Methods may be called from any thread."""

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False, base: Path | None = None) -> LabelStore:
        """Open a label file; it is created by the first write, so a missing one is empty.

        `base` is another label file that is only read and merged in memory. Raises BadInput if the file is not
        a label store, is damaged or comes from a newer version.
        """
        raise NotImplementedError

    def append(self, rows: Sequence[LabelRow]) -> Future[tuple[LabelRow, ...]]:
        """Queue rows for the writer thread, in order; the future is done after COMMIT, with the rows as stored.

        A row with an empty `id` or `created_at` gets one. The future raises Unsaved (a BadInput) if nothing was kept.
        """
        raise NotImplementedError

    def append_now(self, rows: Sequence[LabelRow]) -> tuple[LabelRow, ...]:
        """`append`, waiting for the commit."""
        raise NotImplementedError

    def waiting_for(self, after: float = 2.0) -> int | None:
        """The process that holds the write lock while a write of ours waits longer than `after` seconds; 0 if unknown."""
        raise NotImplementedError

    def current(
        self,
        targets: Collection[Target] | None = None,
        *,
        name: str | None = None,
        source: ScoreSource | None = None,
        annotator: str | None = None,
    ) -> tuple[LabelRow, ...]:
        """Current rows (op is set), oldest first, all or of these targets."""
        raise NotImplementedError

    def current_changes(self, seq: int) -> CurrentChanges:
        """The current state of every key that rows after `seq` touch: what a mirror applies. 0 gives all."""
        raise NotImplementedError

    def history(self, target: Target | None = None) -> tuple[LabelRow, ...]:
        """Every row (of one target), in order of time."""
        raise NotImplementedError

    def changes_since(self, seq: int, limit: int = 10_000) -> list[tuple[int, LabelRow]]:
        """Rows after `seq` with theirs, in that order; 0 begins at the first. Numbers hold while the store is open."""
        raise NotImplementedError

    def last_seq(self) -> int:
        """The number of the newest row, 0 if there is none."""
        raise NotImplementedError

    def data_version(self) -> int:
        """A number that changes whenever anyone committed; a poll costs microseconds."""
        raise NotImplementedError

    def counts(self) -> LabelCounts:
        """How many rows, current rows and labelled targets there are."""
        raise NotImplementedError

    def backup(self, path: Path, *, force: bool = False) -> Path:
        """Copy the whole store while others write; the copy appears whole. Raises BadInput if `path` exists."""
        raise NotImplementedError

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Wait for the open transaction and hold the next ones back, while the process is being suspended."""
        raise NotImplementedError
        yield

    def close(self) -> None:
        """Write what is queued, then let go of the file."""
        raise NotImplementedError
