"""What a person did before, in whatever source: commands used last, panes as they were drawn, hints seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from traceview.files.kept import read_kept

FILE_NAME = "habits.json"
RECENT = 8


@dataclass(slots=True)
class Habits:
    """Kept in one file of the state directory. `panes` maps a split to the share of its first pane, in percent."""

    recent: list[str] = field(default_factory=list)
    panes: dict[str, int] = field(default_factory=dict)
    hint_seen: bool = False

    def used(self, command: str) -> None:
        """Put a command first among those used last."""
        self.recent = [command, *(one for one in self.recent if one != command)][:RECENT]


def read_habits(folder: Path | None) -> Habits:
    """The habits kept in a folder; none where nothing was kept or the file is of no use."""
    if folder is None:
        return Habits(hint_seen=True)
    found = read_kept(folder / FILE_NAME)
    recent, panes = found.get("recent"), found.get("panes")
    return Habits(
        [one for one in recent if isinstance(one, str)][:RECENT] if isinstance(recent, list) else [],
        _shares(panes) if isinstance(panes, dict) else {},
        found.get("hint_seen") is True,
    )


def _shares(panes: Mapping[str, Any]) -> dict[str, int]:
    return {name: share for name, share in panes.items() if type(share) is int and 0 < share < 100}


def keep_habits(folder: Path | None, habits: Habits) -> str | None:
    """Write the habits; a sentence if that was not possible."""
    if folder is None:
        return None
    from traceview.files.atomic import atomic_write

    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write(folder / FILE_NAME, json.dumps(to_builtins(habits), ensure_ascii=False, indent=1))
    except OSError as error:
        return f"What you used last was not kept: {error}"
    return None
