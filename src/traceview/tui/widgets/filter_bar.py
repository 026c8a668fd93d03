"""The filter of a list: a line that shows it, a field that edits it, and a line for what is wrong or possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget

from traceview.text.cells import width
from traceview.text.safe import safe_line
from traceview.tui.widgets.lines import Bar, Part

if TYPE_CHECKING:
    from textual.timer import Timer

    from traceview.tui.widgets.filter_field import FilterField

PROMPT = " filter  "
OFFERS_SHOWN = 12
WAIT_SECONDS = 2.0
"""How long Enter waits for the answer whether a text is a filter here; then the field is left all the same."""


class Problem(Struct, frozen=True):
    """Why a text is no filter, at which column of it (from 1, None: all of it), and what the rows are of."""

    sentence: str
    column: int | None
    rows_of: str


class Candidate(Struct, frozen=True):
    """A completion: what to call it, the whole text with it in place, and the cursor behind it."""

    shown: str
    text: str
    cursor: int


class FilterBar(Vertical):
    """Shows a filter; `edit` opens the field.

    The field says `Changed` with every key, `Left` when it is done. The owner says what is wrong with
    `show_error`, and offers completions with `offer` after `CompletionsWanted`. Where it takes an answer to know
    whether a text is a filter, `is_settled` says whether it is there, and `settle` that it came.
    """

    DEFAULT_CSS = """
    FilterBar {
        height: auto;
        background: $surface;
        & #filter-shown { height: 1; }
        & #filter-row { height: 1; layout: horizontal; display: none; }
        & #filter-prompt { width: 9; }
        & #filter-count { width: 34; }
        & #filter-below { height: 1; display: none; }
        &.-editing #filter-shown { display: none; }
        &.-editing #filter-row { display: block; }
        &.-editing #filter-below { display: block; }
        &.-wrong #filter-below { display: block; }
    }
    """

    class Changed(Message):
        """The text in the field is another one."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The field was left; `given_up` is a text that is no filter and gave way to the one before."""

        def __init__(self, given_up: str | None = None) -> None:
            super().__init__()
            self.given_up = given_up

    class CompletionsWanted(Message):
        """Tab was pressed: what could stand at the cursor?"""

        def __init__(self, text: str, cursor: int) -> None:
            super().__init__()
            self.text = text
            self.cursor = cursor

    HINT: ClassVar[str] = "Tab completes   Enter keeps   Esc leaves"
    HINT_ANEW: ClassVar[str] = "typing begins anew   End adds to it   Enter keeps   Esc leaves"

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.text = text
        self.gives_focus_to: Widget | None = None
        self.problem_of: Callable[[str], Problem | None] = lambda text: None
        """What is wrong with a text, asked before Enter keeps it."""
        self.is_settled: Callable[[str], bool] = lambda text: True
        """Whether it is known that `problem_of` a text is all that is wrong with it."""
        self._waiting: Timer | None = None
        """Runs while Enter waits for the answer whether its text is a filter."""
        self._field: FilterField | None = None
        self.kept = text
        """The filter that was kept last, to which a text that is none gives way."""
        self._problem: Problem | None = None
        self._insisted: str | None = None
        """The text that Enter was pressed on though it is no filter."""
        self._right: tuple[Part, ...] = ()
        self._offered: tuple[Candidate, ...] = ()
        self._offer_index = -1

    def compose(self) -> ComposeResult:
        """The line that shows the filter; the field comes when it is needed."""
        yield Bar(id="filter-shown")
        yield Bar(id="filter-below")

    def on_mount(self) -> None:
        """Show the filter it starts with."""
        self._show_text()

    def set_text(self, text: str) -> None:
        """Show another filter without saying `Changed`."""
        self.text = text
        self._stop_waiting()
        if self._field is not None:
            with self.prevent(self.Changed):
                self._field.set_quietly(text)
        self._show_text()

    def set_right(self, parts: Sequence[Part]) -> None:
        """Show how many rows match, at the right end."""
        self._right = tuple(parts)
        self._show_text()
        for count in self.query("#filter-count").results(Bar):
            count.say((), self._right)

    @property
    def is_editing(self) -> bool:
        """True while the field is open."""
        return self.has_class("-editing")

    async def edit(self, *, anew: bool = False) -> None:
        """Open the field with the cursor at the end of the text; `anew`: all of it is selected."""
        if self._field is None:
            from textual.containers import Horizontal

            from traceview.tui.widgets.filter_field import FilterField

            self._field = FilterField(self.text, owner=self)
            prompt = Bar(id="filter-prompt")
            count = Bar(id="filter-count")
            await self.mount(Horizontal(prompt, self._field, count, id="filter-row"), before="#filter-below")
            prompt.say([(PROMPT, "key")])
            count.say((), self._right)
        self.add_class("-editing")
        anew = anew and bool(self.text)
        if self._problem is None:
            self._say_below([(" " * len(PROMPT) + (self.HINT_ANEW if anew else self.HINT), "dim")])
        self._field.cursor_position = len(self._field.value)
        if anew:
            self._field.select_all()
        self.screen.set_focus(self._field)

    def close(self) -> None:
        """Close the field for another filter that comes from elsewhere; says nothing, and leaves the focus."""
        had_focus = self.is_editing and self._field is not None and self._field.has_focus
        self._stop_waiting()
        self._offered, self._insisted = (), None
        self.remove_class("-editing")
        if had_focus:
            self.screen.set_focus(self.gives_focus_to)

    def show_error(self, problem: Problem | None) -> None:
        """Say what is wrong with the text under its column, and what the rows are of; None that nothing is.

        What is only unfinished is said quietly while it is typed, until Enter is pressed on it.
        """
        self._problem = problem
        if problem is None:
            self.remove_class("-wrong")
            if self.is_editing and not self._offered:
                self._say_below([(" " * len(PROMPT) + self.HINT, "dim")])
            return
        column = problem.column
        unfinished = (
            self.is_editing and self._insisted != self.text and column is not None and column > len(self.text)
        )
        self.set_class(not unfinished, "-wrong")
        sentence = safe_line(problem.sentence)
        shown = f"rows of: {safe_line(problem.rows_of) or 'no filter'} "
        if unfinished:
            if not self._offered:
                self._say_below([(" " * len(PROMPT) + sentence, "dim")], [(shown, "dim")])
            return
        lead = len(PROMPT) + width(safe_line(self.text[: column - 1])) if column else len(PROMPT)
        room = max(len(PROMPT), self.size.width - width(sentence) - width(shown) - 4)
        caret: list[Part] = [(" " * lead + "▲ ", "error")] if lead <= room else [(" " * len(PROMPT), None)]
        self._say_below([*caret, (sentence, "error")], [(shown, "warning")])

    def offer(self, candidates: Sequence[Candidate]) -> None:
        """Offer completions; the first one is put in at once, Tab goes on to the next."""
        self._offered = tuple(candidates)
        self._offer_index = -1
        if not self._offered:
            self._say_below([(" " * len(PROMPT) + "nothing to complete here", "dim")])
            return
        self._next_offer()

    # What the field says.

    def field_changed(self, text: str) -> None:
        """The text in the field was edited by hand."""
        self._offered = ()
        self._take(text)

    def field_entered(self, text: str) -> None:
        """Enter was pressed in the field: a text that is no filter stays in it, with the reason."""
        self._take(text)
        if self.problem_of(self.text) is None and not self.is_settled(self.text):
            self._stop_waiting()
            self._waiting = self.set_timer(WAIT_SECONDS, self.settle)
            return
        self._conclude()

    @property
    def is_waiting(self) -> bool:
        """True while Enter waits for the answer whether its text is a filter: what is typed behind it waits too."""
        return self._waiting is not None

    def settle(self) -> None:
        """It is known now whether the text is a filter: do what Enter does."""
        if self._waiting is not None:
            self._conclude()

    def _conclude(self) -> None:
        """Leave the field if the text is a filter, else say why it stays; what was typed behind Enter follows."""
        problem = self.problem_of(self.text)
        self._stop_waiting()
        if problem is None:
            self._leave()
        else:
            self._offered = ()
            self._insisted = self.text
            self.show_error(problem)
        if self._field is not None:
            self._field.play_held()

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.stop()
            self._waiting = None

    def field_left(self) -> None:
        """Esc was pressed in the field: a text that is no filter gives way to the one before."""
        self._stop_waiting()
        if self.problem_of(self.text) is None:
            self._leave()
        else:
            wrong = self.text
            self.set_text(self.kept)
            self.post_message(self.Changed(self.kept))
            self._leave(wrong)
        if self._field is not None:
            self._field.play_held()

    def _leave(self, given_up: str | None = None) -> None:
        self._offered, self._insisted = (), None
        self.remove_class("-editing")
        self._show_text()
        self.screen.set_focus(self.gives_focus_to)
        self.post_message(self.Left(given_up))

    def field_wants_completion(self, text: str, cursor: int) -> None:
        """Tab was pressed in the field."""
        if len(self._offered) > 1:
            self._next_offer()
        else:
            self.post_message(self.CompletionsWanted(text, cursor))

    def _next_offer(self) -> None:
        self._offer_index = (self._offer_index + 1) % len(self._offered)
        chosen = self._offered[self._offer_index]
        if self._field is not None:
            self._field.set_quietly(chosen.text, chosen.cursor)
        self._take(chosen.text)
        parts: list[Part] = [(" " * len(PROMPT), None)]
        for index in range(self._offer_index, min(len(self._offered), self._offer_index + OFFERS_SHOWN)):
            parts += [
                (safe_line(self._offered[index].shown), "on" if index == self._offer_index else "dim"),
                ("  ", None),
            ]
        self._say_below(parts, [(f"{self._offer_index + 1} of {len(self._offered)} ", "faint")])

    def _take(self, text: str) -> None:
        if text != self.text:
            self.text = text
            self._show_text()
            self.post_message(self.Changed(text))

    def _show_text(self) -> None:
        shown: list[Part] = [(PROMPT, "dim")]
        shown.append((safe_line(self.text), None) if self.text else ("none  (f)", "faint"))
        self.query_one("#filter-shown", Bar).say(shown, self._right)

    def _say_below(self, left: Sequence[Part], right: Sequence[Part] = ()) -> None:
        self.query_one("#filter-below", Bar).say(left, right)
