"""`judge run`: judges over a source, code first and free, then models in a process of their own, price first."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.judge_options import calling_options
from traceview.cli.numbers import DOLLARS
from traceview.cli.settings import Settings, filter_option

if TYPE_CHECKING:
    from traceview.definitions.project import Project
    from traceview.judges.job import Job
    from traceview.model.judges import JudgeDefinition


@click.command("run")
@click.argument("source")
@click.argument("names", nargs=-1, metavar="NAME...")
@filter_option
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Judge at most so many, the newest first.")
@click.option("--batch", is_flag=True, help="As message batches: half the price, done within a day.")
@click.option(
    "--yes", is_flag=True, help="Begin without asking; this is consent to send the text, and noted."
)
@click.option(
    "--unknown",
    type=click.Choice(("hold", "retry")),
    default="hold",
    show_default=True,
    help="Calls that were on the way when something broke, and may have been paid: leave them, or pay again.",
)
@click.option("--budget", type=DOLLARS, metavar="USD", help="The most that all of these may cost together.")
@calling_options
@click.pass_obj
def judge_run(
    settings: Settings,
    source: str,
    names: tuple[str, ...],
    filter_text: str,
    limit: int | None,
    batch: bool,
    yes: bool,
    unknown: str,
    budget: float | None,
    concurrency: int,
    timeout: float,
    progress: str,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Run the judges NAME... (all that are enabled without one) over SOURCE; their scores become labels.

    What has been judged already is not judged again. Model judges tell what they will cost and ask before any text is
    sent. Ctrl-C stops with what was judged so far; a second time waits for no call.
    """
    from traceview.cli.opening import load_definitions, overrides_for, parse_filter, remember_mapping
    from traceview.cli.output import say
    from traceview.judges.job import Job
    from traceview.model.errors import TraceviewError

    parse_filter(filter_text)
    project = load_definitions(settings, (source,))
    code, models = chosen(project, names)
    for judge in (*code, *models):
        if judge.max_per_day is not None:
            say(
                f"{judge.name}: max_per_day = {judge.max_per_day:,} holds for `judge watch`, not for this run"
            )
    overrides = overrides_for((source,), mapping, project)

    def run(judges: Sequence[JudgeDefinition]) -> int:
        from traceview.cli.judge_code import run_code

        if not judges:
            return 0
        return run_code(
            settings,
            source,
            judges,
            mapping=mapping,
            labels=labels,
            annotator=annotator,
            filter_text=filter_text,
            limit=limit,
            as_json=as_json,
        )

    if not models:
        click.get_current_context().exit(run(code))
    # those of which others say parts come last: by then the models may have
    asking = [judge for judge in code if judge.asked]
    code = [judge for judge in code if not judge.asked]
    code_exit = run(code)
    ran = f"; {len(code)} code {'judge' if len(code) == 1 else 'judges'} ran" if code else ""
    job = Job(
        sources=(source,),
        judges=tuple(judge.name for judge in models),
        config=None if settings.config is None else str(settings.config),
        overrides=overrides,
        prompt_files=tuple(str(path) for path in settings.prompt_files),
        labels=None if labels is None else str(labels),
        filter=filter_text,
        limit=limit,
        batch=batch,
        unknown=unknown,
        budget_usd=budget,
        timeout=timeout,
        concurrency=concurrency,
    )
    try:
        check_may_send(settings, project, ran)
        exit_code = run_models(job, project, models, yes=yes, as_json=as_json, progress=progress, ran=ran)
    except TraceviewError:
        # where no model may be asked, checks still decide what they decide alone
        run(asking)
        raise
    asking_exit = run(asking)
    remember_mapping((source,), mapping, project)
    click.get_current_context().exit(exit_code or code_exit or asking_exit)


def chosen(project: Project, names: Sequence[str]) -> tuple[list[JudgeDefinition], list[JudgeDefinition]]:
    """The code judges and the model judges of these names; all that are enabled without names. Raises BadInput."""
    from traceview.cli.output import say
    from traceview.judges.loading import load_judges, no_judges
    from traceview.model.errors import BadInput

    loaded = load_judges(project)
    found = loaded.named(names)
    if not names:
        found = [judge for judge in found if judge.enabled]
        for path, error in loaded.refused.items():
            say(f"left out: {path.name}: {error.message}")
        if not found:
            raise BadInput(no_judges(project) if not loaded.judges else "no judge is enabled: name one")
    return [one for one in found if one.kind == "code"], [one for one in found if one.kind == "llm"]


def check_may_send(settings: Settings, project: Project, ran: str = "") -> None:
    """Raise Refused where no text may leave this machine: `--offline`, or a project found beside the source."""
    from traceview.model.errors import Refused

    if settings.offline:
        raise Refused(f"--offline refuses to ask a model{ran}")
    if not project.trusted:
        raise Refused(
            f"{project.path} was found beside the source: its judges may not send text anywhere{ran}",
            hint=f"if it is yours: traceview --config {project.path} judge run ...",
        )


def run_models(
    job: Job,
    project: Project,
    models: Sequence[JudgeDefinition],
    *,
    yes: bool,
    as_json: bool,
    progress: str = "line",
    ran: str = "",
) -> int:
    """Have a worker do the job, with its plan told and agreed to first; the exit code. Raises TraceviewError."""
    from msgspec.structs import replace

    from traceview.cli.judge_words import Console, can_ask
    from traceview.definitions.consents import consented
    from traceview.judges.exchange import endpoint_of
    from traceview.judges.job import Worker
    from traceview.model.errors import BadInput

    if "-" in job.sources:
        raise BadInput(
            f"model judges cannot read standard input{ran}",
            hint="write it to a file, or import it into a store first",
        )
    endpoints = list(dict.fromkeys(endpoint_of(judge.model) for judge in models if judge.model is not None))
    given = set(endpoints) if yes else {one for one in consented(project.folder) if one in endpoints}
    if not yes and not can_ask():
        # the command ends with the plan: nothing is sent for it, not even to count tokens
        given = set()
    worker = Worker(replace(job, consented=tuple(given), go=yes))
    console = Console(as_json=as_json, progress=progress, endpoints=endpoints, ran=ran)
    try:
        with _interrupts(worker.tell, console.interrupted):
            for told in worker.events():
                event = told.pop("event", "")
                console.take(event, told)
                if event == "credentials" and yes:
                    _remember(project, endpoints)
                if event == "ready":
                    agreed = console.ask()
                    if agreed:
                        _remember(project, endpoints)
                    worker.tell("go" if agreed else "no")
        code = worker.wait()
    finally:
        worker.close()
    return console.exit_code(code)


def _remember(project: Project, endpoints: Sequence[str]) -> None:
    from traceview.cli.output import say
    from traceview.definitions.consents import consented, remember_consent

    known = consented(project.folder)
    for endpoint in endpoints:
        if endpoint not in known:
            path = remember_consent(project.folder, endpoint)
            say(f"noted in {path}: text of this project may be sent to {endpoint}")


@contextmanager
def _interrupts(tell: Callable[[str], None], said: Callable[[int], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM stop the worker, a second one waits for no call, a third one ends this process too."""
    count = 0

    def stop(number: int, _: Any) -> None:
        nonlocal count
        count += 1
        if count > 2:
            os._exit(128 + number)
        said(count)
        tell("stop" if count == 1 else "abort")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
