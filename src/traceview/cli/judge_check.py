"""`judge check`: what is wrong with judge files, and what is doubtful."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.settings import Settings, filter_option, json_option, label_options, source_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from traceview.judges.against import Against
    from traceview.judges.loading import LoadedJudges
    from traceview.model.errors import BadInput
    from traceview.model.judges import JudgeDefinition, Judgement, RenderedCall

HIT_COLUMNS = ("judge", "variable", "path", "found", "of", "sample")
DRY_COLUMNS = ("judge", "target_id", "tokens", "cut", "redacted", "suspected", "skipped", "shown")
SHOWN_HASH = 12


@click.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--source", metavar="SOURCE", help="Look at the last 100 traces too: hit rates, examples, three dry runs."
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
    from traceview.cli.opening import load_definitions, opened, parse_filter
    from traceview.cli.output import print_json_lines, say
    from traceview.judges.against import look_at
    from traceview.judges.checking import warnings_of
    from traceview.judges.code_run import filter_of
    from traceview.judges.loading import every_mistake, load_judges, no_judges
    from traceview.model.errors import BadInput

    project = load_definitions(settings, (source,) if source else ())
    loaded = load_judges(project)
    chosen, errors = _named(loaded, names)
    paths = {error: path for path, error in loaded.refused.items()}
    refused = [
        every_mistake(project, paths[error], error) if error in paths else (error,) for error in errors
    ]
    found: dict[str, Against] = {}
    if source is not None and chosen:
        with opened(settings, (source,), mapping=mapping, labels=labels, annotator=annotator) as there:
            store = there.labels.store if there.labels is not None else None
            for judge in chosen:
                where = filter_of(judge, parse_filter(filter_text))
                found[judge.name] = look_at(there.engine, store, judge, where)
    rows = [_row(judge, list(warnings_of(judge)), found.get(judge.name)) for judge in chosen]
    if as_json:
        print_json_lines([*rows, *map(_refused_row, refused)])
    else:
        _say_rows(chosen, rows)
        for row in rows:
            for error in row["errors"]:
                say(f"refused: {row['judge']}: {error}")
        for wrong in refused:
            for mistake in wrong:
                say(f"refused: {mistake}")
    of = len(chosen) + len(refused)
    if not of:
        say(no_judges(project))
    bad = len(refused) + sum(not row["ok"] for row in rows)
    if bad:
        which = "judge cannot be used as it is" if of == 1 else "judges cannot be used as they are"
        raise BadInput(f"{bad} of {of:,} {which}")


def _named(loaded: LoadedJudges, names: Sequence[str]) -> tuple[list[JudgeDefinition], list[BadInput]]:
    """The judges that are meant, and what is wrong with the others."""
    from traceview.model.errors import BadInput

    if not names:
        return list(loaded.judges), list(loaded.refused.values())
    chosen: list[JudgeDefinition] = []
    refused: list[BadInput] = []
    for name in dict.fromkeys(names):
        try:
            chosen += loaded.named([name])
        except BadInput as error:
            refused.append(error)
    return chosen, refused


def _row(judge: JudgeDefinition, warnings: list[str], against: Against | None) -> dict[str, Any]:
    from traceview.judges.checking import errors_of

    errors = [*errors_of(judge), *(against.errors if against is not None else ())]
    return {
        "judge": judge.name,
        "ok": not errors,
        "judge_hash": judge.hash,
        "errors": errors,
        "warnings": [*warnings, *(against.warnings if against is not None else ())],
        "variables": [
            {"variable": one.name, "path": one.path, "found": one.found, "of": one.of, "sample": one.sample}
            for one in (against.hits if against is not None else ())
        ],
        "dry": [_dry(one) for one in (against.dry if against is not None else ())],
    }


def _refused_row(errors: Sequence[BadInput]) -> dict[str, Any]:
    row: dict[str, Any] = {"judge": None, "ok": False, "judge_hash": None, "errors": [*map(str, errors)]}
    return row | {"warnings": [], "variables": [], "dry": []}


def _dry(one: RenderedCall | Judgement) -> dict[str, Any]:
    """A target as it would be sent."""
    from traceview.judges.running.money import CHARACTERS_PER_TOKEN
    from traceview.model.judges import Judgement

    row: dict[str, Any] = dict.fromkeys(("tokens", "cut", "redacted", "suspected", "skipped", "shown"))
    row = {"target_id": one.target.id, **row}
    if isinstance(one, Judgement):
        return row | {"skipped": one.reason}
    return row | {
        "tokens": round(len(one.system + one.user) / CHARACTERS_PER_TOKEN),
        "cut": list(one.truncated),
        "redacted": sum(one.redactions.values()),
        "suspected": one.injection_suspected,
        "shown": one.user,
    }


def _say_rows(chosen: Iterable[JudgeDefinition], rows: Sequence[Mapping[str, Any]]) -> None:
    from traceview.cli.output import print_lines, print_table

    for judge, row in zip(chosen, rows, strict=True):
        what = f"{judge.kind}, gives {judge.metric} to a {judge.scope}"
        state = "" if judge.enabled else ", draft"
        print_lines([f"{judge.name}: {what}, version {judge.hash[:SHOWN_HASH]}{state}"])
        print_lines(f"  careful: {warning}" for warning in row["warnings"])
    for key, columns in (("variables", HIT_COLUMNS), ("dry", DRY_COLUMNS)):
        told = [{"judge": row["judge"], **one} for row in rows for one in row[key]]
        if told:
            print_table(told, columns)
