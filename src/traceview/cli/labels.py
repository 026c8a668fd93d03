"""`score` and `labels`: labels given, listed, kept and checked on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from traceview.cli.label_agreement import labels_agreement
from traceview.cli.label_intake import labels_adopt, labels_import, labels_merge
from traceview.cli.label_retrieval import labels_retrieval
from traceview.cli.label_undo import labels_redo, labels_undo
from traceview.cli.modes import labels_modes, labels_transitions
from traceview.cli.settings import Settings, assignment, json_option, label_options, source_options

LABEL_COLUMNS = ("created_at", "target_kind", "target_id", "name", "value", "source", "annotator", "reason")
HISTORY_COLUMNS = ("created_at", "op", *LABEL_COLUMNS[1:])
SHOWN_ORPHANS = 10


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
    from traceview.store.targets import named_target

    pairs = [assignment(text) for text in assignments]
    with opened(
        settings, (source,), mapping=mapping, labels=labels, annotator=annotator, need_labels=True
    ) as opened_source:
        found = opened_source.labels
        assert found is not None
        annotate = found.annotator()
        resolved = named_target(opened_source.engine, target)
        values = [(name, annotate.parse(name, text)) for name, text in pairs]
        written = annotate.set_values(resolved, values, reason=reason).rows
        if as_json:
            print_json_lines(to_json(row) for row in written)
        say(f"saved {len(written)} on {resolved.kind} {resolved.id} in {found.location.path}")


@click.group("labels")
def command_labels() -> None:
    """The labels of a source: rows that are only ever added."""


for _command in (
    labels_agreement,
    labels_retrieval,
    labels_import,
    labels_adopt,
    labels_merge,
    labels_modes,
    labels_undo,
    labels_redo,
    labels_transitions,
):
    command_labels.add_command(_command)


@command_labels.command("list")
@click.argument("source")
@click.option("--name", "names", multiple=True, metavar="N", help="Only this definition. May be repeated.")
@click.option("--history", is_flag=True, help="Every row, also what was undone or replaced.")
@click.option(
    "-n", "--limit", type=click.IntRange(min=0), help="At most so many rows, the newest (50 on a terminal)."
)
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
    """Current labels, or with --history all rows, in order of time."""
    from traceview.annotation.transfer import list_labels
    from traceview.cli.opening import opened_labels
    from traceview.cli.output import limit_or_default, print_json_lines, print_table, say, say_shown

    with opened_labels(settings, (source,), labels, annotator) as found:
        rows = list(list_labels(found.store, names=names or None, history=history))
        most = limit_or_default(limit, as_json)
        shown = rows if most is None else rows[max(0, len(rows) - most) :]
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
    from traceview.store.targets import named_target

    with opened(
        settings, (source,), mapping=mapping, labels=labels, annotator=annotator, need_labels=True
    ) as opened_source:
        assert opened_source.labels is not None
        resolved = named_target(opened_source.engine, target, gone_too=True)
        rows = [to_json(row, history=True) for row in opened_source.labels.store.history(resolved)]
        if as_json:
            print_json_lines(rows)
        else:
            print_table(map(_in_words, rows), HISTORY_COLUMNS)


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
    """Integrity of the label file; orphans and undefined names are counted.

    Exit code 1 where rows are broken, 2 where the file cannot be opened at all.
    """
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
