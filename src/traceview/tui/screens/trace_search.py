"""Searching a trace: what the tree says at once, then every payload, streaming, with hits counted per span."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from textual import on

from traceview.model.errors import TraceviewError
from traceview.store.interface import CancelToken
from traceview.tui.panels.section_pane import TELLING
from traceview.tui.screens.trace_panes import TracePanes
from traceview.tui.widgets.span_search import Found, SpanSearch, count_texts
from traceview.tui.widgets.span_tree import SpanTree
from traceview.tui.widgets.text_view import TextView

Row = dict[str, Any]

FIRST_SPANS = 32
"""Payloads that are searched with the first question; each further one takes twice as many, up to the most."""
MOST_SPANS = 2_048
MOST_CHARACTERS = 8_000_000
"""As many texts are searched with one question as are expected to have so many characters together."""
TYPING_SECONDS = 0.06
"""No key comes for so long before payloads are read."""


class TraceSearching(TracePanes):
    """Searches the spans while the tree has the focus, else the text of the detail."""

    _searches_tree = True
    _search: SpanSearch | None = None
    _search_origin = 0
    _landed = False
    _read = 0
    """Spans whose payloads were searched."""
    _reading = False
    _not_read: str | None = None
    _detail_hit = (0, 0)
    """Which hit the detail shows, of how many."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._found: dict[int, Found] = {}

    def begin_search(self) -> None:
        """Search where the focus is, the tree from the span under the cursor on."""
        self._searches_tree = not self.in_detail
        self._search_origin = self.tree_pane.position or 0
        if self._searches_tree:
            self.text_pane().search("")
        else:
            self.end_tree_search()

    def searched_pane(self) -> SpanTree | TextView:
        """The tree, or the detail if the search began there."""
        return self.tree_pane if self._searches_tree else self.text_pane()

    def search_for(self, text: str) -> None:
        """Search the names of all spans now, and their payloads once nothing more is typed."""
        if not self._searches_tree:
            self.text_pane().search(text)
            return
        self._landed = False
        self._found = {}
        self._read, self._reading, self._not_read = 0, bool(text), None
        if not text:
            self.end_tree_search()
            self.text_pane().search("")
            self.tell_search("")
            return
        search = self._search
        if search is None:
            search = self._search = SpanSearch(self._item_facts)
        names = partial(search.names, text, not self.panel.hides_identity)
        self.ask("search", lambda token: names(), partial(self._names_found, search, text))

    def end_tree_search(self) -> None:
        """Forget the hits in the tree."""
        self.cancel_asked("search")
        self._reading = False
        self._found = {}
        self.tree_pane.show_hits({})

    def search_again(self) -> None:
        """Another trace is shown, or other things may be seen: search it for the same text."""
        self._search = None
        if self._search_text and self._searches_tree:
            self._search_origin = self.tree_pane.position or 0
            self.search_for(self._search_text)
            self._landed = not self._begins_with_search
            self._begins_with_search = False

    def _names_found(self, search: SpanSearch, text: str, found: dict[int, Found]) -> None:
        self._found = dict(found)
        self._show_found()
        count = len(self._item_facts)
        origin = min(self._search_origin, count)
        self._ask_texts(search, text, [*range(origin, count), *range(origin)], FIRST_SPANS)

    def _ask_texts(self, search: SpanSearch, text: str, left: Sequence[int], size: int) -> None:
        if not left:
            self._reading = False
            self._show_found()
            return
        hidden = frozenset(TELLING) if self.panel.hides_identity else frozenset()
        self.ask(
            "search",
            partial(self._search_texts, search, text, left[:size], hidden),
            partial(self._texts_found, search, text, left[size:], size),
            failed=self._texts_not_read,
            delay=TYPING_SECONDS if not self._read else 0.0,
        )

    def _search_texts(
        self,
        search: SpanSearch,
        text: str,
        positions: Sequence[int],
        hidden: frozenset[str],
        token: CancelToken,
    ) -> tuple[int, dict[int, Found]]:
        """The hits in the payloads of some spans; called in a worker."""
        unread = [at for at in positions if search.texts(at) is None]
        texts = {at: kept for at in positions if (kept := search.texts(at)) is not None}
        rows = search.facts.passing(unread)
        for at, payload in zip(
            unread, self.context.engine.payloads(rows, token) if rows else (), strict=False
        ):
            texts[at] = search.keep(at, payload)
        found = {
            at: hits for at, one in texts.items() if (hits := count_texts(one, text, hidden)) is not None
        }
        return len(positions), found

    def _texts_found(
        self,
        search: SpanSearch,
        text: str,
        left: Sequence[int],
        size: int,
        answer: tuple[int, dict[int, Found]],
    ) -> None:
        read, found = answer
        self._read += read
        for position, hits in found.items():
            named = self._found.get(position)
            self._found[position] = Found(hits.hits + (named.hits if named else 0), hits.section)
        if found:
            self._show_found()
        else:
            self._tell_spans()
        expected = MOST_CHARACTERS * search.read // max(1, search.characters)
        self._ask_texts(search, text, left, max(FIRST_SPANS, min(MOST_SPANS, 2 * size, expected)))

    def _texts_not_read(self, error: TraceviewError) -> None:
        self._reading = False
        self._not_read = error.message
        self._tell_spans()

    def _show_found(self) -> None:
        self.tree_pane.show_hits({position: found.hits for position, found in self._found.items()})
        if not self._landed and self._found:
            self._landed = self.tree_pane.go_to_first_hit(self._search_origin)
        elif not self._found and not self._landed and self._search_origin < len(self._item_facts):
            self.tree_pane.go_to_position(self._search_origin)
        self._tell_spans()

    # The hits one after another.

    def _go_to_hit(self, step: int) -> None:
        if not self._searches_tree or not self._search_text:
            super()._go_to_hit(step)
            return
        number, hits = self._detail_hit
        self._landed = True
        if number > 0 and 0 < number + step <= hits:
            self.text_pane().go_to_hit(step)
        elif not self.tree_pane.go_to_hit(step):
            self._tell_spans()
            self.say("No hit yet." if self._reading else "No hit.")
            return
        self._tell_spans()

    @on(TextView.Searched)
    def _on_detail_searched(self, event: TextView.Searched) -> None:
        if event.view is self.text_pane() and self._searches_tree:
            self._detail_hit = (event.current, event.hits)
            self._tell_spans()

    def section_to_open(self) -> str | None:
        """Where the span under the cursor has its first hit."""
        position = self.tree_pane.position
        found = self._found.get(position) if self._searches_tree and position is not None else None
        return found.section if found is not None else super().section_to_open()

    def follow(self) -> None:
        """The detail shows all hits of the span under the cursor."""
        self._detail_hit = (0, 0)
        super().follow()
        if self._searches_tree and self._search_text:
            self.text_pane().search(self._search_text if self.section_to_open() is not None else "")

    def _tell_spans(self) -> None:
        if self._searches_tree and self._search_text:
            self.tell_search(self.search_sentence())

    def search_sentence(self) -> str:
        """`12 hits in 5 spans; span 2`, and how many of the payloads were searched so far."""
        count = len(self._item_facts)
        spans = f"{count:,} span{'s' if count != 1 else ''}"
        hits = sum(found.hits for found in self._found.values())
        if self._found:
            said = f"{hits:,} hit{'s' if hits != 1 else ''} in {len(self._found):,} of {spans}"
            position = self.tree_pane.position
            if position in self._found:
                number = sum(1 for at in self._found if at <= position)
                said += f"; here span {number:,} of {len(self._found):,}"
                if self._detail_hit[1]:
                    said += f", hit {max(1, self._detail_hit[0]):,} of {self._detail_hit[1]:,}"
        else:
            said = f"no hit in {spans}" if not self._reading else "no hit yet"
        if self._not_read is not None:
            return f"{said}; the texts could not be read: {self._not_read}"
        return f"{said} (texts of {self._read:,} of {count:,} searched)" if self._reading else said
