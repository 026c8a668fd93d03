"""The process that asks models: `python -m traceview.judges.worker`, with a Job as the first line of its input.

Each line that follows is a word of its parent (`job.Worker.tell`); it answers with JSON lines on its standard output.
Neither the command line nor the app imports the SDK, which takes seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traceview.definitions.judge_settings import judge_settings
from traceview.definitions.project import Project, load_project
from traceview.judges.exchange import endpoint_of
from traceview.judges.job import Job
from traceview.judges.ledger.file import ledger_path
from traceview.judges.ledger.ledger import Ledger
from traceview.judges.loading import load_judges
from traceview.judges.running.judge_run import JudgeRun, Planned, RunOptions
from traceview.judges.running.pace import Pace
from traceview.judges.watching import Watch
from traceview.model.errors import BadInput, Cancelled, Refused, TraceviewError, sentence_of
from traceview.model.judges import JudgeDefinition, Judgement, RenderedCall
from traceview.store.interface import CancelToken, Engine
from traceview.store.labels.ids import uuid7
from traceview.store.labels.location import label_location
from traceview.store.labels.store import LabelStore

if TYPE_CHECKING:
    from traceview.judges.client import JudgeClient

NICE = 10
_EXIT_OF = {"credentials": 3, "billing": 3, "bad_request": 2, "not_found": 2, "cancel": 130}


class Worker:
    """Plans every judge of a job, waits for the word to go, then sends one judge's calls after the other's."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._token = CancelToken()
        self._answer: asyncio.Future[bool] | None = None
        self._said: bool | None = True if job.go else None
        self._runs: list[JudgeRun] = []
        self._watching: Watch | None = None
        self._stopping = 0
        self._detached = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> int:
        """Do the job; the exit code. Raises TraceviewError."""
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._loop.add_signal_handler(number, self.stop)
        threading.Thread(target=self._listen, name="told", daemon=True).start()
        project = load_project(
            None if self._job.config is None else Path(self._job.config),
            [Path(one) for one in self._job.sources if one != "-"],
        )
        judges = trusted_judges(project, self._job)
        tell("starting", {"judges": [judge.name for judge in judges], "pid": os.getpid()})
        clients: dict[str, JudgeClient] = {}
        try:
            for judge in judges:
                if judge.kind == "llm":
                    clients[judge.name] = await asyncio.to_thread(_client, judge, self._job.timeout)
            # consent is noted by the parent only now: without credentials nothing could be sent
            tell("credentials", {"judges": list(clients)})
            with ExitStack() as stack:
                labels, ledger = self._stores(stack, project)
                if self._job.watch is not None:
                    return await self._watch(project, judges, clients, labels, ledger, self._job.watch)
                return await self._judge(project, judges, clients, labels, ledger)
        finally:
            for client in clients.values():
                with suppress(Exception):
                    await client.close()

    def _stores(self, stack: ExitStack, project: Project) -> tuple[LabelStore, Ledger]:
        """The label file and the ledger, open as long as the stack is."""
        job = self._job
        location = label_location(
            job.sources,
            labels=None if job.labels is None else Path(job.labels),
            project_labels=project.labels,
        )
        labels = LabelStore.open(location.path, base=location.base)
        stack.callback(labels.close)
        ledger = Ledger(ledger_path(location.path))
        stack.callback(ledger.close)
        return labels, ledger

    async def _watch(
        self,
        project: Project,
        judges: list[JudgeDefinition],
        clients: Mapping[str, JudgeClient],
        labels: LabelStore,
        ledger: Ledger,
        seconds: float,
    ) -> int:
        """Follow the store until it is told to stop."""
        if clients and not await self._is_wanted():
            tell("declined", {})
            return 0
        engine = await asyncio.to_thread(self._open, project, labels)
        try:
            self._watching = Watch(
                engine,
                ledger,
                labels,
                project,
                judges,
                clients,
                self._options(uuid7(), project),
                back_seconds=self._job.back,
                tell=tell,
            )
            tell("watching", {})
            if self._stopping:
                return 0
            return await self._watching.follow(seconds)
        finally:
            await asyncio.to_thread(engine.close)

    def _options(self, command: str, project: Project) -> RunOptions:
        job = self._job
        return RunOptions(
            filter=job.filter,
            limit=job.limit,
            batch=job.batch,
            unknown="retry" if job.unknown == "retry" else "hold",
            budget_usd=job.budget_usd,
            day_usd=judge_settings(project).usd_per_day,
            command=command,
            concurrency=job.concurrency,
        )

    async def _judge(
        self,
        project: Project,
        judges: list[JudgeDefinition],
        clients: Mapping[str, JudgeClient],
        labels: LabelStore,
        ledger: Ledger,
    ) -> int:
        options = self._options(uuid7(), project)
        for judge in judges:
            assert judge.model is not None
            run = JudgeRun(
                ledger,
                labels,
                judge,
                options,
                price=project.prices.of(judge.model.id),
                endpoint=endpoint_of(judge.model),
                tell=lambda name, fields, judge=judge: tell(name, {"judge": judge.name, **fields}),  # type: ignore[misc]
            )
            self._runs.append(run)
        try:
            await asyncio.to_thread(self._begin)
            plans = await self._plan(project, labels, clients)
        except BaseException:
            for run in self._runs:
                with suppress(Exception):
                    run.decline()
            raise
        wanted = any(planned.plan.planned for planned in plans)
        if wanted and not await self._is_wanted():
            for run in self._runs:
                run.decline()
            tell("declined", {})
            return 0
        return await self._send(clients)

    def _begin(self) -> None:
        for run in self._runs:
            unknown = run.begin()
            if unknown:
                tell("lost", {"judge": run.judge.name, "calls": unknown})

    async def _plan(
        self, project: Project, labels: LabelStore, clients: Mapping[str, JudgeClient]
    ) -> list[Planned]:
        tell("opening", {"judges": [run.judge.name for run in self._runs]})
        engine = await asyncio.to_thread(self._open, project, labels)
        try:
            plans = []
            for run in self._runs:
                planned = await asyncio.to_thread(self._plan_one, engine, run)
                if planned.plan.planned and endpoint_of(run.model) in self._job.consented:
                    planned = await run.count_tokens(clients[run.judge.name])
                plans.append(planned)
                tell("planned", told_of(run, planned))
            return plans
        finally:
            await asyncio.to_thread(engine.close)

    def _open(self, project: Project, labels: LabelStore) -> Engine:
        from traceview.definitions.prompt_files import PromptFiles
        from traceview.store.open import open_engine

        files = PromptFiles.of(
            project.folder, [Path(one) for one in self._job.prompt_files], trusted=project.trusted
        )
        engine = open_engine(
            self._job.sources,
            overrides=self._job.overrides,
            labels=labels,
            prices=project.prices,
            prompt_files=files,
        )
        try:
            engine.wait_ready()
        except BaseException:
            engine.close()
            raise
        return engine

    def _plan_one(self, engine: Engine, run: JudgeRun) -> Planned:
        from traceview.judges.running.rendered import rendered_items, rendered_most

        most = rendered_most(engine, run.judge, self._job.filter, self._job.targets, self._token)
        tell("planning", {"judge": run.judge.name, "looked_at": 0, "of": most})
        items = rendered_items(engine, run.judge, self._job.filter, self._job.targets, self._token)
        return run.make_plan(self._watched(run, items, most))

    def _watched(
        self, run: JudgeRun, items: Iterator[RenderedCall | Judgement], most: int
    ) -> Iterator[RenderedCall | Judgement]:
        """The same, telling now and then how far it is."""
        last = time.monotonic()
        for number, one in enumerate(items, start=1):
            self._token.check()
            if time.monotonic() - last > 0.5:
                last = time.monotonic()
                tell("planning", {"judge": run.judge.name, "looked_at": number, "of": most})
            yield one

    async def _is_wanted(self) -> bool:
        """Wait for `go` or `no`."""
        if self._said is None:
            assert self._loop is not None
            self._answer = self._loop.create_future()
            tell("ready", {})
            self._said = await self._answer
        return self._said

    async def _send(self, clients: Mapping[str, JudgeClient]) -> int:
        code = 0
        paces: dict[str, Pace] = {}
        for run in self._runs:
            endpoint = endpoint_of(run.model)
            pace = paces.setdefault(endpoint, Pace(time.monotonic, ceiling=self._job.concurrency))
            report = await run.send(clients[run.judge.name], pace)
            tell("report", report)
            code = code or _EXIT_OF.get(report["stopped_by"] or "", 0)
        return code

    def stop(self) -> None:
        """Begin no more calls; a second time wait for none."""
        self._stopping += 1
        self._token.cancel()
        if self._watching is not None:
            self._watching.stop()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(False)
        for run in self._runs:
            if self._stopping > 1:
                run.abort()
            else:
                run.stop()

    def _listen(self) -> None:
        """The words of the parent, in a thread: its end of the pipe may close at any time."""
        assert self._loop is not None
        for line in sys.stdin.buffer:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._hear, line.strip().decode(errors="replace"))
        if not self._detached:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._hear, "stop")

    def _hear(self, word: str) -> None:
        if word == "detach":
            self._detached = True
        elif word in ("go", "no"):
            self._said = word == "go"
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(self._said)
        elif word == "stop":
            self.stop()
        elif word == "abort":
            self._stopping = max(1, self._stopping)
            self.stop()
        elif word in ("pause", "resume"):
            for run in self._runs:
                run.pause(word == "pause")


