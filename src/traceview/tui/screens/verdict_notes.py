"""What a person says of the verdict under the cursor, and taking it back."""

from __future__ import annotations

from traceview.annotation.values import format_value
from traceview.judges.calibration import Compared
from traceview.judges.disputing import WORDS, dispute, said_of
from traceview.judges.versions import Judge
from traceview.model.labels import Target
from traceview.model.verdict_notes import VerdictNote, VerdictNoteKind
from traceview.store.interface import CancelToken
from traceview.text.safe import safe_line
from traceview.tui.context import AppContext
from traceview.tui.panels.name_field import NameScreen
from traceview.tui.screens.label_replay import LabelReplay, Steps
from traceview.tui.widgets.lines import Line

LONGEST_NOTE = 400


class VerdictNotes(LabelReplay):
    """A screen of verdicts of one judge on which a person says who is wrong: the judge, a label, or the rubric."""

    REPLAY_GROUP = "replay"
    judge: Judge

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.steps = Steps()
        self._noted: dict[str, VerdictNoteKind] = {}
        """The notes of the steps that changed no label, by their ids."""

    @property
    def verdict_here(self) -> Compared | None:
        """The verdict under the cursor and what people say."""
        raise NotImplementedError

    @property
    def judge_hash(self) -> str | None:
        """The version of the judge that gave the verdicts; None as long as it is not known."""
        raise NotImplementedError

    def after_note(self, target: Target, words: str) -> None:
        """Show what was noted."""
        raise NotImplementedError

    def action_judge_wrong(self) -> None:
        """Note that the judge is wrong."""
        self._dispute("judge_wrong")

    def action_human_wrong(self) -> None:
        """Give the item the judge's value."""
        self._dispute("human_wrong")

    def action_rubric_unclear(self) -> None:
        """Ask for what the definition leaves open, and note it."""
        if self.verdict_here is None:
            return
        note: Line = [("kept as a row beside the labels; `traceview judge notes` lists them", "dim")]
        screen = NameScreen(
            f"what does {safe_line(self.judge.metric)} leave open?",
            note,
            (),
            LONGEST_NOTE,
            "Enter notes it",
            "what is neither pass nor fail by the definition",
        )
        self.app.push_screen(screen, lambda text: self._dispute("unclear", text) if text else None)

    def _dispute(self, kind: VerdictNoteKind, text: str = "") -> None:
        here, annotator, judge_hash = self.verdict_here, self.context.annotator, self.judge_hash
        if here is None or annotator is None or judge_hash is None:
            return
        judge = self.judge

        def write(token: CancelToken) -> VerdictNote:
            return dispute(annotator, judge, judge_hash, here, kind, text)

        def written(note: VerdictNote) -> None:
            self.steps.add(note.id)
            now = ""
            if kind == "human_wrong":
                undo = self.key_of("undo")
                now = f"; your {format_value(here.said)} decides ({undo} takes it back)"
            else:
                self._noted[note.id] = kind
            self.say(f"✓ noted: {WORDS[kind]}{now}")
            self.after_note(here.target, said_of(note))

        self.ask("dispute", write, written)

    def action_undo(self) -> None:
        """Take back the last label that was given here; a note stays, and is passed over with a word."""
        kind = self._noted.pop(self.steps.done[-1], None) if self.steps.done else None
        if kind is None:
            super().action_undo()
            return
        self.steps.done.pop()
        more = " Again takes back what was done before it." if self.steps.done else ""
        self.say(f"The last was a note ({WORDS[kind]}): notes stay, and no label was changed.{more}")
