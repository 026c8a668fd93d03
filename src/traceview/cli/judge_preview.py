"""`judge preview` and `judge paths`: what would be sent, and what there is to send."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.settings import Settings, filter_option, json_option, label_options, source_options

if TYPE_CHECKING:
    from traceview.judges.hits import Hits
    from traceview.judges.previewing import Preview
    from traceview.model.judges import JudgeDefinition

HIT_COLUMNS = ("variable", "path", "found", "of", "sample")


@click.command("preview")
@click.argument("source")
@click.argument("name")
@click.argument("target", required=False)
@filter_option
@source_options
@label_options
@json_option
@click.pass_obj
def judge_preview(
    settings: Settings,
    source: str,
    name: str,
    target: str | None,
    filter_text: str,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """What the model judge NAME would be sent for one TARGET (default: the newest that matches). Sends nothing.

    The texts are those that would be sent, redacted; only the six characters at the end of the tags differ from call to
    call. With --json also the whole body of the request. Tokens are estimated: characters divided by 3.2.
    """
    from traceview.cli.opening import opened, parse_filter
    from traceview.cli.output import json_line, print_table, say
    from traceview.judges.code_run import filter_of
    from traceview.judges.hits import hits_in
    from traceview.judges.loading import load_judges
    from traceview.judges.previewing import facts_of, preview, previewed_target
    from traceview.model.errors import BadInput
    from traceview.text.safe import safe

    with opened(settings, (source,), mapping=mapping, labels=labels, annotator=annotator) as found:
        (judge,) = load_judges(found.project).named([name])
        if judge.kind == "code":
            hint = f"`traceview judge run {source} {name}`"
            raise BadInput(f"{name} is a judge of kind code: nothing is sent", hint=hint)
        where = filter_of(judge, parse_filter(filter_text))
        chosen = previewed_target(found.engine, judge, target, where)
        told = preview(found.engine, judge, chosen, found.project.prices)
        hits = hits_in(found.engine, judge, where)
    if as_json:
        click.echo(json_line(_json(judge, told, hits)))
        return
    if told.call is not None:
        click.echo(
            f"--- system\n{safe(told.call.system)}\n--- user\n{safe(told.call.user)}\n--- schema of the reply"
        )
        click.echo(json_line(told.call.schema))
    print_table(map(_hit, hits), HIT_COLUMNS)
    for line in facts_of(judge, told):
        say(line)


@click.command("paths")
@click.argument("source")
@click.option(
    "--scope",
    type=click.Choice(("span", "trace", "thread")),
    default="trace",
    show_default=True,
    help="Of what.",
)
@click.option(
    "--last", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many are looked at."
)
@filter_option
@source_options
@label_options
@json_option
@click.pass_obj
def judge_paths(
    settings: Settings,
    source: str,
    scope: Any,
    last: int,
    filter_text: str,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Every path that a variable of a judge may have, how often it finds something, and what it finds.

    Paths of up to seven names; what is deeper is found by paths of your own.
    """
    from traceview.cli.opening import opened, parse_filter
    from traceview.cli.output import print_json_lines, print_table, say
    from traceview.judges.hits import paths_in

    with opened(settings, (source,), mapping=mapping, labels=labels, annotator=annotator) as found:
        paths = paths_in(found.engine, scope, parse_filter(filter_text), last)
    rows = [{"path": one.path, "found": one.found, "of": one.of, "sample": one.sample} for one in paths]
    if as_json:
        print_json_lines(rows)
    else:
        print_table(rows, ("path", "found", "of", "sample"))
    say(f"{len(rows):,} paths in the last {rows[0]['of'] if rows else 0:,} {scope}s")


def _hit(hit: Hits) -> dict[str, Any]:
    return {"variable": hit.name, "path": hit.path, "found": hit.found, "of": hit.of, "sample": hit.sample}


def _json(judge: JudgeDefinition, told: Preview, hits: tuple[Hits, ...]) -> dict[str, Any]:
    call, estimate = told.call, told.estimate
    return {
        "judge": judge.name,
        "judge_hash": judge.hash,
        "target_kind": told.target.kind,
        "target_id": told.target.id,
        "trace_id": told.target.trace_id,
        "endpoint": told.endpoint,
        "outcome": told.skipped.outcome if told.skipped else None,
        "reason": told.skipped.reason if told.skipped else None,
        "explanation": told.skipped.explanation if told.skipped else None,
        "request": told.body,
        "input_hash": call.input_hash if call else None,
        "call_key": call.call_key if call else None,
        "truncated": list(call.truncated) if call else [],
        "injection_suspected": call.injection_suspected if call else None,
        "redactions": dict(call.redactions) if call else {},
        "calls": estimate.calls if estimate else 0,
        "input_tokens": estimate.input_tokens if estimate else None,
        "output_tokens": estimate.output_tokens if estimate else None,
        "usd": estimate.usd if estimate else None,
        "usd_low": estimate.usd_low if estimate else None,
        "usd_high": estimate.usd_high if estimate else None,
        "variables": [_hit(one) for one in hits],
    }
