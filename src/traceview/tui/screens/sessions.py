"""Sessions begun and taken up again: what is chosen, what opens, and what stands at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from traceview.annotation.modes import MODE, modes_before
from traceview.annotation.session_again import CONFLICTS, RE_REVIEW
from traceview.annotation.session_choosing import MARKED, Plan
from traceview.annotation.session_making import make_session, open_session_of
from traceview.annotation.session_summary import summarise
from traceview.annotation.session_words import pace_words, summary_lines
from traceview.annotation.session_work import SessionWork, find_session, open_sessions
from traceview.model.errors import BadInput, TraceviewError
from traceview.model.sessions import Session
from traceview.store.interface import CancelToken
from traceview.text.safe import safe_line
from traceview.tui.panels.pick import Pick, PickScreen
from traceview.tui.screens.routes import item_screen
from traceview.tui.scrolled import Scrolled
from traceview.tui.session_cursor import SessionCursor
from traceview.tui.widgets.lines import Line, Lines, wrapped

if TYPE_CHECKING:
    from traceview.annotation import Annotator
    from traceview.tui.screens.base import TraceviewScreen

Wanted = Plan | Session | str
"""What is to be worked on: a plan, a session, or the name of one (empty: the one worked on last)."""

RULES: tuple[tuple[str, str], ...] = (
    ("unlabelled", "everything that you have not labelled, in the order of the list"),
    ("random:50", "50 by chance"),
    ("next:25", "25 that teach most: by chance, disputed, odd, new"),
    ("stratified:60:prompt_version", "60, as many of each prompt version"),
    ("outliers:25", "the 25 oddest by time, tokens, cost, steps"),
    ("all", "everything that matches"),
    (RE_REVIEW, "what you labelled under an older wording"),
    (CONFLICTS, "what people labelled differently"),
)
OF_SPANS: tuple[tuple[bool, str], ...] = ((False, "single spans"), (True, "retrieved documents"))
"""Whether it is about documents, and what it is called."""


def ask_session(screen: TraceviewScreen, over: Plan, with_marks: Callable[[CancelToken], Plan]) -> None:
    """A window with one's open sessions and the rules of a new one over what a plan says.

    It is there at once, so that what is typed behind the key narrows it; `with_marks` finds marked rows, in a worker.
    """
    annotator = screen.context.annotator
    if annotator is None:
        screen.say(screen.context.label_sentence, error=True)
        return

    def known(token: CancelToken) -> list[Pick[Wanted]]:
        plan = with_marks(token)
        picks: list[Pick[Wanted]] = []
        if plan.marked:
            told = f"the {len(plan.marked):,} marked ones"
            picks.append(Pick(MARKED, told, replace(plan, rule=MARKED, filter=""), holds=True))
        for session in reversed(open_sessions(annotator.store, annotator.name)):
            work = SessionWork.open(annotator, session)
            at = work.state.resume()
            if at is not None:
                told = (
                    f"goes on with {work.state.number(at):,} of {session.size:,} · {pace_words(work.state)}"
                )
                picks.append(Pick(f"resume {session.name}", told, session, holds=not picks))
        picks += [Pick(rule, told, replace(plan, rule=rule)) for rule, told in RULES]
        told = f"instead of {plan.level}"
        if plan.marked and plan.level == "traces":
            picks.append(
                Pick(
                    "threads …",
                    "that the marked traces are in",
                    replace(plan, level="threads", rule=MARKED, filter=""),
                )
            )
        return picks + [Pick(f"{title} …", told, one) for title, one in of_spans(plan)]

    where = f"of {over.level}{f' that match {over.filter}' if over.filter else ''}"
    picker: PickScreen[Wanted] = PickScreen(
        safe_line(f"a session {where}"), None, narrow="type to narrow, Enter goes on"
    )
    screen.app.push_screen(picker, partial(_picked, screen))
    screen.ask("sessions", known, picker.fill)


def _picked(screen: TraceviewScreen, wanted: Wanted | None) -> None:
    if isinstance(wanted, Plan):
        ask_plan(screen, wanted)
    elif wanted is not None:
        begin(screen, wanted)


def ask_plan(screen: TraceviewScreen, plan: Plan) -> None:
    """A window with what a session is to be, and how many items it has; then it begins."""
    from traceview.tui.screens.session_dialog import SessionDialog

    annotator = screen.context.annotator
    if annotator is None:
        screen.say(screen.context.label_sentence, error=True)
        return

    def chosen(wanted: Wanted | None) -> None:
        if wanted is not None:
            begin(screen, wanted)

    screen.app.push_screen(SessionDialog(screen, annotator, plan), chosen)


def of_spans(plan: Plan) -> list[tuple[str, Plan]]:
    """What sessions over the spans of a plan's items are called, and over the documents that those retrieved."""
    chosen = {"rule": MARKED, "filter": ""} if plan.marked else {"rule": "random:50"}
    return [
        (title, replace(plan, level="spans", documents=documents, **chosen)) for documents, title in OF_SPANS
    ]


