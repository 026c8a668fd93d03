"""The write queue of the annotate panel: writes in the order of the keys, called saved after their commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from traceview.annotation.replay_words import replay_sentence
from traceview.model.errors import TraceviewError
from traceview.model.labels import Target
from traceview.text.safe import safe_line
from traceview.tui.widgets.lines import Part

if TYPE_CHECKING:
    from traceview.annotation import Annotator
    from traceview.annotation.service import Action

    Write = Callable[[Annotator], Future[Action | None]]

RETRY_SECONDS = 5.0
POLL_SECONDS = 0.5


@dataclass(slots=True)
class Save:
    """One write under way. `again` submits it anew after a failure."""

    what: str
    targets: tuple[Target, ...]
    again: Callable[[], Future[Action | None]]
    completes: bool = False
    reads: bool = False
    """Whether the labels of the item are read again afterwards."""
    typed: tuple[str, str] | None = None
    """The name and the text of a note or a correction, which must not be lost."""
    position: int | None = None
    """Where in a session it was given."""


class Committed(Message, bubble=False):
    """A write is on disk."""

    def __init__(self, save: Save, action: Action | None) -> None:
        super().__init__()
        self.save = save
        self.action = action


class Refused(Message, bubble=False):
    """A write failed."""

    def __init__(self, save: Save, error: BaseException) -> None:
        super().__init__()
        self.save = save
        self.error = error


class WriteQueue:
    """The writes of one widget that are not on disk yet, those that failed, and what to say about them.

    The widget gets `Committed` or `Refused` for every write that was handed over, and settles it with
    `committed`, `given_up` or `keep`. `changed` is called when the status may be another one; `refused` with
    the sentence about a write that is not even taken.
    """

    def __init__(
        self,
        widget: Widget,
        annotator: Annotator | None,
        *,
        changed: Callable[[], object],
        refused: Callable[[str], object],
    ) -> None:
        self._widget = widget
        self._annotator = annotator
        self._changed = changed
        self._refused = refused
        self._saving: list[Save] = []
        self._unsaved: list[Save] = []
        self._saved = False
        self._failed = False
        self._waiting_for: int | None = None
        self._poll: Timer | None = None
        self._retry: Timer | None = None

    def begin_item(self) -> None:
        """Another item is labelled from now on: nothing of it was saved yet."""
        self._saved = self._failed = False

    def submit(
        self,
        what: str,
        targets: tuple[Target, ...],
        write: Write,
        typed: tuple[str, str] | None = None,
        position: int | None = None,
    ) -> Save | None:
        """Hand a write to the writer thread; None if it is refused at once."""
        if self._annotator is None:
            return None
        save = Save(what, targets, partial(write, self._annotator), typed=typed, position=position)
        return save if self._send(save) else None

    def committed(self, save: Save) -> None:
        """A write is on disk."""
        self._answered(save)
        self._saved, self._failed = True, False

    def given_up(self, save: Save) -> None:
        """A write was refused, and is not tried again."""
        self._answered(save)
        self._saved, self._failed = False, True

    def _answered(self, save: Save) -> None:
        self._saving.remove(save)
        if not self._saving:
            self._waiting_for = None
            if self._poll is not None:
                self._poll.stop()
                self._poll = None

    def keep(self, save: Save) -> None:
        """A write failed for now: try it again in a while."""
        self._answered(save)
        self._saved = False
        self._unsaved.append(save)
        if self._retry is None:
            self._retry = self._widget.set_timer(RETRY_SECONDS, self._try_again)

    @property
    def unsaved(self) -> str | None:
        """What is not on disk yet, None if everything is."""
        waiting = [*self._unsaved, *self._saving]
        return waiting[0].what if waiting else None

    @property
    def hindered(self) -> bool:
        """Whether a write failed, or another process keeps one from the disk."""
        return bool(self._unsaved) or self._waiting_for is not None

    @property
    def status(self) -> Part:
        """Whether everything is on disk, in words."""
        if self._unsaved:
            return (f"✗ NOT SAVED: {self._unsaved[0].what}", "error")
        if self._waiting_for is not None:
            who = f"process {self._waiting_for}" if self._waiting_for else "another process"
            return (f"waiting for {who}", "warning")
        if self._saving:
            return ("saving…", "warning")
        if self._failed:
            return ("✗ not saved", "error")
        return ("saved ✓", "good") if self._saved else ("", None)

    def _send(self, save: Save) -> bool:
        try:
            future = save.again()
        except TraceviewError as error:
            self._saved, self._failed = False, True
            self._refused(brief(error))
            return False
        self._saving.append(save)
        if self._poll is None:
            self._poll = self._widget.set_interval(POLL_SECONDS, self._look_who_holds_the_lock)
        future.add_done_callback(partial(self._finished, save))
        self._changed()
        return True

    def _finished(self, save: Save, future: Future[Action | None]) -> None:
        """Called by the writer thread after the commit, or its failure."""
        error = future.exception()
        if error is not None:
            self._widget.post_message(Refused(save, error))
        else:
            self._widget.post_message(Committed(save, future.result()))

    def _try_again(self) -> None:
        self._retry = None
        waiting, self._unsaved = self._unsaved, []
        for save in waiting:
            self._send(save)

    def _look_who_holds_the_lock(self) -> None:
        waiting_for = self._annotator.store.waiting_for() if self._annotator and self._saving else None
        if waiting_for != self._waiting_for:
            self._waiting_for = waiting_for
            self._changed()


def brief(error: BaseException) -> str:
    """What an error says on one line: the reason first, a path last."""
    told: str = getattr(error, "brief", None) or " · ".join(str(error).splitlines())
    return told


def saved_sentence(what: str, action: Action, here: Sequence[Target]) -> str:
    """What is on disk now: a write (`what` in words), or what an undo or redo did elsewhere than `here`."""
    many = len({row.target for row in action.affected})
    if action.op in ("undo", "redo"):
        return replay_sentence(action, here)
    return safe_line(f"saved ✓ {what}" + (f" on {many:,} items" if many > 1 else ""))
