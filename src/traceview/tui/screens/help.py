"""The help: what the keys do here, those that label and the focused pane's first, and how filters are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import VerticalScroll

from traceview.text.cells import pad
from traceview.text.safe import safe_line
from traceview.tui import glyphs
from traceview.tui.action_words import key_rows
from traceview.tui.actions import GROUPS, Action, Area, bindings
from traceview.tui.context import AppContext
from traceview.tui.panes import PaneKeys, of_pane
from traceview.tui.scrolled import Scrolled
from traceview.tui.widgets.lines import Line, wrapped
from traceview.tui.widgets.span_kinds import KIND_WORDS
from traceview.tui.widgets.span_lines import ON_PATH, SUMMED

KEY_CELLS = 16
LEAST_TEXT = 16
AREAS = {"list": "Lists", "trace": "Trace", "transcript": "Transcript", "examples": "Items of a failure mode"}

FILTERS: tuple[tuple[str, str], ...] = (
    ("status:error", "traces with an error"),
    ("version:v3  prompt:support@v3", "a prompt version"),
    ("latency>2s cost>$0.05", "both hold: slow and dear"),
    ("model:claude-* or tool:search_docs", "one of both holds"),
    ("not status:ok  -model:gpt-*", "none of these"),
    ("version:v2,v3", "one of several values"),
    ('"refund policy"', "a text, anywhere"),
    ('input:"no, I meant"', "a text in one field"),
    ("output~/https?:/", "a regular expression"),
    ("since:7d -user:u_42", "the last week, not that user"),
    ("tokens>10k  ttft>=800ms", "figures with their units"),
    ("any(span: kind:tool status:error)", "one span of the trace has both"),
    ("attr.customer_tier:gold", "an attribute of any name"),
    ("label:none  note:any", "not labelled yet; with a note"),
    ("score.grounded:fail", "by a score of any source"),
    ("score.grounded.judge:pass", "by a score of one source"),
)
"""What is written, and what it means; two blanks part examples that are filters of their own."""

_FIGURES = (
    (f"9.0k{glyphs.ARROW}130", "tokens: what went in, what came out"),
    ("$0.42+", "at least so much: the price of some calls is not known"),
)
SIGNS: Mapping[Area, Sequence[tuple[str, str]]] = {
    "list": (
        (f"{glyphs.BAD} 2", "so many errors: failed spans below which none failed"),
        (glyphs.MARKED, "marked"),
        *_FIGURES,
    ),
    "trace": (
        (" ".join(sign for sign, _ in list(KIND_WORDS.values())[:4]), "agent, model call, tool, retriever"),
        (f"{glyphs.FOLDED} {glyphs.UNFOLDED}", "folded, unfolded"),
        (f"+7 {glyphs.TIMES}12", "so many spans are folded here; so many rounds alike in a row"),
        ("=4", "the same call as row 4"),
        (f"{glyphs.TIME_MARK}  {ON_PATH}", "when the first token came; on the critical path"),
        (f"{SUMMED}9.1k", "with everything below the span"),
        *_FIGURES,
    ),
    "transcript": (
        (f"{glyphs.TOOL} {glyphs.RETRIEVER} {glyphs.AGENT}", "tool call, retrieval, sub-agent"),
        (f"{glyphs.FOLDED} {glyphs.UNFOLDED}", "folded, unfolded"),
        ("?", "beside a text: something in it that nothing before it says"),
        *_FIGURES,
    ),
}
"""What is drawn on a screen without words, and what it means."""


def help_lines(
    registry: Sequence[Action], area: Area, context: AppContext, cells: int, panes: Sequence[PaneKeys] = ()
) -> list[Line]:
    """The help of an area in so many cells: the keys of these panes, then the screen's, then those of everywhere."""
    here = [action for action in registry if area in action.screens]
    everywhere = [action for action in registry if "app" in action.screens and action not in here]
    lines: list[Line] = []
    others = here
    for pane in panes:
        own = of_pane(pane, others)
        lines += _section(pane.title, own, cells)
        others = [action for action in others if action not in own]
    screen = AREAS.get(area, area.capitalize())
    for group in GROUPS:
        lines += _section(f"{screen}: {group.lower()}", [one for one in others if one.group == group], cells)
    lines += _section("Everywhere", everywhere, cells)
    lines += _pairs("Signs", SIGNS.get(area, _FIGURES), cells)
    lines += [*filter_lines(cells), [("", None)], [("Where things are", "title")]]
    for sentence in (context.label_sentence, f"You label as {context.annotator_name}."):
        if sentence:
            lines += wrapped(safe_line(sentence), cells, "dim")
    return lines


def filter_lines(cells: int) -> list[Line]:
    """How filters are written, by example."""
    left = min(36, cells // 2)
    lines: list[Line] = [[("Filters", "title")]]
    for text, meaning in FILTERS:
        if len(text) >= left:
            lines += [[(text, "accent")], *([("    ", None), *line] for line in wrapped(meaning, cells - 4))]
            continue
        first, *more = wrapped(meaning, max(LEAST_TEXT, cells - left))
        lines.append([(pad(text, left), "accent"), *first])
        lines += [[(" " * left, None), *line] for line in more]
    return lines


def _section(title: str, actions: Sequence[Action], cells: int) -> list[Line]:
    if not actions:
        return []
    return _pairs(title, [(keys, description) for _, keys, _, description in key_rows(actions)], cells)


def _pairs(title: str, pairs: Sequence[tuple[str, str]], cells: int) -> list[Line]:
    """What stands on the left, and on the right what it does or means."""
    lines: list[Line] = [[(title, "title")]]
    for left, meaning in pairs:
        first, *more = wrapped(meaning, max(LEAST_TEXT, cells - KEY_CELLS - 2))
        lines.append([(pad(left, KEY_CELLS), "key"), ("  ", None), *first])
        lines += [[(" " * (KEY_CELLS + 2), None), *line] for line in more]
    return [*lines, [("", None)]]


class HelpScreen(Scrolled[None]):
    """A window of keys that scrolls like a list; `f` goes to how filters are written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("help", "help_f1", call="leave"),
        *bindings("filter", call="filters"),
    ]

    def __init__(
        self,
        registry: Sequence[Action],
        area: Area,
        context: AppContext,
        panes: Sequence[PaneKeys] = (),
        *,
        at_filters: bool = False,
    ) -> None:
        super().__init__()
        self._what = (registry, area, context)
        self._panes = panes
        self._at_filters = at_filters

    def on_mount(self) -> None:
        """Say how to leave."""
        keys = {action.id: action.keys[0] for action in self._what[0]}
        frame = self.query_one("#dialog")
        frame.border_title = "keys"
        frame.border_subtitle = (
            f"{keys['cursor_down']} {keys['cursor_up']} scroll  {keys['filter']} filters  Esc closes"
        )

    def lines_for(self, cells: int) -> list[Line]:
        """The keys, then how filters are written."""
        return help_lines(*self._what, cells, self._panes)

    def write(self) -> None:
        """Make the lines, and go to the filters if these were asked for."""
        super().write()
        if self._at_filters and self.lines:
            self._at_filters = False
            self.call_after_refresh(self.action_filters)

    def action_filters(self) -> None:
        """Show how filters are written."""
        line = next(
            number for number, line in enumerate(self.lines) if line and line[0] == ("Filters", "title")
        )
        self.query_one("#dialog", VerticalScroll).scroll_to(y=line, animate=False)
