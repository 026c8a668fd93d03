"""Edits of traceview.toml in place, with comments kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from traceview.definitions.project import Project


def add_definition(
    path: Path | None, name: str, fields: Mapping[str, Any], *, replace: bool = False
) -> Project:
    """Add `[feedback.NAME]` to a file (None: traceview.toml of the working directory, created if need be).

    `fields` are the keys of the TOML table. The result is validated before anything is written. Raises BadInput.
    """
    raise NotImplementedError
