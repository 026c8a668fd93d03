"""The project: which traceview.toml holds, and what it says."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from traceview.model.definitions import FeedbackDefinition

Origin = Literal["config", "cwd", "source", "builtin"]


@dataclass(frozen=True)
class Project:
    """The definitions in force. `path` is None for the built-in ones.

    `labels` is absolute; `views` maps a name to a filter text; `tables` are the sections of later readers
    (judge, prices, alerts), as they stand.
    """

    definitions: tuple[FeedbackDefinition, ...]
    path: Path | None = None
    origin: Origin = "builtin"
    labels: Path | None = None
    views: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trusted(self) -> bool:
        """False for a file found beside a source: it never runs code or sends text."""
        return self.origin != "source"

    def definition(self, name: str) -> FeedbackDefinition | None:
        """The definition of this name, or None."""
        return next((definition for definition in self.definitions if definition.name == name), None)


def load_project(
    config: Path | None = None,
    sources: Sequence[Path] = (),
    *,
    cwd: Path | None = None,
    reserved_keys: Collection[str] = (),
) -> Project:
    """Find and read traceview.toml: `config`, else upwards from `cwd`, else from the first source's folder.

    `reserved_keys` are the app's own keys, which a choice may not take. Raises BadInput with file and line.
    """
    raise NotImplementedError
