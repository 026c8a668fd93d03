"""`judge notes` and `judge dispute`: what people say of verdicts that differ from the labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from traceview.cli.settings import Settings, json_option, label_options, source_options

if TYPE_CHECKING:
    from traceview.model.verdict_notes import VerdictNote

COLUMNS = ("created_at", "judge", "kind", "target_id", "text", "annotator")
KINDS = {"judge-wrong": "judge_wrong", "human-wrong": "human_wrong", "unclear": "unclear"}


@click.command("notes")
@click.argument("source")
@click.argument("name", required=False)
@label_options
@json_option
@click.pass_obj
def judge_notes(
    settings: Settings,
    source: str,
    name: str | None,
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """What people said of verdicts (of the judge NAME): who was wrong, and what the rubric leaves open."""
    from traceview.cli.opening import opened_labels
    from traceview.cli.output import print_json_lines, print_table
    from traceview.store.labels.verdict_notes import notes

    with opened_labels(settings, (source,), labels, annotator) as found:
        rows = list(map(_row, notes(found.store, name)))
        if as_json:
            print_json_lines(rows)
        else:
            print_table(rows, COLUMNS)


@click.command("dispute")
@click.argument("source")
@click.argument("name")
@click.argument("target")
@click.argument("kind", type=click.Choice(tuple(KINDS)))
@click.argument("text", default="")
@click.option("--metric", metavar="NAME", help="Of a judge with parts: this one.")
@source_options
@label_options
@click.pass_obj
def judge_dispute(
    settings: Settings,
    source: str,
    name: str,
    target: str,
    kind: str,
    text: str,
    metric: str | None,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
) -> None:
    """Say who is wrong where the judge NAME and the label of TARGET differ, or that the rubric is unclear.

    judge-wrong keeps the label, human-wrong gives the target the judge's value as your own label, unclear takes TEXT,
    what the definition leaves open. Each is a row; `judge notes` lists them.
    """
    from traceview.cli.judge_calibrate import judge_of
    from traceview.cli.opening import opened
    from traceview.cli.output import say
    from traceview.judges.calibration import Compared
    from traceview.judges.disputing import WORDS, dispute
    from traceview.judges.versions import Wish, chosen_version
    from traceview.model.errors import BadInput
    from traceview.model.verdict_notes import VerdictNoteKind
    from traceview.store.labels.judged import versions_of

    with opened(
        settings, (source,), mapping=mapping, labels=labels, annotator=annotator, need_labels=True
    ) as opened_source:
        found = opened_source.labels
        assert found is not None
        judge = judge_of(found, name, metric)
        resolved = opened_source.engine.resolve(target)
        version, _ = chosen_version(versions_of(found.store, judge.name, judge.metric), judge, Wish())
        if resolved not in version.values:
            raise BadInput(f"{judge.name} has not scored {resolved.kind} {resolved.id}")
        item = Compared(resolved, None, version.values[resolved])
        what = cast(VerdictNoteKind, KINDS[kind])
        dispute(found.annotator(), judge, version.judge_hash, item, what, text)
        say(f"noted of {resolved.kind} {resolved.id}: {WORDS[what]}")


def _row(note: VerdictNote) -> dict[str, Any]:
    return {
        "id": note.id,
        "judge": note.judge,
        "judge_hash": note.judge_hash,
        "metric": note.metric,
        "definition_hash": note.definition_hash,
        "target_kind": note.target.kind,
        "target_id": note.target.id,
        "trace_id": note.target.trace_id,
        "kind": note.kind,
        "text": note.text,
        "annotator": note.annotator,
        "created_at": note.created_at,
    }
