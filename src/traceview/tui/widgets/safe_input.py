"""A field whose text may be anything: pasted, completed from the data, or a label that came from a file."""

from __future__ import annotations

from functools import cache

from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.widgets import Input

from traceview.text.safe import safe_line


class SafeInput(Input):
    """Keeps its value as it is and draws no character of it that acts or hides.

    Keys take effect in the order in which they were typed: a letter is put in by the field itself, while a key of a
    binding first goes up to the app. In one burst ctrl+u would delete what was typed behind it.
    """

    @property
    def _edited_by(self) -> frozenset[str]:
        """The keys that a field has of its own; not those of anything that scrolls."""
        return _keys_of(type(self))

    async def _on_key(self, event: events.Key) -> None:
        """Do at once what a key of one's own does."""
        if event.is_printable:
            # the base class puts it in
            return
        if event.key not in self._edited_by:
            return
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if not binding.priority and await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """A field keeps its letters, and the keys that edit it."""
        return key in self._edited_by or super().check_consume_key(key, character)

    @property
    def _value(self) -> Text:
        shown = "".join(_one_character(char) for char in self.value)
        text = Text(shown, no_wrap=True, overflow="ignore", end="")
        return text if self.highlighter is None else self.highlighter(text)


@cache
def _keys_of(field: type[Input]) -> frozenset[str]:
    bindings = (one for one in (*Input.BINDINGS, *field.BINDINGS) if isinstance(one, Binding))
    return frozenset(key.strip() for one in bindings for key in one.key.split(","))


def _one_character(char: str) -> str:
    """What stands for a character: one for one, so that the cursor is where the value says."""
    shown = safe_line(char)
    return shown if len(shown) == 1 else "\N{REPLACEMENT CHARACTER}"
