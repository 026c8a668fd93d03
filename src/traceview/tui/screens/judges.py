"""Every judge of the project: what state it is in, how often it is right, what it cost; Enter opens its table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Literal

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from traceview.analysis.correction import EXPLORATORY
from traceview.analysis.estimate import Estimate
from traceview.judges.calibration import UNSCORED_BELOW
from traceview.judges.calibration_words import percent_words
from traceview.judges.checking import warnings_of
from traceview.judges.ledger.telling import RunState
from traceview.judges.loading import load_judges, no_judges
from traceview.judges.overview import JudgeOverview, overview
from traceview.judges.versions import SHORT_HASH
from traceview.store.interface import CancelToken, ready
from traceview.text.safe import safe_line
from traceview.tui.actions import Area, bindings_for
from traceview.tui.context import AppContext
from traceview.tui.screens.judge_files import JudgeFilesScreen
from traceview.tui.screens.judge_running import runs_of
from traceview.tui.screens.list_heads import tab_parts
from traceview.tui.widgets.columns import Cell, Column
from traceview.tui.widgets.lines import Bar, Line, Pane, wrapped
from traceview.tui.widgets.virtual_list import VirtualList

Row = dict[str, Any]
COLUMNS = (
    Column("name", "judge", 12, flex=2),
    Column("state", "state", 9, flex=1),
    Column("tpr", "TPR", 10, align="right", rank=1),
    Column("tnr", "TNR", 10, align="right", rank=1),
    Column("scored", "scored", 6, align="right", rank=2),
    Column("metric", "gives", 10, flex=1, rank=3),
    Column("kind", "kind", 5, rank=4),
    Column("unscored", "unscored", 8, align="right", rank=5),
    Column("spent", "spent", 8, align="right", rank=2),
    Column("version", "version", 12, rank=6),
    Column("last", "last score", 16, rank=7),
)
STATES: dict[str, str | None] = {
    "enabled": "good",
    "draft": "dim",
    "refused": "error",
    "no file": "dim",
    "running": "accent",
}
NANOS = 1_000_000_000


class JudgesScreen(JudgeFilesScreen):
    """The judges, one a row, over what is to be said of the one under the cursor."""

    AREA: ClassVar[Area] = "judges"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("app", "judges")]
    DEFAULT_CSS = """
    JudgesScreen {
        & > #about { height: 1; background: $surface; }
        & > #rows { height: 1fr; }
        & > #here { height: 7; padding: 0 1; border-top: solid $divider; }
    }
    """

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self._known: tuple[JudgeOverview, ...] = ()
        self._split: Literal["dev", "all"] = "dev"
        self._code: dict[str, str] = {}
        """The states of code judges that are at work."""

    def compose_body(self) -> ComposeResult:
        """A sentence about all of them, the rows, and the judge under the cursor."""
        yield Bar(id="about")
        yield VirtualList(partial(str.format, "{0[name]}"), _cells, id="rows")
        yield Pane(id="here")

    @property
    def rows(self) -> VirtualList:
        """One row per judge."""
        return self.query_one("#rows", VirtualList)

    def on_mount(self) -> None:
        """Read the files and the scores."""
        self._show_title()
        self.set_status([], [(safe_line(self.context.label_sentence), "dim"), (" ", None)])
        self.rows.set_columns(COLUMNS, None)
        self.rows.focus()
        self.query_one("#about", Bar).say([(" reading the judges and what they said …", "dim")])
        self.action_refresh()
        runs_of(self).watch()

    def _show_title(self) -> None:
        left: Line = [(" judges", "title"), (f" · {safe_line(self.context.source_title)}", "dim")]
        self.set_title(left, tab_parts("judges", self.size.width, left))

    def on_screen_resume(self) -> None:
        """Show what changed while another screen was in front."""
        if self._known and not self.is_asking("judges"):
            self.action_refresh()
            runs_of(self).watch()

    def on_screen_suspend(self) -> None:
        """Read no more figures for nobody; a window in front of the rows leaves them in sight."""
        if not isinstance(self.app.screen, ModalScreen):
            self.cancel_asked("judges")

    def action_refresh(self) -> None:
        """Read files, scores and labels again."""
        context, split = self.context, self._split
        annotator, project = context.annotator, context.project
        if annotator is None or project is None:
            self.query_one("#about", Bar).say([(f" {safe_line(context.label_sentence)}", "warning")])
            return
        store = annotator.store

        def known(token: CancelToken) -> tuple[JudgeOverview, ...]:
            return overview(
                partial(ready, context.engine),
                store,
                load_judges(project),
                project.definitions,
                split,
                token,
                lambda part: self.tell_part("judges", token, part, self._show_part),
            )

        self.ask("judges", known, self._show)

    def _show_part(self, known: tuple[JudgeOverview, ...]) -> None:
        """Show what is known so far; figures of before stay until they are read again."""
        before = {one.name: one for one in self._known if not one.reading and one.judge is not None}
        same = [
            replace(before[one.name], state=one.state, judge=one.judge, path=one.path, problem=one.problem)
            if one.reading and one.name in before
            else one
            for one in known
        ]
        self._show(tuple(replace(one, run=now.run) for one, now in zip(same, known, strict=True)))

    def _show(self, known: tuple[JudgeOverview, ...]) -> None:
        self._known = known
        self._code = runs_of(self).code_states()
        rows = [_row(one, self._code.get(one.name)) for one in known]
        cursor = min(self.rows.cursor, max(0, len(rows) - 1))
        project = self.context.project
        empty = no_judges(project) if project is not None else ""
        self.rows.show(len(rows), {0: rows}, cursor=cursor, empty_text=safe_line(empty))
        refused = sum(one.state == "refused" for one in known)
        labels = "all labels" if self._split == "all" else "labels of the dev split"
        about: Line = [(f" {len(known):,} judges", None), (f"  TPR and TNR on {labels}", "dim")]
        left = sum(one.reading for one in known)
        if left:
            about = [*about, (f"  reading the scores of {left:,} …", "accent")]
        if refused:
            about = [*about, (f"  {refused:,} cannot be used", "error")]
        self.query_one("#about", Bar).say(about)
        self._show_here()

    @property
    def judge_here(self) -> JudgeOverview | None:
        """The judge under the cursor."""
        return self._here

    @property
    def _here(self) -> JudgeOverview | None:
        cursor = self.rows.cursor
        return self._known[cursor] if cursor < len(self._known) else None

    @on(VirtualList.CursorMoved)
    def follow_cursor(self, message: VirtualList.CursorMoved) -> None:
        """Tell of the judge under the cursor."""
        message.stop()
        self._show_here()

    @on(Pane.Resized)
    def wrap_again(self) -> None:
        """Wrap to the new width."""
        self._show_title()
        self._show_here()

    def _show_here(self) -> None:
        pane = self.query_one("#here", Pane)
        here = self._here
        cells = max(10, pane.size.width - 2)
        lines: list[Line] = []
        for text, part in _told(here) if here is not None else ():
            lines += wrapped(safe_line(text), cells, part)
        pane.show(lines)

    # What the keys do.

    @on(VirtualList.Opened)
    def action_open(self) -> None:
        """The table of the judge under the cursor, or what is wrong with its file."""
        here = self._here
        if here is None:
            return
        if here.judge is None or here.calibration is None:
            said = here.problem.message if here.problem is not None else f"{here.name}: {here.uncalibrated}"
            self.say(said, error=here.problem is not None)
            return
        from traceview.tui.screens.confusion import ConfusionScreen

        self.app.push_screen(ConfusionScreen(self.context, here.judge, self._split))

    def action_judge(self) -> None:
        """Run the judge under the cursor over what the list shows, what is marked, or a session."""
        here = self._here
        if here is None and self.is_asking("judges"):
            self.say("The judges are being read.")
            return
        if here is None or here.definition is None:
            why = "its file is refused" if here is not None and here.problem is not None else "it has no file"
            self.say("There is no judge to run." if here is None else f"{here.name}: {why}.", error=True)
            return
        app: Any = self.app
        app.lists[app.root_level].ask_judge(here.definition, self)

    def action_judge_pause(self) -> None:
        """Have the runs of the judge wait, or go on."""
        if self._here is not None:
            self.say(runs_of(self).pause(self._here.name))

    def action_judge_stop(self) -> None:
        """Have the runs of the judge begin no more."""
        if self._here is not None:
            self.say(runs_of(self).stop(self._here.name))

    def take_runs(self, states: Sequence[RunState]) -> None:
        """Show how far runs are."""
        going = {state.judge: state for state in states}
        known = tuple(replace(one, run=going.get(one.name)) for one in self._known)
        if known != self._known or self._code != runs_of(self).code_states():
            self._show(known)

    def runs_ended(self) -> None:
        """Read what they came to."""
        self.action_refresh()

    def action_measure(self) -> None:
        """The labels of the dev split, or all."""
        self._split = "all" if self._split == "dev" else "dev"
        self.action_refresh()


def _row(one: JudgeOverview, code: str | None) -> Row:
    confusion = one.calibration.confusion if one.calibration is not None else None
    calls = one.calibration.evidence.calls if one.calibration is not None else None
    share = calls.unscored_share if calls is not None else None
    state: str = one.state
    if one.run is not None:
        sending = one.run.phase == "sending" or one.run.finished
        state = f"{one.run.finished:,}/{one.run.planned:,}" if sending else one.run.phase
    elif code is not None:
        state = code
    return {
        "name": one.name,
        "state": state,
        "part": STATES["running" if one.run is not None or code is not None else one.state],
        "kind": one.kind or "",
        "metric": one.judge.metric if one.judge is not None else "",
        "tpr": "…"
        if one.reading
        else ""
        if confusion is None
        else _rate(confusion.tp, confusion.tp + confusion.fn, confusion.tpr),
        "tnr": "…"
        if one.reading
        else ""
        if confusion is None
        else _rate(confusion.tn, confusion.tn + confusion.fp, confusion.tnr),
        "scored": "…" if one.reading else f"{one.scored:,}" if one.versions else "",
        "unscored": "" if share is None else f"{share:.1%}",
        "unreliable": share is not None and share >= UNSCORED_BELOW,
        "spent": "" if one.nanos is None else f"${one.nanos / NANOS:,.4f}",
        "version": one.judge_hash[:SHORT_HASH],
        "last": (one.last or "")[:16].replace("T", " "),
    }


def _rate(k: int, n: int, figure: Estimate) -> str:
    """A rate with its number; of few labels only the counts."""
    if not n:
        return "no label"
    return f"{k} of {n}" if n < EXPLORATORY or figure.value is None else f"{figure.value:.2f} of {n:,}"


def _told(one: JudgeOverview) -> list[tuple[str, str | None]]:
    """What is said of a judge below the rows: what is wrong first."""
    told: list[tuple[str, str | None]] = []
    if one.problem is not None:
        told.append((one.problem.message, "error"))
        if one.problem.hint:
            told.append((one.problem.hint, "dim"))
    definition = one.definition
    if definition is not None:
        shape = definition.score
        told.append((f"pass: {shape.pass_means or 'not told'}", None))
        told.append((f"fail: {shape.fail_means or 'not told'}", None))
        if definition.version_note:
            told.append((f"this version: {definition.version_note}", "dim"))
        if definition.where:
            told.append((f"judges what matches: {definition.where}", "dim"))
        told += [(f"careful: {warning}", "warning") for warning in warnings_of(definition)]
    found = one.calibration
    if found is None:
        return told if one.problem is not None else [*told, (one.uncalibrated, "dim")]
    told.append(
        (
            f"pass rate where nobody labelled {percent_words(found.pass_rate.observed)}; "
            f"corrected {percent_words(found.pass_rate.corrected)}",
            None,
        )
    )
    told += [(f"careful: {warning}", "warning") for warning in found.warnings]
    return told


def _cells(row: Row) -> dict[str, Cell]:
    plain = ("tpr", "tnr", "scored")
    dim = ("kind", "metric", "spent", "version", "last")
    return {
        "name": Cell(safe_line(row["name"])),
        "state": Cell(row["state"], row["part"]),
        "unscored": Cell(row["unscored"], "error" if row["unreliable"] else "dim"),
        **{name: Cell(safe_line(row[name])) for name in plain},
        **{name: Cell(safe_line(row[name]), "dim") for name in dim},
    }
