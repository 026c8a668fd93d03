"""Keys pressed while nothing can be labelled: kept, and played one by one once the item is on the screen."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.widget import Widget

from traceview.tui.actions import ACTIONS, keys_of

OPENING = frozenset({"value_field", "note", "note_editor", "correction", "mode"})
"""Actions that take what is typed next, or read it in an editor."""
LABELLING = OPENING | {
    *(f"value_{digit}" for digit in range(1, 10)),
    *("value_na", "definition_next", "definition_previous", "first_bad", "repeat", "undo", "redo"),
}
WALKING = frozenset({"item_next", "item_previous", "unlabelled_next", "unlabelled_previous"})


class KeptKeys:
    """Says whether the item of a panel can be labelled now, and keeps the keys that must wait until it can.

    It can once its labels are known (`ready`) and no `hold` is on. `labels(character)` tells whether a
    character sets a value by itself now; `say` gets a sentence about keys that are not taken.
    """

    def __init__(self, panel: Widget, *, labels: Callable[[str], bool], say: Callable[[str], object]) -> None:
        self._panel = panel
        self._labels = labels
        self._say = say
        self.ready = False
        """Whether the labels of the item are known, and no write that may change them is under way."""
        self.held = 0
        """Which hold is on; 0 while none is. A release of an older one does nothing."""
        self._holds = 0
        self._keys: list[events.Key] = []
        self._opened_field = False
        """Whether a played key opened a field or a list that the other kept keys are for."""
        self._walk_waits = False
        """Whether the keys that walk the list wait too: where they would lead is not known yet."""

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def waiting(self) -> bool:
        """True while nothing can be labelled, because an item or a write that moves on is on its way."""
        return not self.ready or self.held != 0

    def hold(self, *, walk_waits: bool) -> int:
        """Label nothing until `release` of what this returns."""
        self._holds += 1
        self.held = self._holds
        self._walk_waits = walk_waits
        return self.held

    def release(self, hold: int) -> None:
        """The item of this hold is on the screen: the keys that waited for it take effect."""
        if hold == self.held:
            self.held = 0
            self._walk_waits = False
            self.play()

    def keep(self, key: events.Key) -> bool:
        """Keep a key if it must wait; False if it need not."""
        must_wait = self.waiting and self._must_wait(key)
        if must_wait:
            self._keys.append(key)
        return must_wait

    def put_back(self, key: events.Key) -> None:
        """Play a key before those that wait: where it belongs is on its way only now."""
        self._keys.insert(0, key)
        self._opened_field = False

    def drop(self, why: str) -> None:
        """Forget the keys that wait, and say how many were not taken unless `why` is empty."""
        count = len(self._keys)
        self._opened_field = False
        self._keys.clear()
        if count and why:
            self._say(f"{why} {count:,} {'key was' if count == 1 else 'keys were'} not taken.")

    def play(self) -> None:
        """Play the kept keys one by one, each after everything that the one before it caused."""
        if self._keys and not self.waiting and self._panel.is_mounted:
            self._panel.app.call_later(self._play_one)

    async def _play_one(self) -> None:
        panel = self._panel
        if not panel.is_attached:
            # The screen was left meanwhile.
            self._keys.clear()
        if not self._keys or self.waiting:
            return
        if panel.app.screen is not panel.screen and not self._opened_field:
            self.drop("Another screen opened.")
            return
        key = self._keys.pop(0)
        self._opened_field = self._opened_field or self._opens_field(key)
        await panel.app.play_key(key)  # type: ignore[attr-defined]
        if self._keys:
            self.play()
        else:
            self._opened_field = False

    def _must_wait(self, event: events.Key) -> bool:
        registry = getattr(self._panel.app, "registry", ACTIONS)
        waiting = set(LABELLING)
        if self._keys or self._walk_waits or not (self.ready or self.held):
            waiting |= WALKING
        if any(self._opens_field(kept) for kept in self._keys):
            # What follows is text for the field that opens.
            return True
        if event.character and self._labels(event.character):
            return True
        return event.key in keys_of(registry, waiting)

    def _opens_field(self, key: events.Key) -> bool:
        return key.key in keys_of(getattr(self._panel.app, "registry", ACTIONS), OPENING)
