"""Taking back and redoing on a screen what was done to labels there, and nothing else."""

from __future__ import annotations

from typing import ClassVar

from traceview.annotation.replay_words import replay_sentence
from traceview.annotation.service import Action
from traceview.model.errors import TraceviewError
from traceview.tui.screens.base import TraceviewScreen


class Steps:
    """The label actions of such screens by their ids, the last one last: those that stand, those taken back."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.undone: list[str] = []

    def did(self, action: Action) -> None:
        """Take up an action."""
        for row in action.rows[:1]:
            if row.action_id is not None:
                self.add(row.action_id)

    def add(self, step: str) -> None:
        """Take up an action by its id; what was taken back before it cannot be done again."""
        self.done.append(step)
        self.undone.clear()


class LabelReplay(TraceviewScreen):
    """A screen whose `u` and `ctrl+r` are about what was done here, and which reads anew afterwards."""

    REPLAY_GROUP: ClassVar[str]
    """What the screen asks labels to be written as: one at a time."""
    steps: Steps

    def after_replay(self) -> None:
        """Read anew what the labels changed."""
        raise NotImplementedError

    def action_undo(self) -> None:
        """Take back the last that was done here; nothing that was labelled elsewhere."""
        if not self.steps.done:
            self.say("There is nothing to undo here: labels given elsewhere are taken back there.")
        else:
            self._replay("undo", self.steps.done, self.steps.undone)

    def action_redo(self) -> None:
        """Do again what was taken back here."""
        if not self.steps.undone:
            self.say("There is nothing to redo here.")
        else:
            self._replay("redo", self.steps.undone, self.steps.done)

    def _replay(self, what: str, before: list[str], after: list[str]) -> None:
        annotator = self.context.annotator
        if annotator is None:
            return
        step = before.pop()
        after.append(step)
        written = annotator.undo_soon(step) if what == "undo" else annotator.redo_soon(step)

        def put_back() -> None:
            if step in after:
                after.remove(step)
                before.append(step)

        def told(action: Action | None) -> None:
            if action is None:
                put_back()
                self.say(f"Not {what}ne: what you did last was elsewhere, and the last comes first.")
            else:
                self.say(replay_sentence(action))
            self.after_replay()

        def failed(error: TraceviewError) -> None:
            put_back()
            self.answer_failed(error)

        self.ask(self.REPLAY_GROUP, lambda token: written.result(), told, failed=failed)
