"""`judge watch`: the judges that have a rule, over a store as traces arrive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.judge_options import calling_options
from traceview.cli.numbers import DOLLARS, Finite
from traceview.cli.settings import Settings, filter_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traceview.definitions.project import Project
    from traceview.model.judges import JudgeDefinition


@click.command("watch")
@click.argument("store")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@filter_option
@click.option(
    "--yes", is_flag=True, help="Begin without asking; this is consent to send the text, and noted."
)
@click.option("--budget", type=DOLLARS, metavar="USD", help="The most that this may cost until it is ended.")
@click.option(
    "--every",
    default=5.0,
    show_default=True,
    type=Finite(0.1),
    metavar="SECONDS",
    help="How often to look.",
)
@click.option(
    "--back",
    default="1d",
    show_default=True,
    metavar="TIME",
    help="What began earlier than that is not looked at any more.",
)
@calling_options
@click.pass_obj
def judge_watch(
    settings: Settings,
    store: str,
    names: tuple[str, ...],
    filter_text: str,
    yes: bool,
    budget: float | None,
    every: float,
    back: str,
    concurrency: int,
    timeout: float,
    progress: str,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Judge what arrives in STORE once it has settled, until Ctrl-C: the judges whose [rule] is enabled, or NAME...

    Late spans have a trace judged again, a new turn its conversation. What is older than --back is judged by
    `judge run` with a filter.
    """
    from traceview.cli.judge_run import check_may_send, run_models
    from traceview.cli.opening import load_definitions, overrides_for, parse_filter
    from traceview.cli.output import say
    from traceview.judges.job import Job

    parse_filter(filter_text)
    project = load_definitions(settings, (store,))
    judges = with_rules(project, names)
    models = [judge for judge in judges if judge.kind == "llm"]
    if models or not project.trusted:
        check_may_send(settings, project)
    job = Job(
        sources=(store,),
        judges=tuple(judge.name for judge in judges),
        config=None if settings.config is None else str(settings.config),
        overrides=overrides_for((store,), mapping, project),
        prompt_files=tuple(str(path) for path in settings.prompt_files),
        labels=None if labels is None else str(labels),
        filter=filter_text,
        budget_usd=budget,
        timeout=timeout,
        concurrency=concurrency,
        watch=every,
        back=_seconds(back),
    )
    for judge in judges:
        say(rule_sentence(judge))
    code = run_models(job, project, models, yes=yes, as_json=as_json, progress=progress)
    click.get_current_context().exit(code)


def with_rules(project: Project, names: Sequence[str]) -> list[JudgeDefinition]:
    """The judges of these names; without names those whose rule is enabled. Raises BadInput."""
    from traceview.judges.loading import load_judges
    from traceview.model.errors import BadInput

    found = load_judges(project).named(names)
    if names:
        return found
    found = [judge for judge in found if judge.enabled and judge.rule.enabled]
    if not found:
        hint = 'name one, or write [rule] enabled = true, settle = "10m" into its file'
        raise BadInput("no judge has a rule that is enabled", hint=hint)
    return found


def rule_sentence(judge: JudgeDefinition) -> str:
    """What a rule will do."""
    from traceview.text.human import duration

    told = [f"{judge.scope}s settled for {duration(judge.rule.settle_s * 1000)}"]
    if judge.rate < 1:
        told.append(f"{judge.rate:.0%} of them")
    if judge.where:
        told.append(f"that match {judge.where}")
    caps: list[Any] = []
    if judge.max_per_day is not None:
        caps.append(f"{judge.max_per_day:,} a day")
    if judge.kind == "code":
        told += caps
    elif judge.model is not None:
        if judge.usd_per_day is not None:
            caps.append(f"${judge.usd_per_day:g} a day")
        told.append(f"by {judge.model.id}, {', '.join(caps) if caps else 'with no daily limit'}")
    return f"{judge.name}: {', '.join(told)}"


def _seconds(text: str) -> float:
    from traceview.model.errors import BadInput
    from traceview.text.durations import BadTime, duration_ns

    try:
        return duration_ns(text.strip()) / 1e9
    except BadTime as error:
        raise BadInput(f"--back {text}: {error}", hint="a duration such as 12h or 7d") from error
