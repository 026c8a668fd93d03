"""Opens what a command names: the source, its label file, the definitions, the annotator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traceview.definitions.project import Project
    from traceview.filters.ast import Node
    from traceview.store.interface import Engine
    from traceview.store.labels.location import LabelLocation
    from traceview.store.labels.store import LabelStore


@dataclass(frozen=True, slots=True)
class Opened:
    """A source with everything that a command may need."""

    engine: Engine
    labels: LabelStore | None
    location: LabelLocation | None
    project: Project


def parse_filter(text: str) -> Node | None:
    """The filter of `--filter`. Raises FilterError with the column."""
    from traceview.filters.parser import parse

    return parse(text)
