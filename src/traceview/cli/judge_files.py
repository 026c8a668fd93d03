"""`judge list` and `judge new`: the files of judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.settings import Settings, json_option, label_options
from traceview.text.preview import collapse

if TYPE_CHECKING:
    from traceview.definitions.project import Project
    from traceview.judges.loading import LoadedJudges
    from traceview.store.labels.store import LabelStore

COLUMNS = ("name", "kind", "state", "metric", "scope", "rate", "version", "note", "file")
SHOWN_HASH = 12
LONGEST_ERROR = 200


@click.command("list")
@click.argument("source", required=False)
@label_options
@json_option
@click.pass_obj
def judge_list(
    settings: Settings, source: str | None, labels: Path | None, annotator: str | None, as_json: bool
) -> None:
    """The judges of the project: a file each in judges/ beside traceview.toml.

    With SOURCE also how many of its items the version in the file has scored, and how many have no score since its
    checks or calls failed, by reason.
    """
    from traceview.cli.opening import load_definitions
    from traceview.cli.output import print_json_lines, print_table, say
    from traceview.judges.loading import load_judges, no_judges

    project = load_definitions(settings, () if source is None else (source,))
    loaded = load_judges(project)
    rows = _rows(loaded)
    if source is not None:
        from traceview.cli.opening import opened_labels

        with opened_labels(settings, (source,), labels, annotator, project) as found:
            rows = _with_outcomes(rows, loaded, found.store)
    if as_json:
        print_json_lines(rows)
    else:
        columns = COLUMNS if source is None else (*COLUMNS[:5], "scored", "failed", *COLUMNS[5:])
        print_table((_shown(row) for row in rows), columns)
    for row in rows:
        if row.get("last_error"):
            say(f"{row['name']} failed, such as: {row['last_error']}")
    for error in loaded.refused.values():
        say(f"refused: {error}")
    if not rows:
        say(no_judges(project))


@click.command("new")
@click.argument("name", required=False)
@click.option(
    "--template", metavar="NAME", help="What is checked; without a NAME of the judge they are listed."
)
@click.option("--from-feedback", "feedback", metavar="NAME", help="Ask what this definition asks people.")
@click.option("--from-mode", "mode", metavar="MODE", help="Look for this failure mode; with --source.")
@click.option("--source", metavar="SOURCE", help="Where people noted the failure mode.")
@click.option(
    "--metric", metavar="NAME", help="The feedback that it gives, if it is not called like the judge."
)
@click.option("--force", is_flag=True, help="Replace a file of this name.")
@label_options
@click.pass_obj
def judge_new(
    settings: Settings,
    name: str | None,
    template: str | None,
    feedback: str | None,
    mode: str | None,
    source: str | None,
    metric: str | None,
    force: bool,
    labels: Path | None,
    annotator: str | None,
) -> None:
    """Write judges/NAME.toml from a template, a feedback definition or a failure mode.

    Model judges are drafts (enabled = false) until they are measured against labels of people.
    """
    from traceview.cli.opening import load_definitions
    from traceview.cli.output import print_table, say
    from traceview.definitions import judge_making as making
    from traceview.definitions.document import parse_document
    from traceview.definitions.judge_files import judges_folder
    from traceview.judges.loading import parsed
    from traceview.model.errors import BadInput

    given = [one for one in (template, feedback, mode) if one is not None]
    if name is None and not given:
        rows = [{"template": one, "checks": about} for one, about in making.templates().items()]
        print_table(rows, ("template", "checks"))
        return
    if len(given) != 1:
        raise BadInput(
            "one of --template, --from-feedback and --from-mode says what is judged",
            hint="`traceview judge new` alone lists the templates",
        )
    project = load_definitions(settings, ())
    name = making.checked_name(name or template or feedback or "")
    if template is not None:
        text = making.from_template(name, template, metric, project)
    elif feedback is not None:
        text = making.from_feedback(name, _definition(project, feedback))
    else:
        text = _of_mode(settings, project, name, mode or "", source, labels, annotator)
    path = judges_folder(project) / f"{name}.toml"
    if template == making.OWN:
        if path.exists() and not force:
            raise BadInput(f"{path} is there already", hint="choose another name, or --force to replace it")
        check = making.write_check(project, name)
        say(f"wrote {check}" if check else f"{making.CHECKS_FOLDER}/{name}.py is there already: it is kept")
    judge = parsed(parse_document(path, text), project)
    making.write_judge(project, name, text, force=force)
    state = "" if judge.enabled else ", a draft: enabled = true once it is calibrated"
    say(f"wrote {path}: gives {judge.metric} to a {judge.scope}{state}")


def _rows(loaded: LoadedJudges) -> list[dict[str, Any]]:
    from traceview.model.checks import ASKED

    rows: list[dict[str, Any]] = [
        {
            "name": one.name,
            "kind": one.kind,
            "state": "enabled" if one.enabled else "draft",
            "metric": one.metric,
            "scope": one.scope,
            "rate": one.rate,
            "where": one.where,
            "rule": one.rule.enabled,
            "model": one.model.id if one.model else None,
            "checks": [
                *(check.use for check in one.checks),
                *(f"{ASKED}{part.judge}" for part in one.asked),
            ],
            "examples": len(one.examples),
            "note": one.version_note,
            "judge_hash": one.hash,
            "rule_hash": one.rule_hash,
            "file": str(one.path),
            "error": None,
        }
        for one in loaded.judges
    ]
    for path, error in loaded.refused.items():
        empty = dict.fromkeys(rows[0] if rows else _COLUMNS_OF_ROW)
        rows.append(
            {**empty, "name": path.stem, "state": "refused", "file": str(path), "error": error.message}
        )
    return sorted(rows, key=lambda row: str(row["name"]))


def _with_outcomes(
    rows: Sequence[dict[str, Any]], loaded: LoadedJudges, store: LabelStore
) -> list[dict[str, Any]]:
    """The rows with what came of the version in each file over a source."""
    from traceview.judges.ledger.failures import Failures, failures_of
    from traceview.judges.ledger.telling import ask_ledger
    from traceview.store.labels.judged import versions_of

    told: dict[str, dict[str, Any]] = {}
    nothing: dict[str, Failures] = {}
    for one in loaded.judges:
        version = versions_of(store, one.name, one.metric).get(one.hash)
        failures = ask_ledger(store.path, partial(failures_of, judge=one.name), nothing)
        failed = failures.get(one.hash, Failures())
        told[str(one.path)] = {
            "scored": 0 if version is None else len(version.values),
            "failed": dict(failed.reasons),
            "last_error": collapse(failed.message, LONGEST_ERROR) or None,
        }
    empty = {"scored": None, "failed": None, "last_error": None}
    return [{**row, **told.get(row["file"], empty)} for row in rows]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row as the table has it."""
    failed = row.get("failed")
    words = ", ".join(f"{count:,} {reason}" for reason, count in sorted(failed.items())) if failed else None
    return {**row, "version": (row["judge_hash"] or "")[:SHOWN_HASH], "failed": words}


