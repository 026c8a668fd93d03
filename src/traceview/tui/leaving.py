"""Nothing that holds an unsaved label is closed before it is on disk, or the user was told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from traceview.text.safe import safe_line

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen
    from textual.timer import Timer

LOOK_SECONDS = 0.02
WARN_AFTER = 0.3
"""Seconds that a write may take before waiting for it is said."""


@dataclass(slots=True)
class _Held:
    """What waits for the labels: what to do, from which screen, for how long already."""

    then: Callable[[], object]
    screen: Screen[object]
    timer: Timer
    waited: float = 0.0
    warned: bool = False


class Leaving:
    """Holds back what closes a screen while one of them says that something is `unsaved` (a text, else None).

    It is done as soon as everything is saved. After the warning, asking again does it all the same.
    """

    def __init__(self, app: App[None]) -> None:
        self._app = app
        self._held: _Held | None = None
        self._warned_of_texts = False

    @property
    def unsaved(self) -> str | None:
        """What is not on disk yet, in words."""
        for screen in self._app.screen_stack:
            what: str | None = getattr(screen, "unsaved", None)
            if what is not None:
                return what
        return None

    def quit(self) -> None:
        """Leave the app; texts that are in memory only are named first, once."""
        lost = self._app.drafts.homeless  # type: ignore[attr-defined]
        if lost and not self._warned_of_texts:
            self._warned_of_texts = True
            self._app.notify(
                f"Nowhere saved: {', '.join(lost)}. Write it again; the same key again leaves without it.",
                severity="warning",
                markup=False,
                timeout=10,
            )
            return
        self.leave(self._app.exit)

    def leave(self, then: Callable[[], object]) -> None:
        """Do it now if everything is saved or the user insists, else as soon as everything is."""
        held, self._held = self._held, None
        if held is not None:
            held.timer.stop()
        if self.unsaved is None or (held is not None and held.warned):
            then()
            return
        timer = self._app.set_interval(LOOK_SECONDS, self._look)
        self._held = _Held(then, self._app.screen, timer)

    def _look(self) -> None:
        held = self._held
        if held is None:
            return
        what = self.unsaved
        if what is None:
            held.timer.stop()
            self._held = None
            if self._app.screen is held.screen:
                held.then()
            return
        held.waited += LOOK_SECONDS
        if held.waited >= WARN_AFTER and not held.warned:
            held.warned = True
            self._app.notify(
                f"Not saved yet: {safe_line(what)}. This waits until it is; the same key again leaves without it.",
                severity="warning",
                markup=False,
                timeout=10,
            )
