"""How lists look in a project: columns that were chosen, those that traceview.toml names, and its saved views."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from traceview.files.kept import read_kept
from traceview.model.fields import column_name
from traceview.tui.list_columns import TURNS
from traceview.tui.rows import ListLevel

if TYPE_CHECKING:
    from traceview.definitions.project import Project
    from traceview.definitions.views import SavedView


class Choice(Struct, frozen=True):
    """Columns in their order. Scores that are neither in it nor left `off` come by themselves."""

    columns: tuple[str, ...]
    off: tuple[str, ...] = ()


class Looks:
    """The views and columns of a project. `file` keeps what was chosen; None keeps it while the app runs."""

    def __init__(
        self,
        project: Project | None = None,
        file: Path | None = None,
        reserved_keys: Mapping[str, str] | None = None,
    ) -> None:
        self._project = project
        self._file = file
        self._reserved_keys = dict(reserved_keys or {})
        self._chosen: dict[str, Choice] = _read(file)
        self.views: dict[str, SavedView] = {}
        self.refused: dict[str, str] = {}
        """What is wrong with the views that are left out, with file and line, by their names."""
        if project is not None:
            self._take_views(project)

    @property
    def project_file(self) -> Path | None:
        """The traceview.toml that views are saved in; None if one will be made in the working directory."""
        return self._project.path if self._project is not None else None

    def choice(self, level: ListLevel) -> Choice | None:
        """What was chosen here, else what the project says; None if nobody did."""
        return self._chosen.get(level) or self.of_project(level)

    def of_project(self, level: ListLevel) -> Choice | None:
        """What the project says; None if it says nothing."""
        team = self._project.columns.get(level) if self._project is not None else None
        return Choice(tuple(team)) if team else None

    def is_own(self, level: ListLevel) -> bool:
        """Whether the columns of a list were chosen in the app."""
        return level in self._chosen

    def choose(self, level: ListLevel, choice: Choice | None) -> str | None:
        """Take a choice, or None to forget it, and keep that; a sentence if it could not be kept."""
        if choice is None:
            self._chosen.pop(level, None)
        else:
            self._chosen[level] = choice
        if self._file is None:
            return None
        from traceview.files.atomic import atomic_write

        kept = {name: {"columns": one.columns, "off": one.off} for name, one in self._chosen.items()}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(self._file, json.dumps(kept, ensure_ascii=False, indent=1))
        except OSError as error:
            return f"The columns were not kept: {error}"
        return None

    def save(self, view: SavedView, *, replace: bool) -> Path:
        """Write a view into traceview.toml; the path of the file. Raises BadInput. Call it in a worker."""
        from traceview.definitions.edit import save_view

        project = save_view(self.project_file, view, replace=replace, reserved_keys=self._reserved_keys)
        self._take_views(project)
        if self._project is None or self._project.path is None:
            self._project = project
        assert project.path is not None
        return project.path

    def _take_views(self, project: Project) -> None:
        """The views of a project but for those that cannot be read, also for their filters."""
        from traceview.definitions.views import view_error
        from traceview.filters.errors import FilterError
        from traceview.filters.parser import parse

        self.views = dict(project.views)
        refused = dict(project.refused_views)
        for name, view in project.views.items():
            try:
                parse(view.filter)
            except FilterError as error:
                if project.path is not None:
                    said = f"column {error.column}: {error.problem}"
                    refused[name] = view_error(project.path, name, said)
                    del self.views[name]
        self.refused = {
            name: f"{error.message}{f' ({error.hint})' if error.hint else ''}"
            for name, error in refused.items()
        }


def _read(file: Path | None) -> dict[str, Choice]:
    """What was kept; columns that are none any more are left out, and a file that is of no use is none."""
    if file is None:
        return {}
    found = read_kept(file)
    levels: tuple[ListLevel, ...] = ("traces", "threads")
    kept = {}
    for level in levels:
        entry = found.get(level)
        if isinstance(entry, dict):
            choice = Choice(_names(level, entry.get("columns")), _names(level, entry.get("off")))
            if choice.columns:
                kept[str(level)] = choice
    return kept


def _names(level: ListLevel, value: Any) -> tuple[str, ...]:
    names = [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
    return tuple(dict.fromkeys(name for name in names if name == TURNS or column_name(level, name) == name))
