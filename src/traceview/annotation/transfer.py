"""Labels in and out as JSON lines, and their check."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from traceview.model.definitions import FeedbackDefinition
from traceview.model.labels import Target
from traceview.store.labels.store import LabelStore


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: rows added, rows that were there already, undefined names, refused lines with reasons."""

    lines: int
    added: int
    known: int
    undefined: Mapping[str, int]
    refused: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found. `problems` make it broken; orphans and undefined names do not."""

    rows: int
    current: int
    problems: tuple[str, ...]
    orphans: tuple[Target, ...]
    undefined: Mapping[str, int]

    @property
    def ok(self) -> bool:
        """True if nothing is broken."""
        return not self.problems


def list_labels(
    store: LabelStore, *, names: Collection[str] | None = None, history: bool = False
) -> Iterator[dict[str, Any]]:
    """Current rows (or all, with op, ref and action_id) as the JSON objects of `labels list --json`."""
    raise NotImplementedError


def export_labels(
    store: LabelStore,
    path: Path,
    *,
    names: Collection[str] | None = None,
    history: bool = False,
    force: bool = False,
) -> int:
    """Write `list_labels` as JSON lines, atomically; the number of rows. Raises BadInput if `path` exists."""
    raise NotImplementedError


def import_labels(
    store: LabelStore,
    lines: Iterable[bytes | str],
    definitions: Collection[FeedbackDefinition],
    *,
    default_annotator: str | None = None,
    trace_of_span: Callable[[str], str | None] | None = None,
) -> ImportReport:
    """Add the rows of JSON lines; what is there already is skipped, what does not fit is refused with its line number.

    `default_annotator` fills a missing annotator, `trace_of_span` a missing trace id. Raises Unsaved.
    """
    raise NotImplementedError


def check_labels(
    store: LabelStore,
    definitions: Collection[FeedbackDefinition],
    exists: Callable[[Target], bool] | None = None,
) -> CheckReport:
    """Integrity of the file, targets that the source does not have (`exists`), names that nothing defines."""
    raise NotImplementedError