_COLUMNS_OF_ROW = (
    "name", "kind", "state", "metric", "scope", "rate", "where", "rule", "model", "checks", "examples", "note",
    "judge_hash", "rule_hash", "file", "error",
)  # fmt: skip


def _definition(project: Project, name: str) -> Any:
    from traceview.definitions.document import nearest
    from traceview.model.errors import BadInput

    definition = project.definition(name)
    if definition is None:
        hint = nearest(name, [one.name for one in project.definitions])
        raise BadInput(f"the project defines no feedback {name!r}", hint=hint)
    return definition


def _of_mode(
    settings: Settings,
    project: Project,
    name: str,
    mode: str,
    source: str | None,
    labels: Path | None,
    annotator: str | None,
) -> str:
    from traceview.annotation.modes import mode_figures
    from traceview.cli.opening import opened_labels
    from traceview.definitions.document import nearest
    from traceview.definitions.judge_making import from_mode
    from traceview.model.errors import BadInput
    from traceview.text.redact import Redactor

    if source is None:
        raise BadInput("--from-mode needs --source SOURCE: the notes are in its label file")
    with opened_labels(settings, (source,), labels, annotator, project) as found:
        rows = found.store.current()
    figures = {one.mode.name: one for one in mode_figures(rows, project.modes)}
    if mode not in figures:
        raise BadInput(
            f"nobody gave the failure mode {mode!r}", hint=nearest(mode, figures) if figures else None
        )
    figure = figures[mode]
    targets = set(figure.targets)
    said = [
        str(text)
        for row in rows
        if row.target in targets and row.source == "human"
        for text in ((row.value if row.name == "note" else row.reason),)
        if text
    ]
    redactor = Redactor()
    notes = [redactor.text(one) for one in dict.fromkeys(said)]
    ((scope, _),) = Counter(target.kind for target in figure.targets).most_common(1)
    return from_mode(name, mode, figure.mode.description, notes, len(notes), scope)
