"""Definitions that were changed in an editor beside the app: they hold as soon as the file is saved."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from textual.widgets import Input

from traceview.model.errors import TraceviewError
from traceview.text.safe import safe_line
from traceview.tui.screens.base import TraceviewScreen

if TYPE_CHECKING:
    from textual.app import App

    from traceview.definitions.project import Project
    from traceview.store.interface import CancelToken
    from traceview.tui.context import AppContext

Stamp = tuple[int, int, int]
DEFINITIONS_SECONDS = 1.0
"""Between two looks at the project's file."""


class DefinitionWatch:
    """Looks whether the project's file was changed since it was read; `look` is called now and then.

    Nothing is taken up while something is being typed, a window is open, or a label is on its way to the disk: the
    next look does it. A file that cannot be read is said once, and what held before holds.
    """

    def __init__(self, app: App[None], context: AppContext) -> None:
        self._app = app
        self._context = context
        self._path: Path | None = None
        self._stamp: Stamp | None = None

    def look(self) -> None:
        """Read the file again if it is another than at the last look."""
        project = self._context.project
        if project is None or project.path is None:
            return
        stamp = _stamp(project.path)
        if project.path != self._path:
            # The first look, or a file that the app has just made.
            self._path, self._stamp = project.path, stamp
        elif stamp is not None and stamp != self._stamp and self._may_change(screen := self._app.screen):
            self._stamp = stamp
            screen.ask("definitions", partial(self._read, project), partial(self._take_up, screen))

    def _may_change(self, screen: object) -> TypeGuard[TraceviewScreen]:
        typing = isinstance(self._app.focused, Input)
        return isinstance(screen, TraceviewScreen) and not typing and getattr(screen, "unsaved", None) is None

    def _read(self, project: Project, token: CancelToken) -> Project | TraceviewError:
        from traceview.definitions.document import read_document
        from traceview.definitions.project import parse_project
        from traceview.tui.actions import keys_in_use

        assert project.path is not None
        try:
            reserved = keys_in_use(self._context.keys)
            return parse_project(read_document(project.path), project.origin, reserved_keys=reserved)
        except TraceviewError as error:
            return error

    def _take_up(self, screen: TraceviewScreen, found: Project | TraceviewError) -> None:
        if isinstance(found, TraceviewError):
            path = self._path or Path()
            message = found.message.replace(str(path), path.name)
            screen.say(safe_line(f"the definitions of before hold: {message}"), error=True)
            return
        before = {one.name: one for one in self._context.definitions}
        if tuple(before.values()) == found.definitions:
            return
        redefine(self._app, self._context, found)
        after = {one.name: one for one in found.definitions}
        changes = [
            f"{name} {'is new' if name not in before else 'is gone' if name not in after else 'was changed'}"
            for name in dict.fromkeys([*after, *before])
            if before.get(name) != after.get(name)
        ]
        reworded = any(name in after and one.hash != after[name].hash for name, one in before.items())
        again = " · A, re-review: what was labelled under an older wording" if reworded else ""
        screen.say(safe_line(f"definitions: {', '.join(changes)}{again}"))


def redefine(app: App[None], context: AppContext, project: Project) -> None:
    """Let the definitions of a project hold from now on, on every screen that shows some."""
    context.redefine(project)
    for one in app.screen_stack:
        again = getattr(one, "definitions_changed", None)
        if again is not None and one.is_mounted:
            again()


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
