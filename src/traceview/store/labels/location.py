"""Where the labels of a source are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LabelLocation:
    """A label file: `path` is written, `base` (if any) only read and merged; `sentence` says it for people."""

    path: Path
    sentence: str
    base: Path | None = None


def label_location(
    sources: Sequence[str], *, labels: Path | None = None, project_labels: Path | None = None
) -> LabelLocation:
    """The label file of these sources: `--labels`, else traceview.toml's `labels`, else beside the one source.

    `sources` are the arguments as typed. Raises BadInput where several sources, a glob or `-` need one named.
    """
    raise NotImplementedError
