"""A field whose text may be anything: pasted, completed from the data, or a label that came from a file."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Input

from traceview.text.safe import safe_line


class SafeInput(Input):
    """Keeps its value as it is and draws no character of it that acts or hides."""

    @property
    def _value(self) -> Text:
        shown = "".join(_one_character(char) for char in self.value)
        text = Text(shown, no_wrap=True, overflow="ignore", end="")
        return text if self.highlighter is None else self.highlighter(text)


def _one_character(char: str) -> str:
    """What stands for a character: one for one, so that the cursor is where the value says."""
    shown = safe_line(char)
    return shown if len(shown) == 1 else "\N{REPLACEMENT CHARACTER}"
