"""`score` and `labels`: labels given, listed, moved and checked on the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.settings import Settings, json_option, label_options, source_options

if TYPE_CHECKING:
    from traceview.annotation.transfer import ImportReport
    from traceview.definitions.project import Project
    from traceview.model.errors import BadInput
    from traceview.store.interface import Engine

LABEL_COLUMNS = ("created_at", "target_kind", "target_id", "name", "value", "source", "annotator", "reason")
HISTORY_COLUMNS = ("created_at", "op", *LABEL_COLUMNS[1:])
SHOWN_ORPHANS = 10


FIRST_LINES = 5
"""Line numbers that are named where many lines were refused for one reason."""


@click.command("score")
@click.argument("source")
@click.argument("target")
@click.argument("assignments", nargs=-1, required=True, metavar="NAME=VALUE...")
@click.option("--reason", metavar="TEXT", help="Why.")
@source_options
@label_options
@json_option
@click.pass_obj
def command_score(
    settings: Settings,
    source: str,
    target: str,
    assignments: tuple[str, ...],
    reason: str | None,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Give values to the span, trace or thread with this id (or unique prefix).

    NAME=VALUE: pass or fail, a number, a choice, n/a; note=TEXT writes a note.
    """
    from traceview.cli.opening import opened
    from traceview.cli.output import print_json_lines, say
    from traceview.store.labels.rows import to_json

    pairs = [_assignment(text) for text in assignments]
    with opened(
        settings, (source,), mapping=mapping, labels=labels, annotator=annotator, need_labels=True
    ) as opened_source:
        found = opened_source.labels
        assert found is not None
        annotate = found.annotator()
        resolved = opened_source.engine.resolve(target)
        values = [(name, annotate.parse(name, text)) for name, text in pairs]
        written = annotate.set_values(resolved, values, reason=reason).rows
        if as_json:
            print_json_lines(to_json(row) for row in written)
        say(f"saved {len(written)} on {resolved.kind} {resolved.id} in {found.location.path}")


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r}: expected NAME=VALUE", param_hint="NAME=VALUE")
    return name.strip(), value


@click.group("labels")
def command_labels() -> None:
    """The labels of a source: rows that are only ever added."""


