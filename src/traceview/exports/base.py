"""What an export is made of: rows of content, their current labels, and where they came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from traceview.model.labels import LabelRow, Target

ExportRow = Mapping[str, Any]
"""One target with its content.

`target_kind`, `target_id`, `trace_id`, `span_id`, `thread_id`, `name`, `kind`, `start_time` and `end_time` (RFC
3339, or `start_ns` and `end_ns`), `duration_ms`, `status`, `error_message`, `models` (list), `prompt_versions`
(list of `name@version` or of {name, version}), `input_tokens`, `output_tokens`, `cost_usd`, `user_id`, `tags`,
`input`, `output` (whole texts). A missing key is null; other keys are left out.
"""


@dataclass(frozen=True, slots=True)
class ExportOrigin:
    """Where the rows came from: the filter's text, the source's files and identity, the label file."""

    filter: str
    source: tuple[str, ...]
    identity: str | None = None
    labels: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written: `rows` of `of` targets, and the files."""

    rows: int
    of: int
    path: Path
    metadata_path: Path | None


def export(
    format: str,
    rows: Iterable[ExportRow],
    path: Path,
    *,
    labels: Iterable[LabelRow],
    origin: ExportOrigin,
    all_targets: bool = False,
    force: bool = False,
) -> ExportReport:
    """Write a row per labelled target (per target with `all_targets`) to `path`, atomically, in batches.

    `format` is jsonl, csv or parquet; `labels` are the current rows. Raises BadInput if `path` exists and not `force`.
    """
    raise NotImplementedError


def target_of(row: ExportRow) -> Target:
    """The target that a row is about."""
    raise NotImplementedError