def trusted_judges(project: Project, job: Job) -> list[JudgeDefinition]:
    """The model judges of a job; to watch, all of its judges.

    Raises BadInput, and Refused for a project that was found beside the source: it sends no text and runs no code.
    """
    if not project.trusted:
        raise Refused(
            f"{project.path} was found beside the source: its judges may not send text anywhere",
            hint=f"if it is yours: --config {project.path}",
        )
    found = load_judges(project).named(job.judges)
    if job.watch is not None:
        return found
    found = [judge for judge in found if judge.kind == "llm"]
    if not found:
        raise BadInput("none of these judges asks a model", hint='kind = "llm" in its file makes one')
    return found


def told_of(run: JudgeRun, planned: Planned) -> dict[str, Any]:
    """A plan as it is told before anything is sent."""
    plan = planned.plan
    return {
        "judge": run.judge.name,
        "judge_hash": run.judge.hash,
        "run": run.id,
        "model": run.model.id,
        "endpoint": endpoint_of(run.model),
        "redaction": run.judge.redaction.profile,
        "planned": plan.planned,
        "limited": plan.limited,
        "already_done": plan.already_done,
        "held": plan.held,
        "elsewhere": plan.elsewhere,
        "skipped": dict(plan.skipped),
        "cut": plan.cut,
        "injection_suspected": plan.suspected,
        "redactions": dict(plan.redactions),
        "estimate": planned.estimate.as_json(),
    }


