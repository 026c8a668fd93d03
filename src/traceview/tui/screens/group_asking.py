"""What a screen of groups asks the engine: all figures at once, again when they may be others, while somebody waits."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from msgspec import Struct

from traceview.model.errors import NotReady, TraceviewError
from traceview.store.interface import CancelToken
from traceview.tui import listing
from traceview.tui.context import AppContext
from traceview.tui.figures import GroupLine
from traceview.tui.rows import line_of
from traceview.tui.screens.filter_keys import FilterKeys

if TYPE_CHECKING:
    from traceview.store.interface import EngineStatus

PULSE_SECONDS = 0.5
SOON_SECONDS = 0.1
"""Until the next pulse while figures wait for the index."""
SOURCE_EVERY = 4
"""Pulses between two looks at the source's files; labels are looked at in each."""


class Found(Struct, frozen=True):
    """What a question found: lines in the engine's order, how many groups of how many traces there are."""

    lines: tuple[GroupLine, ...]
    groups: int
    traces: int | None
    overlapping: bool = False


class GroupAsking(FilterKeys):
    """Owns what was found for the filter; a subclass says what is asked, and shows it."""

    def __init__(self, context: AppContext, filter_text: str = "") -> None:
        super().__init__(context, filter_text)
        self.found: Found | None = None
        self._kept_found: tuple[int, Found] | None = None
        """What the filter that was kept had found, with the generation of the engine."""
        self._generation = -1
        self._waits = False
        """Whether figures are to be asked for once the index is ready."""
        self._stopped = False
        self._status: EngineStatus | None = None
        self._pulses = 0

    @abstractmethod
    def ask_engine(self, token: CancelToken) -> Found:
        """Ask the engine for everything that is shown; runs in a worker."""

    @abstractmethod
    def show_lines(self, problem: str = "") -> None:
        """Show what was found, or why there is nothing."""

    @abstractmethod
    def say_status(self, status: EngineStatus) -> None:
        """Show what the engine is doing."""

    @property
    def is_counting(self) -> bool:
        """Whether figures are on their way."""
        return self.is_asking("figures") or self._waits

    # Asking.

    def filter_applied(self, delay: float) -> None:
        """Ask for the figures of what matches now."""
        self.reload(delay=delay)

    def filter_returned(self) -> None:
        """Show the figures of the filter that was kept; they are asked for anew only if they may be others now."""
        kept = self._kept_found
        if kept is None or kept[0] != self.context.engine.generation:
            self.reload()
            return
        self.cancel_asked("figures")
        self._generation, self.found = kept
        self._waits = self._stopped = False
        self.show_lines()

    def keep_filter(self) -> None:
        """Keep what was found with the filter."""
        super().keep_filter()
        done = self.found is not None and not self.is_asking("figures")
        self._kept_found = (self._generation, self.found) if done and self.found is not None else None

    def reload(self, *, delay: float = 0.0, anew: bool = False) -> None:
        """Ask again; the question before this one is interrupted. `anew` shows nothing until the answer is there."""
        self._generation = self.context.engine.generation
        self._waits = self._stopped = False
        if anew:
            self.found = self._kept_found = None
        self.ask("figures", self.ask_engine, self._take, failed=self._not_found, delay=delay)
        self.show_lines()

    def _take(self, found: Found) -> None:
        self.found = found
        if self.filter_text == self._kept[0]:
            self._kept_found = self._generation, found
        self.show_lines()

    def _not_found(self, error: TraceviewError) -> None:
        """Figures wait for the index; whatever else went wrong is said in their place."""
        self.found = None
        if isinstance(error, NotReady):
            self._waits = True
            self.show_lines()
            self.set_timer(SOON_SECONDS, self.feel_pulse)
        else:
            self.show_lines(f"✗ {line_of(error)}")

    def action_back(self) -> None:
        """Stop counting."""
        if self.is_asking("figures"):
            self.cancel_asked("figures")
            self._stopped = True
            self.show_lines()
            self.say("Stopped counting; R counts again.")
        else:
            super().action_back()

    def action_refresh(self) -> None:
        """Look at the source and the labels now, and count again."""
        engine = self.context.engine
        self.say("Reading what is new …")

        def refreshed(found: listing.Pulse) -> None:
            self.say_status(found.status)
            self.reload()

        self.ask("pulse", lambda token: listing.pulse(engine, look_at_source=True), refreshed)

    # The pulse: labels of other apps, arriving rows, the index.

    def feel_pulse(self) -> None:
        """Look, in a worker, whether something has changed."""
        if self.is_asking("pulse") or not self.is_mounted or not self.is_on_top:
            return
        self._pulses += 1
        engine, look = self.context.engine, self._pulses % SOURCE_EVERY == 0
        self.ask("pulse", lambda token: listing.pulse(engine, look_at_source=look), self._take_pulse)

    def _take_pulse(self, found: listing.Pulse) -> None:
        self.say_status(found.status)
        changed = found.generation != self._generation
        if (changed or (self._waits and found.status.phase == "ready")) and not self.is_asking("figures"):
            if not self._stopped:
                self.reload()
        elif self._waits:
            self.show_lines()
            self.set_timer(SOON_SECONDS, self.feel_pulse)

    def on_screen_resume(self) -> None:
        """Take up what changed while another screen was in front."""
        if self._generation != -1:
            self.feel_pulse()
