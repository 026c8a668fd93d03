"""`judge examples` and `judge log`: what a judge is shown of people's labels, and its versions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.settings import Settings, json_option, label_options, source_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from traceview.judges.examples import Drawable, Labelled
    from traceview.judges.history import Entry
    from traceview.judges.ledger.failures import Failures
    from traceview.model.judges import JudgeDefinition, PinnedExample
    from traceview.store.labels.judged import Version

SHOWN_CELLS = 160
"""Of what a model is shown of an example, in a table."""
EXAMPLE_COLUMNS = ("id", "value", "explanation", "problem", "shown")
LOG_COLUMNS = (
    "version",
    "note",
    "commits",
    "first",
    "last",
    "n",
    "pass_rate",
    "interval",
    "no_score",
    "current",
)


@click.command("examples")
@click.argument("source")
@click.argument("name")
@click.option(
    "--draw", type=click.IntRange(1, 20), metavar="N", help="Draw N of the labels of the train split."
)
@click.option("--balance", is_flag=True, help="As many of each value.")
@click.option(
    "--write", is_flag=True, help="Pin them in the judge's file, and keep what the model is shown of them."
)
@source_options
@label_options
@json_option
@click.pass_obj
def judge_examples(
    settings: Settings,
    source: str,
    name: str,
    draw: int | None,
    balance: bool,
    write: bool,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """The examples that the model judge NAME is shown: those that are pinned, or a new draw.

    They come from the train split alone, one of a conversation: what a judge has seen cannot measure it.
    """
    from traceview.cli.opening import opened
    from traceview.cli.output import print_json_lines, print_table, say
    from traceview.judges import examples
    from traceview.judges.loading import load_judges
    from traceview.model.errors import BadInput
    from traceview.text.cells import truncate

    with opened(
        settings, (source,), mapping=mapping, labels=labels, annotator=annotator, need_labels=True
    ) as found:
        (judge,) = load_judges(found.project).named([name])
        if judge.kind == "code" or judge.criteria:
            raise BadInput(f"{name} takes no examples: only model judges of one criterion do")
        assert found.labels is not None
        known = examples.labelled(found.engine, found.labels.store, judge)
        if draw is not None:
            chosen = examples.draw(judge, known.train, draw, balance=balance)
        else:
            chosen = [known.train[one] for one in judge.examples if one in known.train]
        contents, refused = examples.contents_of(found.engine, judge, chosen)
        problems = {} if draw is not None else _problems(judge, known)
    problems |= refused
    rows = _rows(judge, chosen, contents, problems, drawn=draw is not None)
    if as_json:
        print_json_lines(rows)
    else:
        cut = [row | {"shown": truncate(row["shown"] or "", SHOWN_CELLS)} for row in rows]
        print_table(cut, EXAMPLE_COLUMNS)
        if any(one["shown"] != row["shown"] for one, row in zip(cut, rows, strict=True) if row["shown"]):
            say("… marks texts that go on: --json gives them whole")
    say(_sentence(judge, known, contents, draw))
    if write:
        if problems:
            told = "; ".join(f"{one} {why}" for one, why in problems.items())
            raise BadInput(f"{len(problems)} examples cannot be shown: {told}")
        if not contents:
            raise BadInput(
                f"there is no example to write: {name} pins none", hint="--draw 6 --balance draws some"
            )
        changed = examples.pin(judge, contents, found.project)
        say(f"pinned {len(contents)} in {judge.path}: version {judge.hash[:12]} is {changed.hash[:12]} now")


@click.command("log")
@click.argument("arguments", nargs=-1, required=True, metavar="[SOURCE] NAME")
@click.option("--diff", "with_diff", is_flag=True, help="What changed in the file, by its history in git.")
@label_options
@json_option
@click.pass_obj
def judge_log(
    settings: Settings,
    arguments: tuple[str, ...],
    with_diff: bool,
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """The versions of the judge NAME: their notes, what changed, and with SOURCE when they judged and what passed.

    Pass rates of two versions are over what each of them judged: `judge diff` compares them on the same items.
    """
    from traceview.cli.opening import load_definitions, opened_labels
    from traceview.cli.output import print_json_lines, print_lines, print_table, say
    from traceview.judges.calibration_words import unreliable_words
    from traceview.judges.history import entries, file_versions
    from traceview.judges.ledger.failures import failures_of
    from traceview.judges.ledger.telling import ask_ledger
    from traceview.judges.loading import load_judges
    from traceview.store.labels.judged import versions_of

    if len(arguments) > 2:
        raise click.UsageError("expected [SOURCE] NAME")
    *source, name = arguments
    project = load_definitions(settings, source)
    (judge,) = load_judges(project).named([name])
    versions: Mapping[str, Version] = {}
    failures: dict[str, Failures] = {}
    if source:
        with opened_labels(settings, source, labels, annotator, project) as found:
            versions = versions_of(found.store, judge.name, judge.metric)
            failures = ask_ledger(found.store.path, partial(failures_of, judge=judge.name), failures)
    files, why = file_versions(judge, project)
    told = entries(judge, files, versions, failures)
    if as_json:
        print_json_lines(map(_entry_json, told))
    else:
        print_table(map(_entry_row, told), LOG_COLUMNS)
        if with_diff:
            for one in told:
                if one.diff:
                    print_lines([f"--- {one.judge_hash[:12]}  {one.note or ''}", *one.diff])
    for one in told:
        if one.unreliable:
            say(f"careful: {unreliable_words(one)}")
    for file in files:
        if file.wrong is not None:
            say(f"as of {file.commit or 'now'} the file could not be used: {file.wrong}")
    if why is not None:
        say(f"the history of the file is not known: {why}")


def _problems(judge: JudgeDefinition, known: Labelled) -> dict[str, str]:
    """What is wrong with pinned examples, by id."""
    problems = {}
    for one in judge.examples:
        if one not in known.values:
            problems[one] = f"carries no label for {judge.metric}"
        elif one not in known.train:
            problems[one] = "is not in the split train"
    return problems


def _rows(
    judge: JudgeDefinition,
    chosen: Sequence[Drawable],
    contents: Sequence[PinnedExample],
    problems: Mapping[str, str],
    *,
    drawn: bool,
) -> list[dict[str, Any]]:
    shown = {one.id: one for one in contents}
    held = {one.id for one in judge.pinned}
    ids = dict.fromkeys([one.target.id for one in chosen] + ([] if drawn else list(judge.examples)))
    values = {one.target.id: one.value for one in chosen}
    return [
        {
            "id": one,
            "value": values.get(one),
            "explanation": shown[one].explanation if one in shown else None,
            "pinned": one in judge.examples,
            "kept": one in held,
            "problem": problems.get(one),
            "variables": dict(shown[one].variables) if one in shown else None,
            "shown": " | ".join(shown[one].variables.values()) if one in shown else None,
        }
        for one in ids
    ]


def _sentence(
    judge: JudgeDefinition, known: Labelled, contents: Sequence[PinnedExample], draw: int | None
) -> str:
    what = f"{len(known.train):,} of {len(known.values):,} labels of {judge.metric} are in the split train"
    if known.tied:
        what += f"; {known.tied:,} more are ties"
    if draw is not None and len(contents) < draw:
        what += f"; only {len(contents)} of {draw} could be drawn"
    return what


def _entry_json(entry: Entry) -> dict[str, Any]:
    return {
        "judge_hash": entry.judge_hash,
        "note": entry.note,
        "commits": list(entry.commits),
        "current": entry.current,
        "first": entry.first,
        "last": entry.last,
        "scored": entry.scored,
        "k": entry.k,
        "n": entry.n,
        "pass_rate": entry.k / entry.n if entry.k is not None and entry.n else None,
        "ci95": list(entry.ci95) if entry.ci95 else None,
        "without_score": dict(entry.failures.reasons),
        "diff": list(entry.diff),
    }


def _entry_row(entry: Entry) -> dict[str, Any]:
    from traceview.text.human import interval, share

    return {
        "version": entry.judge_hash[:12] or "(none)",
        "note": entry.note,
        "commits": ", ".join(entry.commits),
        "first": entry.first and entry.first[:19],
        "last": entry.last and entry.last[:19],
        "n": entry.n or None,
        "pass_rate": share(entry.k / entry.n) if entry.k is not None and entry.n else None,
        "interval": interval(entry.ci95),
        "no_score": entry.without_score or None,
        "current": "current" if entry.current else "",
    }
