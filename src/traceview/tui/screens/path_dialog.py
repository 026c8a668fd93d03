"""A dialog that asks where a file is written: says the whole path beforehand, and asks before it replaces one."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from traceview.text.safe import safe_line
from traceview.tui.dialog import Dialog
from traceview.tui.widgets.lines import Lines, wrapped
from traceview.tui.widgets.safe_input import SafeInput


class PathDialog(Dialog[Path]):
    """Gives back the path once it can be written; if a file is there, its replacement was confirmed."""

    VERB: ClassVar[str]
    """What is done, as the first word of the dialog."""
    ENDINGS: ClassVar[tuple[str, ...]]
    """What the name may end in, in lower case, with the dot."""
    ADVICE: ClassVar[str] = ""
    """A sentence under what is written."""

    DEFAULT_CSS = """
    PathDialog {
        & Lines { height: 1; background: $surface; }
        & #path-advice { height: auto; }
        & #path-said { height: 3; margin: 1 0 0 0; }
        & Input, & Input:focus { border: none; height: 1; padding: 0 1; margin: 1 0 0 0; background: $background; }
    }
    """

    def __init__(self, what: str, suggested: str) -> None:
        super().__init__()
        self._what = what
        self._suggested = suggested
        self._confirmed: Path | None = None

    def compose(self) -> ComposeResult:
        """What is written, the path, what is wrong with it."""
        with Vertical(id="dialog"):
            yield Lines(id="path-what")
            if self.ADVICE:
                yield Lines(id="path-advice")
            yield SafeInput(self._suggested, id="path-field", select_on_focus=False)
            yield Lines(id="path-said")

    def on_mount(self) -> None:
        """Say what will be written."""
        self.query_one("#path-what", Lines).show(
            [[(f"{self.VERB} ", "title"), (safe_line(self._what), None)]]
        )
        for advice in self.query("#path-advice").results(Lines):
            advice.show(wrapped(self.ADVICE, max(8, min(78, self.app.size.width - 8)), "dim", 3))

    @on(Input.Submitted)
    def take(self, message: Input.Submitted) -> None:
        """Take the path if it can be written; ask once more before a file is replaced."""
        message.stop()
        path = Path(message.value.strip()).expanduser()
        if path.suffix.lower() not in self.ENDINGS:
            *most, last = self.ENDINGS
            self._say(f"✗ The name must end in {', '.join(most)} or {last}.", "error")
        elif not path.parent.is_dir():
            self._say(f"✗ There is no folder {path.parent}.", "error")
        elif path.exists() and self._confirmed != path:
            self._confirmed = path
            self._say("This file exists. Enter again replaces it, Esc leaves.", "warning")
        else:
            self.dismiss(path)

    @on(Input.Changed)
    def show_place(self, message: Input.Changed) -> None:
        """Say where the file would be."""
        message.stop()
        path = Path(message.value.strip()).expanduser()
        ending = "" if path.suffix.lower() in self.ENDINGS else f"  ({' '.join(self.ENDINGS)})"
        self._say(f"Enter writes {path.absolute()}{ending}", "dim")

    def _say(self, sentence: str, part: str) -> None:
        said = self.query_one("#path-said", Lines)
        said.show(wrapped(safe_line(sentence), max(8, said.size.width or 60), part, 3))
