"""`judge list`, `judge new` and `judge check`: the files of judges."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.settings import Settings, filter_option, json_option, label_options, source_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traceview.definitions.project import Project
    from traceview.judges.loading import LoadedJudges
    from traceview.model.judges import JudgeDefinition

COLUMNS = ("name", "kind", "state", "metric", "scope", "rate", "version", "note", "file")
HIT_COLUMNS = ("judge", "variable", "path", "found", "of", "sample")
SHOWN_HASH = 12
DRY_RENDERS = 3


@click.command("list")
@json_option
@click.pass_obj
def judge_list(settings: Settings, as_json: bool) -> None:
    """The judges of the project: a file each in judges/ beside traceview.toml."""
    from traceview.cli.opening import load_definitions
    from traceview.cli.output import print_json_lines, print_table, say
    from traceview.judges.loading import load_judges, no_judges

    project = load_definitions(settings, ())
    loaded = load_judges(project)
    rows = _rows(loaded)
    if as_json:
        print_json_lines(rows)
    else:
        print_table(({**row, "version": (row["judge_hash"] or "")[:SHOWN_HASH]} for row in rows), COLUMNS)
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
    judge = parsed(parse_document(path, text), project)
    making.write_judge(project, name, text, force=force)
    state = "" if judge.enabled else ", a draft: enabled = true once it is calibrated"
    say(f"wrote {path}: gives {judge.metric} to a {judge.scope}{state}")


@click.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--source", metavar="SOURCE", help="Look at the last 100 traces too: hit rates, examples, a dry run."
)
@filter_option
@source_options
@label_options
@json_option
@click.pass_obj
def judge_check(
    settings: Settings,
    names: tuple[str, ...],
    source: str | None,
    filter_text: str,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Check judge files, without a key and without the network; exit code 2 if one cannot be used."""
    from traceview.cli.opening import load_definitions
    from traceview.cli.output import print_json_lines, say
    from traceview.judges.checking import warnings_of
    from traceview.judges.loading import load_judges, no_judges
    from traceview.model.errors import BadInput

    project = load_definitions(settings, (source,) if source else ())
    loaded = load_judges(project)
    chosen, wrong = _named(loaded, names)
    told: dict[str, list[str]] = {one.name: list(warnings_of(one)) for one in chosen}
    hits: list[dict[str, Any]] = []
    if source is not None and chosen:
        hits = _against(settings, source, filter_text, mapping, labels, annotator, chosen, told, wrong)
    if as_json:
        print_json_lines(_checked(chosen, told, wrong, hits))
    else:
        _say_checked(chosen, told, hits)
    for where, error in wrong:
        if not as_json:
            say(f"refused: {where}: {error}" if where else f"refused: {error}")
    if not chosen and not wrong:
        say(no_judges(project))
    if wrong:
        of = len(chosen) + sum(not where for where, _ in wrong)
        count = len({where or str(error) for where, error in wrong})
        raise BadInput(f"{count} of {of:,} {'judge' if of == 1 else 'judges'} cannot be used as they are")


def _rows(loaded: LoadedJudges) -> list[dict[str, Any]]:
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
            "checks": [check.use for check in one.checks],
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


def _named(loaded: LoadedJudges, names: Sequence[str]) -> tuple[list[JudgeDefinition], list[tuple[str, Any]]]:
    """The judges that are meant, and what is wrong with the others."""
    if not names:
        return list(loaded.judges), [("", error) for error in loaded.refused.values()]
    from traceview.model.errors import BadInput

    chosen: list[JudgeDefinition] = []
    wrong: list[tuple[str, Any]] = []
    for name in names:
        try:
            chosen += loaded.named([name])
        except BadInput as error:
            wrong.append(("", error))
    return chosen, wrong


def _against(
    settings: Settings,
    source: str,
    filter_text: str,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    chosen: Sequence[JudgeDefinition],
    told: dict[str, list[str]],
    wrong: list[tuple[str, Any]],
) -> list[dict[str, Any]]:
    """Hit rates of the variables on the newest targets; adds warnings, and what is wrong with examples."""
    from traceview.cli.opening import opened, parse_filter
    from traceview.judges.checking import warnings_of_hits
    from traceview.judges.code_run import filter_of
    from traceview.judges.examples import example_errors, labelled
    from traceview.judges.hits import hits_of, last_items
    from traceview.judges.items import needs_of
    from traceview.judges.rendering import render
    from traceview.model.judges import Judgement

    hits: list[dict[str, Any]] = []
    with opened(settings, (source,), mapping=mapping, labels=labels, annotator=annotator) as found:
        for judge in chosen:
            where = filter_of(judge, parse_filter(filter_text))
            if judge.kind == "code":
                continue
            looked_at = last_items(found.engine, judge.scope, where, needs_of(judge))
            if not looked_at:
                told[judge.name].append(f"no {judge.scope} of the source matches its filter")
            of_judge = hits_of(judge, looked_at)
            told[judge.name] += warnings_of_hits(of_judge)
            hits += [
                {"judge": judge.name, "variable": one.name, "path": one.path, "found": one.found, "of": one.of,
                 "sample": one.sample}
                for one in of_judge
            ]  # fmt: skip
            if judge.examples and found.labels is not None:
                known = labelled(found.engine, found.labels.store, judge)
                wrong += [(judge.name, text) for text in example_errors(judge, known.train, known.values)]
            if len(judge.pinned) == len(judge.examples):
                skipped = [
                    one for one in (render(judge, item) for item in looked_at) if isinstance(one, Judgement)
                ]
                if skipped:
                    text = f"{len(skipped):,} of the last {len(looked_at):,} would be skipped: {skipped[0].explanation}"
                    told[judge.name].append(text)
    return hits


def _checked(
    chosen: Sequence[JudgeDefinition],
    told: dict[str, list[str]],
    wrong: Sequence[tuple[str, Any]],
    hits: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for judge in chosen:
        errors = [str(error) for where, error in wrong if where == judge.name]
        variables = [
            {key: value for key, value in one.items() if key != "judge"}
            for one in hits
            if one["judge"] == judge.name
        ]
        rows.append(
            {
                "judge": judge.name, "ok": not errors, "judge_hash": judge.hash, "errors": errors,
                "warnings": told[judge.name], "variables": variables,
            }
        )  # fmt: skip
    rows += [
        {
            "judge": None,
            "ok": False,
            "judge_hash": None,
            "errors": [str(error)],
            "warnings": [],
            "variables": [],
        }
        for where, error in wrong
        if not where
    ]
    return rows


def _say_checked(
    chosen: Sequence[JudgeDefinition], told: dict[str, list[str]], hits: Sequence[dict[str, Any]]
) -> None:
    from traceview.cli.output import print_lines, print_table

    for judge in chosen:
        what = f"{judge.kind}, gives {judge.metric} to a {judge.scope}"
        print_lines(
            [f"{judge.name}: {what}, version {judge.hash[:SHOWN_HASH]}{'' if judge.enabled else ', draft'}"]
        )
        print_lines(f"  careful: {warning}" for warning in told[judge.name])
    if hits:
        print_table(hits, HIT_COLUMNS)
