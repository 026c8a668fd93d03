"""Runs of judges that were begun in the app: models in a process of their own, code in a thread with children.

How far model judges are is read from their ledger, whoever began them, in a thread every half second.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from traceview.judges.code_run import run_code_judges
from traceview.judges.exchange import endpoint_of
from traceview.judges.job import Job, Worker
from traceview.judges.ledger.runs import ask_of_run
from traceview.judges.ledger.telling import RunState, ask_ledger, runs, tell_ledger
from traceview.judges.report import RunReport
from traceview.judges.run_words import end_lines, planning_line, report_line
from traceview.judges.selecting import Chosen
from traceview.model.errors import TraceviewError
from traceview.model.judges import JudgeDefinition
from traceview.store.interface import CancelToken
from traceview.text.safe import safe_line
from traceview.tui.context import AppContext
from traceview.tui.widgets.lines import Part

if TYPE_CHECKING:
    from traceview.tui.judging_app import JudgingApp

POLL_SECONDS = 0.5
CODE_SECONDS = 20.0
"""How long leaving the app waits for code judges to write what they judged."""
NANOS = 1_000_000_000

HEARD = frozenset({"starting", "opening", "planning", "planned", "ready", "report", "error"})
"""What is taken from a worker; how far it is stands in the ledger, and the loop is left alone meanwhile."""

Plans = Sequence[dict[str, Any]]


@dataclass(slots=True)
class ModelRun:
    """A worker that asks models for this app; `plans` are told before anything is sent."""

    worker: Worker
    names: tuple[str, ...]
    plans: list[dict[str, Any]] = field(default_factory=list)
    said: str = ""
    sending: bool = False
    left: bool = False
    afterwards: Callable[[], object] | None = None
    """What waits for the scores of this run."""


@dataclass(slots=True)
class CodeRun:
    """Code judges at work in this process."""

    names: tuple[str, ...]
    token: CancelToken
    thread: threading.Thread | None = None
    done: float = 0.0
    judged: int = 0


class JudgeRuns:
    """Begins runs, tells how far they are, pauses and stops them; its methods are called on the event loop."""

    def __init__(self, app: JudgingApp) -> None:
        self._app = app
        self._models: list[ModelRun] = []
        self._code: list[CodeRun] = []
        self._told: list[Part] = []
        self._watched = False
        self.states: tuple[RunState, ...] = ()
        """Runs of models that go on now, by whomever, as the ledger had them half a second ago at most."""

    # Beginning.

    def begin_code(self, context: AppContext, judges: Sequence[JudgeDefinition], chosen: Chosen) -> None:
        """Run code judges; what they cost is time only. Raises TraceviewError for a filter that cannot be read."""
        from traceview.filters import parse
        from traceview.judges.selecting import filter_of

        assert context.annotator is not None
        text = chosen.filter if chosen.targets is None else filter_of(chosen.targets)
        where = parse(text) if text.strip() else None
        run = CodeRun(tuple(judge.name for judge in judges), CancelToken())
        store = context.annotator.store

        def tell(done: float, reports: Sequence[RunReport]) -> None:
            run.done, run.judged = done, sum(one.scored + one.not_applicable for one in reports)

        def work() -> None:
            try:
                context.engine.wait_ready()
                reports = run_code_judges(
                    context.engine,
                    store,
                    judges,
                    project=context.project,
                    where=where,
                    token=run.token,
                    tell=tell,
                    errors=subprocess.DEVNULL,
                )
                told, error = [report_line(one.json()) for one in reports], False
                # the reason last: it is what stays to be read
                told += [line for one in reports for line in end_lines(one.json())]
            except TraceviewError as failure:
                told, error = [failure.message], True
            self._on_loop(self._code_ended, run, told, error)

        run.thread = threading.Thread(target=work, name="code judges", daemon=True)
        self._code.append(run)
        run.thread.start()
        self.watch()

    def begin_models(
        self,
        context: AppContext,
        judges: Sequence[JudgeDefinition],
        chosen: Chosen,
        consented: Sequence[str],
        ready: Callable[[ModelRun], object],
        afterwards: Callable[[], object] | None = None,
    ) -> None:
        """Have a worker find out what would be sent; `ready` is called with its plans, and nothing is sent before.

        `afterwards` is called once the run has ended, whatever came of it.
        """
        project, annotator = context.project, context.annotator
        assert project is not None and annotator is not None
        text, targets = chosen.for_judges(judges)
        endpoints = {endpoint_of(judge.model) for judge in judges if judge.model is not None}
        job = Job(
            sources=tuple(context.invocation.sources),
            judges=tuple(judge.name for judge in judges),
            config=str(project.path) if project.origin == "config" else None,
            overrides=dict(context.overrides),
            prompt_files=tuple(str(path) for path in context.prompt_files),
            labels=str(annotator.store.path),
            filter=text,
            targets=targets,
            consented=tuple(one for one in consented if one in endpoints),
            behind=True,
        )

        def work() -> None:
            run = ModelRun(Worker(job), job.judges, afterwards=afterwards)
            self._on_loop(self._models.append, run)
            for told in run.worker.events():
                event = told.pop("event", "")
                if event in HEARD:
                    self._on_loop(self._take, run, event, told, ready)
            code = run.worker.wait()
            self._on_loop(self._model_ended, run, code)

        threading.Thread(target=work, name="model judges", daemon=True).start()
        self.watch()

    def answer(self, run: ModelRun, go: bool) -> None:
        """Send what was planned, or not."""
        run.sending = go
        run.said = "" if go else run.said
        run.worker.tell("go" if go else "no")
        self._tell_screen()

    # While they go on.

    @property
    def active(self) -> bool:
        """Whether a run that this app began goes on."""
        return bool(self._models or self._code)

    def parts(self) -> list[Part]:
        """How far runs are, for the status line; nothing where none goes on."""
        told: list[str] = []
        for run in self._code:
            told.append(f"{', '.join(run.names)} {run.done:.0%}, {run.judged:,} judged")
        waiting = {name for run in self._models if not run.sending for name in run.names}
        for state in self.states:
            if state.judge in waiting:
                continue
            paused = " paused" if state.wanted == "pause" or state.phase == "paused" else ""
            told.append(
                f"{state.judge} {state.finished:,}/{state.planned:,} up to ${state.nanos / NANOS:,.4f}{paused}"
            )
        told += [run.said for run in self._models if run.said and not run.sending]
        return [(safe_line(" · ".join(told)), "accent"), ("  ", None)] if told else []

    def code_states(self) -> dict[str, str]:
        """The code judges of this app that are at work, each with how far its run is."""
        return {name: f"{run.done:.0%} done" for run in self._code for name in run.names}

    def watch(self) -> None:
        """Look at the ledger every half second from now on, as long as anything goes on or is looked at."""
        if not self._watched:
            self._watched = True
            self._app.set_timer(POLL_SECONDS, self._poll)

    def pause(self, name: str) -> str:
        """Have the runs of a judge wait, or go on; what was done, in words."""
        mine = [state for state in self.states if state.judge == name]
        if not mine:
            code = any(name in run.names for run in self._code)
            return (
                "Code judges are not paused: stopping keeps what was judged, and a new run goes on from there."
                if code
                else f"{name} is not running."
            )
        word = "run" if any(state.wanted == "pause" for state in mine) else "pause"
        self._ask_runs(mine, word)
        return f"{name} {'goes on' if word == 'run' else 'waits: no more calls are begun'}."

    def stop(self, name: str) -> str:
        """Have the runs of a judge begin no more; what was done, in words."""
        mine = [state for state in self.states if state.judge == name]
        code = [run for run in self._code if name in run.names]
        for run in code:
            run.token.cancel()
        waiting = [run for run in self._models if name in run.names and not run.sending]
        for one in waiting:
            one.worker.tell("stop")
        if mine:
            self._ask_runs(mine, "stop")
        if not (mine or code or waiting):
            return f"{name} is not running."
        return f"{name} stops: what was judged so far is kept."

    def _ask_runs(self, states: Sequence[RunState], word: str) -> None:
        annotator = self._app.context.annotator
        assert annotator is not None
        path, ids = annotator.store.path, [state.id for state in states]

        def work() -> None:
            with suppress(TraceviewError):
                for id in ids:
                    tell_ledger(path, partial(ask_of_run, run=id, wanted=word))

        threading.Thread(target=work, name="ask runs", daemon=True).start()

    # Leaving.

    def detach(self) -> None:
        """Let the workers go on by themselves; code judges stop with the app."""
        for run in self._models:
            run.left = True
            run.worker.tell("detach" if run.sending else "no")

    def stop_all(self) -> None:
        """Have every run of this app begin no more."""
        for run in self._models:
            run.left = True
            run.worker.tell("stop" if run.sending else "no")

    def close(self) -> None:
        """Wait until code judges have written what they judged; to be called when the app has ended."""
        for run in self._code:
            run.token.cancel()
        for run in self._code:
            if run.thread is not None:
                run.thread.join(CODE_SECONDS)
        for one in self._models:
            if not one.left:
                one.worker.tell("stop")

    # What comes from threads.

    def _on_loop(self, call: Callable[..., object], *given: Any) -> None:
        """Have something called on the event loop, without waiting; nothing comes of it once the app has ended."""
        self._app.call_later(call, *given)

    def _take(
        self, run: ModelRun, event: str, told: dict[str, Any], ready: Callable[[ModelRun], object]
    ) -> None:
        if event == "starting":
            run.said = f"{', '.join(run.names)}: looking for credentials …"
        elif event == "opening":
            run.said = f"{', '.join(run.names)}: opening the source …"
        elif event == "planning":
            run.said = planning_line(told)
        elif event == "planned":
            run.plans.append(told)
        elif event == "ready":
            run.said = f"{', '.join(run.names)}: waits for your answer"
            ready(run)
        elif event == "report":
            self._say(report_line(told))
            for line in end_lines(told):
                self._say(line, error=True)
        elif event == "error":
            hint = f" {told['hint']}" if told.get("hint") else ""
            self._say(f"{told['message']}{hint}", error=True)
        self._tell_screen()

    def _model_ended(self, run: ModelRun, code: int) -> None:
        self._models.remove(run)
        run.worker.close()
        nothing = run.plans and not any(plan["planned"] for plan in run.plans)
        if nothing:
            self._say("There is nothing left to judge there: all of it has a score, or was skipped.")
        elif code < 0:
            self._say("The process that asks models was ended; run again: nothing is paid twice.", error=True)
        if run.afterwards is not None and not run.left:
            run.afterwards()
        self._ended()

    def _code_ended(self, run: CodeRun, told: Sequence[str], error: bool) -> None:
        self._code.remove(run)
        for line in told:
            self._say(line, error=error)
        self._ended()

    def _ended(self) -> None:
        self._tell_screen()
        refresh: Callable[[], object] | None = getattr(self._app.screen, "runs_ended", None)
        if refresh is not None:
            refresh()

    def _say(self, sentence: str, *, error: bool = False) -> None:
        say: Callable[..., object] | None = getattr(self._app.screen, "say", None)
        if say is not None:
            say(sentence, error=error)
        else:
            self._app.notify(safe_line(sentence), severity="error" if error else "information", markup=False)

    def _poll(self) -> None:
        """Read the ledger in a thread; the next look follows when it was read."""
        annotator = self._app.context.annotator
        if annotator is None:
            return
        path = annotator.store.path

        def work() -> None:
            nothing: tuple[RunState, ...] = ()
            found = nothing
            with suppress(TraceviewError):
                found = ask_ledger(path, partial(runs, active=True), nothing)
            self._on_loop(self._polled, tuple(state for state in found if state.active))

        threading.Thread(target=work, name="ledger", daemon=True).start()

    def _polled(self, states: tuple[RunState, ...]) -> None:
        ended = {one.id for one in self.states} - {one.id for one in states}
        self.states = states
        self._tell_screen()
        take: Callable[[Sequence[RunState]], object] | None = getattr(self._app.screen, "take_runs", None)
        if take is not None:
            take(states)
        if ended:
            self._ended()
        if self.active or states or take is not None:
            self._app.set_timer(POLL_SECONDS, self._poll)
        else:
            self._watched = False

    def _tell_screen(self) -> None:
        told = self.parts()
        if told == self._told:
            return
        self._told = told
        tell: Callable[[], object] | None = getattr(self._app.screen, "show_status_again", None)
        if tell is not None:
            tell()