@command_labels.command("list")
@click.argument("source")
@click.option("--name", "names", multiple=True, metavar="N", help="Only this definition. May be repeated.")
@click.option("--history", is_flag=True, help="Every row, also what was undone or replaced.")
@click.option("-n", "--limit", type=click.IntRange(min=0), help="At most so many rows (50 on a terminal).")
@label_options
@json_option
@click.pass_obj
def labels_list(
    settings: Settings,
    source: str,
    names: tuple[str, ...],
    history: bool,
    limit: int | None,
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Current labels, or with --history all rows."""
    from itertools import islice

    from traceview.annotation.transfer import list_labels
    from traceview.cli.opening import opened_labels
    from traceview.cli.output import limit_or_default, print_json_lines, print_table, say, say_shown

    with opened_labels(settings, (source,), labels, annotator) as found:
        rows = list(list_labels(found.store, names=names or None, history=history))
        shown = islice(rows, limit_or_default(limit, as_json))
        if as_json:
            count = print_json_lines(shown)
        else:
            count = print_table(map(_in_words, shown), HISTORY_COLUMNS if history else LABEL_COLUMNS)
        say_shown(count, len(rows), "labels")
        if not rows:
            say(found.location.sentence)


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a table: pass and fail instead of true and false."""
    from traceview.annotation.values import format_value

    value = row["value"]
    return row | {"value": format_value(tuple(value) if isinstance(value, list) else value)}


@command_labels.command("history")
@click.argument("source")
@click.argument("target")
@source_options
@label_options
@json_option
@click.pass_obj
def labels_history(
    settings: Settings,
    source: str,
    target: str,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Every row of one span, trace or thread, in order of time."""
    from traceview.cli.opening import opened
    from traceview.cli.output import print_json_lines, print_table
    from traceview.store.labels.rows import to_json

    with opened(
        settings, (source,), mapping=mapping, labels=labels, annotator=annotator, need_labels=True
    ) as opened_source:
        assert opened_source.labels is not None
        resolved = opened_source.engine.resolve(target)
        rows = [to_json(row, history=True) for row in opened_source.labels.store.history(resolved)]
        if as_json:
            print_json_lines(rows)
        else:
            print_table(map(_in_words, rows), HISTORY_COLUMNS)


@command_labels.command("import")
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
        with _span_traces(source, mapping, found.project) as trace_of_span:
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


@command_labels.command("adopt")
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

    meanings = dict(_assignment(word) for word in words)
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
    named = dict.fromkeys(one for one, _, by, _ in engine.info().brought if by == "human")
    known = f"people gave: {', '.join(named)}" if named else "the source has no scores that people gave"
    return BadInput(f"the source has no score {name}", hint=known)


@command_labels.command("merge")
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

    Exit code 2 when a row was refused; the others are kept. OTHER is only read.
    """
    from traceview.annotation.transfer import import_labels, lines_of
    from traceview.cli.opening import opened_labels

    with opened_labels(settings, (source,), labels, annotator) as found:
        with (
            _span_traces(source, mapping, found.project) as trace_of_span,
            lines_of(found.store, other) as lines,
        ):
            report = import_labels(
                found.store,
                lines,
                found.project.definitions,
                default_annotator=found.annotator_name,
                trace_of_span=trace_of_span,
            )
        _say_import(report, str(other), str(found.location.path), as_json)
    if report.refused:
        click.get_current_context().exit(2)


@contextmanager
def _span_traces(
    source: str, mapping: tuple[str, ...], project: Project
) -> Iterator[Callable[[str], str | None]]:
    """A function from a span id to its trace id; the source is opened at the first call only."""
    from contextlib import ExitStack

    from traceview.cli.opening import overrides_for
    from traceview.model.errors import BadInput
    from traceview.store.open import open_engine

    with ExitStack() as stack:
        engines: list[Engine] = []

        def trace_of_span(span_id: str) -> str | None:
            if not engines:
                engine = open_engine(
                    (source,), overrides=overrides_for((source,), mapping, project), prices=project.prices
                )
                stack.callback(engine.close)
                engine.wait_ready()
                engines.append(engine)
            try:
                target = engines[0].resolve(span_id)
            except BadInput:
                return None
            return target.trace_id if target.kind == "span" and target.id == span_id else None

        yield trace_of_span


@command_labels.command("export")
@click.argument("source")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="PATH", required=True
)
@click.option("--name", "names", multiple=True, metavar="N", help="Only this definition. May be repeated.")
@click.option("--history", is_flag=True, help="Every row, also what was undone or replaced.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@label_options
@click.pass_obj
def labels_export(
    settings: Settings,
    source: str,
    output: Path,
    names: tuple[str, ...],
    history: bool,
    force: bool,
    labels: Path | None,
    annotator: str | None,
) -> None:
    """Write label rows as JSON lines that `labels import` takes; -o - writes them to standard output."""
    from traceview.annotation.transfer import export_labels, list_labels
    from traceview.cli.opening import opened_labels
    from traceview.cli.output import print_json_lines, say
    from traceview.model.errors import BadInput

    if output.exists() and Path(source).exists() and output.samefile(source):
        raise BadInput(f"{output} is the source; it is never written")
    with opened_labels(settings, (source,), labels, annotator) as found:
        if str(output) == "-":
            print_json_lines(list_labels(found.store, names=names or None, history=history))
            return
        count = export_labels(found.store, output, names=names or None, history=history, force=force)
        say(f"{count:,} rows to {output}")


@command_labels.command("check")
@click.argument("source")
@source_options
@label_options
@json_option
@click.pass_obj
def labels_check(
    settings: Settings,
    source: str,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Integrity of the label file (exit code 1 when broken); orphans and undefined names are counted."""
    from traceview.annotation.transfer import check_labels
    from traceview.cli.opening import opened
    from traceview.cli.output import json_line, say

    with opened(
        settings, (source,), mapping=mapping, labels=labels, annotator=annotator, need_labels=True
    ) as opened_source:
        found = opened_source.labels
        assert found is not None
        report = check_labels(found.store, found.project.definitions, opened_source.engine.missing)
        if as_json:
            click.echo(
                json_line(
                    {
                        "ok": report.ok,
                        "path": str(found.location.path),
                        "rows": report.rows,
                        "current": report.current,
                        "problems": report.problems,
                        "orphans": len(report.orphans),
                        "undefined": dict(report.undefined),
                    }
                )
            )
        else:
            click.echo(
                f"{found.location.path}: {'ok' if report.ok else 'BROKEN'}, "
                f"{report.rows:,} rows, {report.current:,} current"
            )
            for problem in report.problems:
                say(f"problem: {problem}")
            if report.orphans:
                say(
                    f"{len(report.orphans):,} targets are not in the source (no error: sources rotate), such as:"
                )
                for orphan in report.orphans[:SHOWN_ORPHANS]:
                    say(f"  {orphan.kind} {orphan.id}")
            for name, count in report.undefined.items():
                say(f"undefined: {name} ({count:,} rows)")
    if not report.ok:
        click.get_current_context().exit(1)


@command_labels.command("backup")
@click.argument("source")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="PATH", required=True
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
@label_options
@click.pass_obj
def labels_backup(
    settings: Settings, source: str, output: Path, force: bool, labels: Path | None, annotator: str | None
) -> None:
    """Copy the label file, whole, while others may write to it."""
    from traceview.cli.opening import opened_labels
    from traceview.cli.output import say

    with opened_labels(settings, (source,), labels, annotator) as found:
        path = found.store.backup(output, force=force)
        say(f"{found.store.counts().rows:,} rows to {path}")
