"""Keys take effect in the order in which they were typed, though the first of them moves the focus."""

from __future__ import annotations

from collections import deque
from time import monotonic

from textual import events
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from traceview.tui.painted_app import PaintedApp

AT_MOST = 0.5
"""Seconds that a key waits for those before it."""
LOOK = 0.02
"""How often a key that waits looks whether the widget before it was taken away: that tells of no key any more."""


class KeyPassed(Message, bubble=True):
    """Goes behind a key, from widget to widget up to the app: the key has done what it does."""


class OrderedApp(PaintedApp):
    """Sends a key to the widget that has the focus, as soon as no key before it is on its way from another one.

    A key goes from its widget up to the app, where what is bound to it is done: several steps, in which what is typed
    behind it would reach a field that it opens, and be there before it.
    """

    def __init__(self, *, ascii_signs: bool | None) -> None:
        super().__init__(ascii_signs=ascii_signs)
        self._on_their_way = 0
        self._way: Widget | None = None
        """Where the keys that are on their way were sent."""
        self._behind: deque[events.Key | events.Paste] = deque()
        self._patience: Timer | None = None
        self._until = 0.0

    async def on_event(self, event: events.Event) -> None:
        """Let a key, or a pasted text, wait for the keys before it that went another way."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded or not self.screen_stack:
            await super().on_event(event)
        elif self._must_wait:
            self._behind.append(event)
            if self._patience is None:
                self._until = monotonic() + AT_MOST
                self._patience = self.set_interval(LOOK, self._look)
        else:
            await self._send(event)

    @property
    def _must_wait(self) -> bool:
        self._forget_the_gone()
        return bool(self._behind) or (self._on_their_way > 0 and self._way is not self._addressed)

    @property
    def _addressed(self) -> Widget:
        return self.focused or self.screen

    async def _send(self, event: events.Key | events.Paste) -> None:
        self._way = self._addressed
        await super().on_event(event)
        self._on_their_way += self._way.post_message(KeyPassed())

    async def on_key_passed(self, event: KeyPassed) -> None:
        """A key has done what it does: those behind it go where the focus is now."""
        self._on_their_way = max(0, self._on_their_way - 1)
        await self._send_waiting()

    def _forget_the_gone(self) -> None:
        """A key whose widget is gone, as that of a dialog which it closed, has done what it does."""
        way = self._way
        if way is not None and not (way.is_attached and way.is_running and way.screen in self.screen_stack):
            self._on_their_way, self._way = 0, None

    async def _look(self) -> None:
        self._forget_the_gone()
        if monotonic() >= self._until:
            self._on_their_way = 0
        await self._send_waiting()

    async def _send_waiting(self) -> None:
        # One at a time: a key that is handled before all others must not overtake the letters before it.
        while self._behind and not self._on_their_way:
            await self._send(self._behind.popleft())
        if not self._behind and self._patience is not None:
            self._patience.stop()
            self._patience = None
