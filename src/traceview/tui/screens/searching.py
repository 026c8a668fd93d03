"""Screens that search the text they show: a field, the hits, the keys that go to them."""

from __future__ import annotations

from abc import abstractmethod

from textual import on
from textual.widgets import Input

from traceview.text.safe import safe_line
from traceview.tui.screens.base import TraceviewScreen
from traceview.tui.widgets.span_tree import SpanTree
from traceview.tui.widgets.text_view import TextView


class SearchingScreen(TraceviewScreen):
    """Searches the pane that `searched_pane` gives; a subclass composes an input with the id `search`."""

    _search_text = ""
    _begins_with_search = False
    """Whether the item opens at the first hit of a search that came from elsewhere."""

    def begin_with(self, text: str) -> None:
        """Search for a text as soon as the item is there, and go to its first hit."""
        self._search_text, self._begins_with_search = text, True

    @abstractmethod
    def text_pane(self) -> TextView:
        """The pane that is searched."""

    @property
    def is_searching(self) -> bool:
        """True while the field is open."""
        return self.has_class("-searching")

    def action_search(self) -> None:
        """Open the search field."""
        self.begin_search()
        self.add_class("-searching")
        # At once: letters that are on their way here are its text.
        self.set_focus(self.query_one("#search", Input))

    @on(Input.Changed, "#search")
    def _on_search_changed(self, event: Input.Changed) -> None:
        self._search_text = event.value
        # What was said before would hide the hits for some seconds.
        self.hint_seen()
        self.search_for(event.value)

    @on(Input.Submitted, "#search")
    def _on_search_submitted(self, event: Input.Submitted) -> None:
        self.leave_search()

    @on(TextView.Searched)
    def _on_searched(self, event: TextView.Searched) -> None:
        if self.searched_pane() is event.view:
            self.tell_search(event.sentence)

    def footer_hints(self) -> list[tuple[str, str]]:
        """Going from hit to hit is offered once there is a search; `t` leads out of a transcript to the tree."""
        of = {action.id: (action.keys[0], action.title) for action in self.registry}
        left_out = () if self._search_text else (of["hit_next"], of["hit_previous"])
        hints = [hint for hint in super().footer_hints() if hint not in left_out]
        if self.AREA == "transcript":
            other = of["transcript"]
            hints = [(hint[0], "tree") if hint == other else hint for hint in hints]
        return hints

    def begin_search(self) -> None:
        """A search is about to begin from here."""

    def searched_pane(self) -> SpanTree | TextView:
        """The pane that is searched, and in which `n` and `N` go on."""
        return self.text_pane()

    def search_for(self, text: str) -> None:
        """Search for a text while it is typed."""
        self.text_pane().search(text)

    def tell_search(self, sentence: str) -> None:
        """Say how many hits there are."""
        if self._search_text:
            self.hint_seen()
            self.set_status(
                [
                    (" search ", "dim"),
                    (safe_line(self._search_text), "accent"),
                    (f"  {sentence}", None),
                ],
                self._status_right,
            )
        else:
            self.set_status([], self._status_right)

    def leave_search(self) -> None:
        """Leave the field; the hits stay."""
        self.remove_class("-searching")
        self.set_focus(self.searched_pane())

    def action_hit_next(self) -> None:
        """The next hit."""
        self._go_to_hit(1)

    def action_hit_previous(self) -> None:
        """The previous hit."""
        self._go_to_hit(-1)

    def _go_to_hit(self, step: int) -> None:
        if not self._search_text:
            self.say("Nothing is searched for: / begins a search.")
        elif not self.searched_pane().go_to_hit(step):
            self.say("No hit.")
