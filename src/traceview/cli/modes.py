"""`labels modes` and `labels transitions`: what went wrong, how often, and behind which step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.settings import (
    Settings,
    assignment,
    filter_option,
    json_option,
    label_options,
    source_options,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traceview.annotation.modes import ModeFigures

ITEM_COLUMNS = ("target_kind", "target_id", "notes", "text", "given_at")
COLUMNS = ("mode", "count", "reviewed", "rate", "interval", "status", "ticket", "annotators", "last_seen")


@click.command("modes")
@click.argument("source")
@click.option(
    "--rename",
    "renames",
    multiple=True,
    metavar="OLD=NEW",
    help="Call a mode otherwise wherever you gave it; a NEW that is there takes it up. May be repeated.",
)
@click.option(
    "--split",
    metavar="OLD=NEW",
    help="Call a mode otherwise on those of your items that -f or --target choose: the mode is split.",
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="ID",
    help="With --split: this span, trace or thread. May be repeated.",
)
@click.option(
    "--show", metavar="MODE", help="List your items of this mode, with notes, instead of the modes."
)
@filter_option
@click.option(
    "--tickets",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write a Markdown file per mode: count, rate, three redacted examples, how to see them all.",
)
@click.option("--kind", type=click.Choice(("span", "trace", "thread")), help="Only items of this kind.")
@source_options
@label_options
@json_option
@click.pass_obj
def labels_modes(
    settings: Settings,
    source: str,
    renames: tuple[str, ...],
    split: str | None,
    targets: tuple[str, ...],
    show: str | None,
    filter_text: str,
    tickets: Path | None,
    kind: Any,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Failure modes with their counts, the most frequent first; [modes] in traceview.toml adds status and ticket.

    The rate is of the items that a person has given any value or note. `labels undo` takes a rename or a split back.
    """
    from traceview.annotation.modes import mode_figures, new_mode_words, since_new_mode
    from traceview.cli.mode_changes import mode_items, rename_mode, split_mode
    from traceview.cli.opening import engine_when_asked, opened, opened_labels
    from traceview.cli.output import print_json_lines, print_table, say

    if show is not None and (renames or split or tickets):
        raise click.UsageError(
            "--show lists the items of a mode: it goes with none of --rename, --split, --tickets"
        )
    pairs = [assignment(text) for text in renames]
    halves = _halves(split, targets, show, filter_text)
    with (
        opened_labels(settings, (source,), labels, annotator) as found,
        engine_when_asked(settings, (source,), mapping, found) as engine,
    ):
        for old, new in pairs:
            rename_mode(found, old, new)
        if halves is not None:
            split_mode(found, engine(), *halves, filter_text, targets)
        if show is not None:
            items = mode_items(found, engine(), show, filter_text)
            if as_json:
                print_json_lines(items)
            else:
                print_table((row | {"notes": " · ".join(row["notes"])} for row in items), ITEM_COLUMNS)
            return
        current = found.store.current()
        figures = mode_figures(current, found.project.modes, kind)
        alive = {one.mode.name for one in mode_figures(current) if one.count}
        label_file = found.location.path
        rows = [_json(one) for one in figures]
        if as_json:
            print_json_lines(rows)
        else:
            print_table((_in_words(row) for row in rows), COLUMNS)
        if alive:
            say(f"failure modes: {new_mode_words(since_new_mode(found.store.history()))}")
        if not figures:
            say(f"nobody named a failure mode yet · {found.location.sentence}")
    if tickets is not None:
        from traceview.exports.tickets import write_tickets

        with opened(
            settings, (source,), mapping=mapping, labels=labels, annotator=annotator
        ) as opened_source:
            written = write_tickets(
                tickets, figures, opened_source.engine, source, labels=label_file, alive=alive
            )
        say(f"{len(written.paths):,} tickets in {tickets}")
        about = "about modes that no item has any more (renamed, merged, taken off)"
        if written.removed:
            say(f"{len(written.removed):,} {about} removed: {_names_of(written.removed)}")
        if written.left:
            say(
                f"{len(written.left):,} from before {about}, or of another version, were changed since they were "
                f"written, and are left as they are: {_names_of(written.left)}"
            )


def _halves(
    split: str | None, targets: tuple[str, ...], show: str | None, filter_text: str
) -> tuple[str, str] | None:
    """The old and the new name of a split. Raises BadInput for options that do not go together."""
    from traceview.model.errors import BadInput

    if split is None:
        if targets or (filter_text and show is None):
            given = "--target" if targets else "--filter"
            raise BadInput(
                f"{given} chooses items of a mode", hint="--split OLD=NEW, or --show MODE with --filter"
            )
        return None
    if bool(targets) == bool(filter_text):
        raise BadInput(
            f"which items of {assignment(split)[0]}?",
            hint="-f FILTER or --target ID chooses them (one of both); --rename takes all",
        )
    return assignment(split)


def _names_of(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths[:5]) + (", …" if len(paths) > 5 else "")


def _json(one: ModeFigures) -> dict[str, Any]:
    return {
        "mode": one.mode.name,
        "count": one.count,
        "reviewed": one.reviewed,
        "rate": one.rate,
        "ci95": list(one.interval) if one.interval else None,
        "status": one.mode.status,
        "ticket": one.mode.ticket or None,
        "description": one.mode.description or None,
        "annotators": list(one.annotators),
        "first_seen": one.first_seen,
        "last_seen": one.last_seen,
        "targets": [{"target_kind": target.kind, "target_id": target.id} for target in one.targets],
    }


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    low, high = row["ci95"] or (None, None)
    return row | {
        "rate": "" if row["rate"] is None else f"{row['rate']:.1%}",
        "interval": "" if low is None else f"{low:.1%}-{high:.1%}",
        "annotators": ", ".join(row["annotators"]),
    }


@click.command("transitions")
@click.argument("source")
@filter_option
@source_options
@label_options
@json_option
@click.pass_obj
def labels_transitions(
    settings: Settings,
    source: str,
    filter_text: str,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Where traces go wrong: the last good step by the first bad one, of the traces that people marked with `!`.

    `traceview traces SOURCE -f 'bad:STEP'` shows the traces of a step.
    """
    from traceview.annotation.transitions import transitions
    from traceview.cli.opening import opened, parse_filter
    from traceview.cli.output import print_json_lines, print_table, say
    from traceview.store.interface import ListQuery

    node = parse_filter(filter_text)
    with opened(
        settings, (source,), mapping=mapping, labels=labels, annotator=annotator, need_labels=True
    ) as opened_source:
        assert opened_source.labels is not None
        current = opened_source.labels.store.current(name="first_bad")
        if node is not None:
            opened_source.check(node, filter_text, "traces")
            engine = opened_source.engine
            selection = engine.select(ListQuery("traces", node))
            ids = {row["trace_id"] for row in engine.rows(selection, 0, len(selection)).rows}
            current = tuple(row for row in current if row.target.trace_id in ids)
        found = transitions(opened_source.engine, current)
        rows = [
            {
                "last_good": one.good,
                "first_bad": one.bad,
                "traces": len(one.trace_ids),
                "trace_ids": list(one.trace_ids),
            }
            for one in found.rows
        ]
        if as_json:
            print_json_lines(rows)
        else:
            print_table(rows, ("last_good", "first_bad", "traces"))
        if found.missing:
            say(f"{found.missing:,} marks are on spans that are not in the source, or on turns of threads")
        if not found.marked:
            say("no trace has a first bad span: ! in a trace marks it")
