"""Labels that come in: imported from a file, merged from another label file, adopted from the source itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.settings import Settings, assignment, json_option, label_options, source_options

if TYPE_CHECKING:
    from traceview.annotation.transfer import ImportReport
    from traceview.cli.opening import Labels
    from traceview.model.errors import BadInput
    from traceview.store.interface import Engine

FIRST_LINES = 5
"""Line numbers that are named where many lines were refused for one reason."""


@click.command("import")
@click.argument("source")
@click.argument("file", type=click.File("rb"))
@source_options
@label_options
@json_option
@click.pass_obj
def labels_import(
    settings: Settings,
    source: str,
    file: Any,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Add the label rows of a JSON lines FILE (- for stdin); what is there already is skipped.

    Exit code 2 when a row was refused; the others are kept.
    """
    from traceview.annotation.transfer import import_labels
    from traceview.cli.opening import opened_labels

    with opened_labels(settings, (source,), labels, annotator) as found:
        with _span_traces(settings, source, mapping, found) as trace_of_span:
            report = import_labels(
                found.store,
                file,
                found.project.definitions,
                default_annotator=found.annotator_name,
                trace_of_span=trace_of_span,
            )
        _say_import(report, getattr(file, "name", "-"), str(found.location.path), as_json)
    if report.refused:
        click.get_current_context().exit(2)


def _say_import(report: ImportReport, origin: str, path: str, as_json: bool) -> None:
    """What was added, what was there, what was refused and where."""
    from traceview.cli.output import json_line, say

    if as_json:
        click.echo(
            json_line(
                {
                    "lines": report.lines,
                    "added": report.added,
                    "known": report.known,
                    "undefined": dict(report.undefined),
                    "refused": [{"line": line, "reason": reason} for line, reason in report.refused],
                }
            )
        )
    else:
        say(
            f"{report.lines:,} lines: {report.added:,} added, {report.known:,} already there, "
            f"{len(report.refused):,} refused; in {path}"
        )
    for name, count in report.undefined.items():
        say(f"undefined: {name} ({count:,} rows), accepted as it stands")
    lines: dict[str, list[int]] = {}
    for line, reason in report.refused:
        lines.setdefault(reason, []).append(line)
    for reason, found in lines.items():
        if len(found) == 1:
            say(f"{origin}:{found[0]}: {reason}")
        else:
            first = ", ".join(map(str, found[:FIRST_LINES])) + (" …" if len(found) > FIRST_LINES else "")
            say(f"{origin}: {len(found):,} lines ({first}): {reason}")


@click.command("adopt")
@click.argument("source")
@click.argument("name")
@click.option(
    "--as", "adopted_name", metavar="NAME", help="The definition to adopt them under; NAME by default."
)
@click.option(
    "--value",
    "words",
    multiple=True,
    metavar="FROM=TO",
    help="What a value of the source means, as correct=pass. May be repeated.",
)
@source_options
@label_options
@json_option
@click.pass_obj
def labels_adopt(
    settings: Settings,
    source: str,
    name: str,
    adopted_name: str | None,
    words: tuple[str, ...],
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Make the scores NAME that people gave in the source's own tool labels, with their authors and times.

    Scores of models, programs and end users stay what they are. Adopting again adds nothing. Exit code 2 when a
    value did not fit the definition; the others are kept.
    """
    from traceview.annotation.adopt import adopted_lines, by_people
    from traceview.annotation.transfer import import_labels
    from traceview.cli.opening import opened

    meanings = dict(assignment(word) for word in words)
    with opened(
        settings, (source,), mapping=mapping, labels=labels, annotator=annotator, need_labels=True
    ) as opened_source:
        found = opened_source.labels
        assert found is not None
        brought = opened_source.engine.brought_scores(name)
        rows = by_people(brought)
        if not rows:
            raise _nothing_to_adopt(opened_source.engine, name, len(brought))
        wanted = adopted_name or name
        report = import_labels(
            found.store,
            adopted_lines(rows, wanted, found.project.definition(wanted), meanings),
            found.project.definitions,
            default_annotator=found.annotator_name,
        )
        _say_import(report, source, str(found.location.path), as_json)
    if report.refused:
        click.get_current_context().exit(2)


def _nothing_to_adopt(engine: Engine, name: str, brought: int) -> BadInput:
    """The error where a source has no score of this name that a person gave."""
    from traceview.model.errors import BadInput

    if brought:
        return BadInput(
            f"none of the {brought:,} scores {name} was given by a person: only those are adopted"
        )
    named = dict.fromkeys(one for one, _, by, _, _ in engine.info().brought if by == "human")
    known = f"people gave: {', '.join(named)}" if named else "the source has no scores that people gave"
    return BadInput(f"the source has no score {name}", hint=known)


@click.command("merge")
@click.argument("source")
@click.argument("other", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@source_options
@label_options
@json_option
@click.pass_obj
def labels_merge(
    settings: Settings,
    source: str,
    other: Path,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Add the rows of OTHER, a label file or a JSON lines export, that are not there yet, undone ones too.

    A label file's sessions, data sets, splits and notes on verdicts come with it. Exit code 2 when a row was refused;
    the others are kept. OTHER is only read.
    """
    from traceview.annotation.transfer import import_labels, lines_of
    from traceview.cli.opening import opened_labels
    from traceview.cli.output import say
    from traceview.files.replaceable import is_database
    from traceview.store.labels.datasets import merge_datasets
    from traceview.store.labels.sessions import merge_sessions
    from traceview.store.labels.splits import merge_splits
    from traceview.store.labels.verdict_notes import merge_notes

    with opened_labels(settings, (source,), labels, annotator) as found:
        with (
            _span_traces(settings, source, mapping, found) as trace_of_span,
            lines_of(found.store, other) as lines,
        ):
            report = import_labels(
                found.store,
                lines,
                found.project.definitions,
                default_annotator=found.annotator_name,
                trace_of_span=trace_of_span,
            )
        sessions = merge_sessions(found.store, other) if is_database(other) else 0
        datasets = merge_datasets(found.store, other) if is_database(other) else 0
        splits = merge_splits(found.store, other) if is_database(other) else 0
        notes = merge_notes(found.store, other) if is_database(other) else 0
        _say_import(report, str(other), str(found.location.path), as_json)
        if sessions:
            say(f"{sessions:,} sessions of {other} added")
        if datasets:
            say(f"{datasets:,} versions of data sets of {other} added")
        if splits:
            say(f"the splits of {splits:,} threads of {other} added")
        if notes:
            say(f"{notes:,} notes on verdicts of {other} added")
    if report.refused:
        click.get_current_context().exit(2)


@contextmanager
def _span_traces(
    settings: Settings, source: str, mapping: tuple[str, ...], found: Labels
) -> Iterator[Callable[[str], str | None]]:
    """A function from a span id to its trace id; the source is opened at the first call only."""
    from traceview.cli.opening import engine_when_asked
    from traceview.model.errors import BadInput

    with engine_when_asked(settings, (source,), mapping, found) as engine:

        def trace_of_span(span_id: str) -> str | None:
            try:
                target = engine().resolve(span_id)
            except BadInput:
                return None
            return target.trace_id if target.kind == "span" and target.id == span_id else None

        yield trace_of_span
