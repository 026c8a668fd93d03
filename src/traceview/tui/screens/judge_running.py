"""Judges run from any screen: which judge, over what, what it will cost; and what becomes of runs when the app ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from traceview.judges.loading import load_judges, no_judges
from traceview.judges.run_words import plan_lines
from traceview.judges.selecting import Chosen
from traceview.model.errors import TraceviewError
from traceview.model.judges import JudgeDefinition
from traceview.store.interface import CancelToken
from traceview.text.safe import safe_line
from traceview.tui.dialog import Dialog
from traceview.tui.panels.pick import Pick, PickScreen
from traceview.tui.scrolled import Scrolled
from traceview.tui.widgets.lines import Line, Lines, wrapped

if TYPE_CHECKING:
    from traceview.annotation.service import Annotator
    from traceview.tui.context import AppContext
    from traceview.tui.judge_runs import JudgeRuns, ModelRun
    from traceview.tui.screens.base import TraceviewScreen

Judges = tuple[JudgeDefinition, ...]
Leave = Literal["on", "stop"]


def ask_judge(
    screen: TraceviewScreen, chosen: Sequence[Chosen], judge: JudgeDefinition | None = None
) -> None:
    """Pick a judge (unless one is given) and what of `chosen` it is run over, then run it."""
    context = screen.context
    project = context.project
    if context.annotator is None or project is None:
        screen.say(context.label_sentence or "Judges need a label file to write their scores to.", error=True)
        return
    if judge is not None:
        _ask_what(screen, chosen, (judge,))
        return

    def known(token: CancelToken) -> tuple[Judges, int]:
        loaded = load_judges(project)
        return loaded.judges, len(loaded.refused)

    def pick(found: tuple[Judges, int]) -> None:
        judges, refused = found
        if not judges:
            screen.say(
                no_judges(project) if not refused else "Every judge file is refused: F5 says why.", error=True
            )
            return
        picks: list[Pick[Judges]] = [Pick(one.name, _told(one), (one,)) for one in judges]
        enabled = tuple(one for one in judges if one.enabled)
        if len(enabled) > 1:
            picks.append(Pick(f"all {len(enabled)} enabled", "one after the other, code first", enabled))
        left = f", {refused:,} refused: F5 says why" if refused else ""
        screen.app.push_screen(
            PickScreen(f"which judge{left}", picks, narrow="type to narrow, Enter takes it"),
            lambda picked: _ask_what(screen, chosen, picked) if picked is not None else None,
        )

    screen.ask("judges", known, pick)


def _told(judge: JudgeDefinition) -> str:
    what = "code, free" if judge.model is None else judge.model.id
    draft = "" if judge.enabled else ", a draft"
    return f"{what}; gives {judge.metric} to {judge.scope}s{draft}"


def _ask_what(screen: TraceviewScreen, chosen: Sequence[Chosen], judges: Judges) -> None:
    if len(chosen) == 1:
        begin(screen, judges, chosen[0])
        return
    names = ", ".join(judge.name for judge in judges)
    picks = [Pick(safe_line(one.words), "", one, holds=not at) for at, one in enumerate(chosen)]
    screen.app.push_screen(
        PickScreen(safe_line(f"{names} over what?"), picks, narrow="type to narrow, Enter takes it"),
        lambda picked: begin(screen, judges, picked) if picked is not None else None,
    )


def begin(screen: TraceviewScreen, judges: Judges, chosen: Chosen) -> None:
    """Run code judges at once; have a worker plan what models would be sent, and ask before they are."""
    runs = runs_of(screen)
    context = screen.context
    code = [judge for judge in judges if judge.kind == "code"]
    models = [judge for judge in judges if judge.kind == "llm"]
    refused = _refused(context) if models else ""
    # those of which others say parts come last: by then the models may have
    last = [judge for judge in code if judge.asked] if models and not refused else []
    first = [judge for judge in code if judge not in last]
    try:
        if first:
            runs.begin_code(context, first, chosen)
            screen.say(f"{', '.join(one.name for one in first)} over {chosen.words} …")
    except TraceviewError as error:
        screen.say(error.message, error=True)
        return
    if refused:
        screen.say(refused, error=True)
        return
    project = context.project
    if not models or project is None:
        return

    def known(token: CancelToken) -> tuple[str, ...]:
        from traceview.definitions.consents import consented

        return consented(project.folder)

    def go(consented: tuple[str, ...]) -> None:
        screen.say(f"Finding out what {', '.join(one.name for one in models)} would be sent …")
        afterwards = partial(runs.begin_code, context, last, chosen) if last else None
        runs.begin_models(context, models, chosen, consented, partial(_ask_consent, screen, runs), afterwards)

    screen.ask("consents", known, go)


def _refused(context: AppContext) -> str:
    """Why no model is asked, in words; empty if one may be."""
    assert context.project is not None
    if context.offline:
        return "--offline refuses to ask a model."
    if not context.project.trusted:
        return (
            f"{context.project.path} was found beside the source: its judges may not send text; open it with "
            "--config."
        )
    if not context.invocation.sources or "-" in context.invocation.sources:
        return "The process that asks models cannot read what came from a pipe: import it first."
    return ""


def _ask_consent(screen: TraceviewScreen, runs: JudgeRuns, run: ModelRun) -> None:
    """Show the plan and its price; nothing is sent before that is agreed to."""

    def answered(agreed: bool | None) -> None:
        if not agreed:
            runs.answer(run, False)
            return
        project = screen.context.project
        assert project is not None
        endpoints = list(dict.fromkeys(str(plan["endpoint"]) for plan in run.plans if plan["planned"]))

        def remember(token: CancelToken) -> None:
            from traceview.definitions.consents import consented, remember_consent

            known = consented(project.folder)
            for endpoint in endpoints:
                if endpoint not in known:
                    remember_consent(project.folder, endpoint)

        screen.ask("consents", remember, lambda _: runs.answer(run, True))

    screen.app.push_screen(PlanScreen(run), answered)


def chosen_sessions(annotator: Annotator) -> list[Chosen]:
    """The items of one's open sessions, the newest session first."""
    from traceview.annotation.session_work import open_sessions
    from traceview.store.labels.sessions import items

    return [
        Chosen(
            f"the {session.size:,} items of the session {session.name}",
            targets=tuple(dict.fromkeys(item.target for item in items(annotator.store, session.id))),
        )
        for session in reversed(open_sessions(annotator.store, annotator.name))
    ]


