"""Screens whose text can be read in the user's pager and edited in the user's editor."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Callable, Iterator

from traceview.model.errors import BadInput
from traceview.text.safe import safe
from traceview.tui.external import edit_text, page_text
from traceview.tui.screens.base import TraceviewScreen


class ProgramsScreen(TraceviewScreen):
    """Hands a text to other programs; the app steps aside meanwhile, and holds no lock on the labels."""

    @abstractmethod
    def text_for_programs(self) -> tuple[str, str]:
        """A file name and the text that pager, editor and clipboard get."""

    def action_pager(self) -> None:
        """Show the text in $PAGER."""
        name, text = self.text_for_programs()
        with self._saying_errors():
            page_text(self.app, text, name, self._writes_held())

    def action_editor(self) -> None:
        """Show the text in $EDITOR; nothing is taken back from it."""
        name, text = self.text_for_programs()
        with self._saying_errors():
            edit_text(self.app, safe(text), name, self._writes_held())

    def edit_text(self, text: str, name: str, save: Callable[[str], None]) -> None:
        """Have a text edited, and hand what became of it to `save` if it was changed."""
        with self._saying_errors():
            edited = edit_text(self.app, text, name, self._writes_held())
            if edited is None:
                self.say("Nothing was changed.")
            else:
                save(edited)

    def _writes_held(self) -> contextlib.AbstractContextManager[object] | None:
        annotator = self.context.annotator
        return annotator.store.suspended() if annotator is not None else None

    @contextlib.contextmanager
    def _saying_errors(self) -> Iterator[None]:
        try:
            yield
        except BadInput as error:
            self.say(str(error), error=True)