def _client(judge: JudgeDefinition, timeout: float) -> JudgeClient:
    """The client of a judge; the import of the SDK is what takes long."""
    from traceview.judges.client import JudgeClient

    assert judge.model is not None
    return JudgeClient(judge.model, timeout=timeout)


_telling = threading.Lock()


def tell(event: str, fields: Mapping[str, Any]) -> None:
    """One line to the parent; whether anybody still reads it does not matter."""
    line = json.dumps({"event": event, **fields}).encode() + b"\n"
    with _telling, suppress(OSError):
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()


def main() -> None:
    """Read the job, do it, and end with its exit code."""
    try:
        job = Job.of_line(sys.stdin.buffer.readline())
        if job.behind:
            # somebody presses keys meanwhile, and calls mostly wait anyway
            os.nice(NICE)
        code = asyncio.run(Worker(job).run())
    except Cancelled:
        code = Cancelled.exit_code
        tell("cancelled", {})
    except TraceviewError as error:
        code = error.exit_code
        tell("error", {"message": error.message, "hint": error.hint, "exit_code": code})
    except Exception as error:  # noqa: BLE001 - the parent says it
        code = 70
        import traceback

        said = traceback.format_exc()
        tell("error", {"message": sentence_of(error)[0], "hint": None, "exit_code": code, "traceback": said})
    # threads of libraries must not keep a finished worker alive
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
