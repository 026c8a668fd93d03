"""Taking back and redoing one's last label action on the screens of failure modes."""

from __future__ import annotations

from typing import ClassVar

from traceview.annotation.service import Action
from traceview.tui.panels.saving import replay_sentence
from traceview.tui.screens.base import TraceviewScreen


class LabelReplay(TraceviewScreen):
    """A screen whose `u` and `ctrl+r` are about all labels of the annotator, and which reads anew afterwards."""

    REPLAY_GROUP: ClassVar[str]
    """What the screen asks labels to be written as: one at a time."""

    def after_replay(self) -> None:
        """Read anew what the labels changed."""
        raise NotImplementedError

    def action_undo(self) -> None:
        """Take back one's last label action."""
        self._replay("undo")

    def action_redo(self) -> None:
        """Do again what was taken back."""
        self._replay("redo")

    def _replay(self, what: str) -> None:
        annotator = self.context.annotator
        if annotator is None:
            return
        again = annotator.undo if what == "undo" else annotator.redo

        def told(action: Action | None) -> None:
            self.say(f"Nothing to {what}." if action is None else replay_sentence(action))
            self.after_replay()

        self.ask(self.REPLAY_GROUP, lambda token: again(), told)