def runs_of(screen: TraceviewScreen) -> JudgeRuns:
    """The runs of the app."""
    runs: JudgeRuns = screen.app.judge_runs  # type: ignore[attr-defined]
    return runs


class PlanScreen(Scrolled[bool]):
    """What would be sent where, and what it costs; gives back True where that is agreed to."""

    # Not Enter: the window comes when the plan is made, whatever somebody is just typing.
    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "agree", show=False)]

    def __init__(self, run: ModelRun) -> None:
        super().__init__()
        self._plans = list(run.plans)

    def on_mount(self) -> None:
        """Say what the keys do."""
        frame = self.query_one("#dialog")
        frame.border_title = "before anything is sent"
        frame.border_subtitle = "y sends them   Esc sends nothing"

    def lines_for(self, cells: int) -> list[Line]:
        """The plan of each judge, and where its text goes."""
        endpoints = ", ".join(dict.fromkeys(str(plan["endpoint"]) for plan in self._plans if plan["planned"]))
        lines: list[Line] = []
        for plan in self._plans:
            for line in plan_lines(plan):
                lines += wrapped(safe_line(line), cells)
        return [
            *lines,
            [],
            *wrapped(safe_line(f"The text of these items is sent to {endpoints}."), cells, "warning"),
        ]

    def action_agree(self) -> None:
        """Send them."""
        self.dismiss(True)


class LeaveScreen(Dialog[Leave]):
    """What becomes of the runs when the app ends: they go on without it, or stop."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "on", show=False),
        Binding("s", "stop", show=False),
    ]
    DEFAULT_CSS = """
    LeaveScreen {
        & Lines { background: $surface; height: 5; }
    }
    """

    def __init__(self, told: Line) -> None:
        super().__init__()
        self._told = told

    def compose(self) -> ComposeResult:
        """What goes on, and the three ways."""
        with Vertical(id="dialog"):
            yield Lines()

    def on_mount(self) -> None:
        """Show them."""
        self.query_one(Lines).show(
            [
                [("judges are at work", "title")],
                self._told,
                [("Enter  leave; models go on without the app, code judges stop", None)],
                [("s      stop them, keep what was judged, and leave", None)],
                [("Esc    stay", None)],
            ]
        )

    def action_on(self) -> None:
        """Leave, and let them go on."""
        self.dismiss("on")

    def action_stop(self) -> None:
        """Stop them, and leave."""
        self.dismiss("stop")


def leave_runs(screen: TraceviewScreen, runs: JudgeRuns, leave: Callable[[], object]) -> None:
    """Ask what becomes of runs that go on, then leave; nothing is asked where none does."""
    if not runs.active:
        leave()
        return

    def answered(how: Leave | None) -> None:
        if how is None:
            return
        if how == "on":
            runs.detach()
        else:
            runs.stop_all()
        leave()

    screen.app.push_screen(LeaveScreen(runs.parts()), answered)