def session_commands(screen: TraceviewScreen, plan: Plan) -> list[tuple[str, Callable[[], object]]]:
    """Sessions over the spans of what a plan is about, and over the documents that they retrieved."""
    if screen.context.annotator is None:
        return []
    return [(f"label: session of {title}", partial(ask_plan, screen, one)) for title, one in of_spans(plan)]


def begin(screen: TraceviewScreen, wanted: Wanted) -> None:
    """Make a session or take one up, and open it where it goes on."""
    context = screen.context
    annotator = context.annotator
    if annotator is None:
        screen.say(context.label_sentence, error=True)
        return

    def ready(token: CancelToken) -> tuple[SessionWork, tuple[str, ...]]:
        session, notes = _session(screen, annotator, wanted, token)
        return SessionWork.open(annotator, session), notes

    screen.say("Choosing the items of the session …" if isinstance(wanted, Plan) else "Opening the session …")
    screen.ask(
        "session", ready, partial(_open, screen), failed=lambda error: screen.say(in_words(error), error=True)
    )


def _session(
    screen: TraceviewScreen, annotator: Annotator, wanted: Wanted, token: CancelToken
) -> tuple[Session, tuple[str, ...]]:
    if isinstance(wanted, Session):
        return wanted, ()
    if isinstance(wanted, str):
        if wanted:
            return find_session(annotator.store, wanted, annotator.name), ()
        own = open_sessions(annotator.store, annotator.name)
        if not own:
            raise BadInput(f"{annotator.name} has no open session", hint="`traceview annotate` begins one")
        return own[-1], ()
    found = open_session_of(annotator, wanted)
    if found is not None:
        return found
    screen.context.engine.wait_ready()
    made = make_session(screen.context.engine, annotator, wanted, token=token)
    return made.session, made.notes


def _open(screen: TraceviewScreen, found: tuple[SessionWork, tuple[str, ...]]) -> None:
    work, notes = found
    position = work.state.resume()
    if position is None:
        show_summary(screen, work)
        return
    if work.state.blind:
        screen.app.blind = True  # type: ignore[attr-defined]
    cursor = SessionCursor(work, position)
    item = work.state.items[position]
    opened = item_screen(screen.context, item.target, cursor, transcript=True, annotate=True)
    screen.app.push_screen(opened)
    told = " · ".join(safe_line(one) for one in (f"session {work.session.name}", *notes))
    blind = " · blind: b shows what is hidden" if screen.app.blind else ""  # type: ignore[attr-defined]
    opened.call_after_refresh(opened.say, f"{told}{blind}")  # type: ignore[attr-defined]


def in_words(error: TraceviewError) -> str:
    """An error on one line, with what to do."""
    return f"{error.message} · {error.hint}" if error.hint else error.message


def show_summary(screen: TraceviewScreen, work: SessionWork) -> None:
    """What came of a session, over the screen; then back to where it was begun."""
    annotator, session = work.annotator, work.session

    def summed(token: CancelToken) -> list[str]:
        before = modes_before(annotator.store.current(name=MODE), session.created_at)
        summary = summarise(work.state, tuple(annotator.definitions.values()), known_modes=before)
        return list(summary_lines(session, work.state, summary))

    def shown(lines: list[str]) -> None:
        screen.app.push_screen(SummaryScreen(lines), lambda _: screen.session_ended())

    screen.ask("summary", summed, shown)


class SummaryScreen(Scrolled[None]):
    """The end of a session."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,q", "leave", show=False)]
    DEFAULT_CSS = "SummaryScreen > #dialog { width: 100; }"

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__()
        self._lines = tuple(lines)

    def compose(self) -> ComposeResult:
        """All lines in a scrolling frame."""
        with VerticalScroll(id="dialog"):
            yield Lines(id="summary")

    def on_mount(self) -> None:
        """Say how to leave."""
        self.query_one("#dialog").border_subtitle = "Enter back to the list"

    def lines_for(self, cells: int) -> list[Line]:
        """The lines, each wrapped below its own indent."""
        lines: list[Line] = []
        for number, line in enumerate(self._lines):
            indent = len(line) - len(line.lstrip())
            part = "title" if number == 0 or line in ("next", "failure modes") else None
            held = wrapped(safe_line(line.strip()), cells - indent, part or ("dim" if indent else None))
            lines += [[(" " * indent, None), *one] for one in held]
        return lines
