"""`dataset`: frozen, versioned selections with their labels, and items that people wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.settings import (
    Settings,
    filter_option,
    json_option,
    label_options,
    prompt_file_option,
    source_options,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traceview.annotation.datasets import DatasetDiff
    from traceview.cli.opening import Labels
    from traceview.model.datasets import DatasetItem, DatasetVersion

COLUMNS = ("name", "version", "items", "splits", "annotator", "created_at", "filter", "note", "id")
ITEM_COLUMNS = ("id", "origin", "target_kind", "split", "must_pass", "labels", "input", "expected")


@click.group("dataset")
def command_dataset() -> None:
    """Frozen, versioned selections of labelled targets, and items that people wrote.

    They stand beside the labels; NAME is the newest version of one, NAME@2 its second.
    """


def _note_option(command: Any) -> Any:
    return click.option("--note", metavar="TEXT", help="What this version is for.")(command)


@command_dataset.command("create")
@click.argument("source")
@click.argument("name")
@click.option(
    "--targets",
    type=click.Choice(("traces", "threads", "spans", "labelled")),
    default="labelled",
    show_default=True,
    help="What an item is; labelled: every kind of target that has a label.",
)
@click.option(
    "--split", metavar="NAME=SHARE,...", help="Splits, conversations kept together: train=0.8,test=0.2."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed splits otherwise.")
@_note_option
@filter_option
@source_options
@prompt_file_option
@label_options
@click.pass_obj
def command_create(
    settings: Settings,
    source: str,
    name: str,
    targets: str,
    split: str | None,
    seed: int,
    note: str | None,
    filter_text: str,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
) -> None:
    """Freeze what matches and has a label as the next version of NAME: targets, the labels they have now, splits.

    What was added, imported or written by hand in the version before is taken over, and its splits, unless --split says
    others.
    """
    from traceview.annotation import datasets
    from traceview.annotation.splitting import parse_ratios
    from traceview.cli.export import check_names_of
    from traceview.cli.opening import opened, parse_filter
    from traceview.cli.output import say
    from traceview.exports.frozen_items import selected_items
    from traceview.filters import to_text
    from traceview.model.errors import BadInput
    from traceview.store.labels.datasets import items
    from traceview.store.targets import LEVELS

    datasets.check_name(name)
    if split is not None:
        parse_ratios(split)
    node = parse_filter(filter_text)
    with opened(
        settings, (source,), mapping=mapping, labels=labels, annotator=annotator, need_labels=True
    ) as given:
        assert given.labels is not None
        rows = given.labels.store.current()
        present = {row.target.kind for row in rows if row.target.document is None}
        kinds = [
            kind
            for kind, level in LEVELS.items()
            if level == targets or (targets == "labelled" and kind in present)
        ] or ["trace"]
        check_names_of(given, node, filter_text, [LEVELS[kind] for kind in kinds])
        before = datasets.newest(given.labels.store, name)
        old = items(given.labels.store, before.id) if before is not None else ()
        if split is None and before is not None:
            split, seed = before.split, before.seed
        ratios = parse_ratios(split) if split is not None else None
        selected, matching = selected_items(given.engine, kinds, node, rows, ratios, seed)
        if not selected:
            if not matching:
                raise BadInput("nothing matches, so there is nothing to freeze", hint="another filter may")
            raise BadInput(
                f"none of {matching:,} that match has a label, so there is nothing to freeze",
                hint="label some first: `traceview annotate SOURCE`",
            )
        _add(
            given.labels,
            name,
            before,
            old,
            datasets.selected_anew(old, selected),
            note=note,
            filter=to_text(node) if node else "",
            split=str(ratios) if ratios else None,
            seed=seed,
            source=given.engine.info().identity,
        )
        say(f"{len(selected):,} labelled of {matching:,} that match")


@command_dataset.command("list")
@click.argument("source")
@label_options
@json_option
@click.pass_obj
def command_list(
    settings: Settings, source: str, labels: Path | None, annotator: str | None, as_json: bool
) -> None:
    """Every version of every data set."""
    from traceview.cli.opening import opened_labels
    from traceview.cli.output import print_json_lines, print_table, say
    from traceview.store.labels.datasets import items, versions

    with opened_labels(settings, (source,), labels, annotator) as found:
        rows = [_described(one, items(found.store, one.id)) for one in versions(found.store)]
    if as_json:
        print_json_lines(rows)
        return
    print_table(rows, COLUMNS)
    if not rows:
        say("no data set yet: `traceview dataset create SOURCE NAME` freezes one")


@command_dataset.command("show")
@click.argument("source")
@click.argument("name")
@click.option("--limit", type=int, metavar="N", help="At most so many items.")
@label_options
@json_option
@click.pass_obj
def command_show(
    settings: Settings,
    source: str,
    name: str,
    limit: int | None,
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """The items of a version, with the labels that were frozen."""
    from traceview.annotation.datasets import find_version
    from traceview.cli.opening import opened_labels
    from traceview.cli.output import json_line, limit_or_default, print_fields, print_table, say_shown
    from traceview.store.labels.datasets import items, rows_by_id

    with opened_labels(settings, (source,), labels, annotator) as found:
        version = find_version(found.store, name)
        every = items(found.store, version.id)
        shown = every[: limit_or_default(limit, as_json)]
        rows = rows_by_id(found.store, [id_ for item in shown for id_ in item.labels])
    told = []
    for item in shown:
        given = [rows[id_] for id_ in item.labels if id_ in rows]
        fields = _item_fields(item)
        if as_json:
            from traceview.store.labels.rows import to_json

            fields["labels"] = [to_json(row) for row in given]
        else:
            fields["labels"] = [f"{row.name}={_short(row.value)}" for row in given]
        told.append(fields)
    if as_json:
        click.echo(json_line(_described(version, every) | {"items": told}))
        return
    print_fields(_described(version, every).items())
    click.echo()
    print_table(told, ITEM_COLUMNS)
    say_shown(len(shown), len(every), "items")


@command_dataset.command("diff")
@click.argument("source")
@click.argument("before")
@click.argument("after")
@label_options
@json_option
@click.pass_obj
def command_diff(
    settings: Settings,
    source: str,
    before: str,
    after: str,
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Which items and labels came, went and changed between two versions (NAME@1 NAME@2)."""
    from traceview.annotation.datasets import find_version
    from traceview.cli.opening import opened_labels
    from traceview.cli.output import json_line, print_lines

    with opened_labels(settings, (source,), labels, annotator) as found:
        one, other = find_version(found.store, before), find_version(found.store, after)
        diff = _compared(found, one, other)
    if as_json:
        click.echo(json_line({"before": one.id, "after": other.id} | diff.as_json()))
        return
    print_lines(
        [
            f"{_called(one)} -> {_called(other)}: {_counted(diff)}, {diff.same:,} the same",
            *(f"+ {id_}" for id_ in diff.came),
            *(f"- {id_}" for id_ in diff.went),
            *(line for id_, what in diff.changed for line in (f"~ {id_}", *(f"    {one}" for one in what))),
        ]
    )


@command_dataset.command("import")
@click.argument("source")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_note_option
@label_options
@click.pass_obj
def command_import(
    settings: Settings,
    source: str,
    name: str,
    file: Path,
    note: str | None,
    labels: Path | None,
    annotator: str | None,
) -> None:
    """Take items from JSON lines into the next version of NAME: id, input, and expected, must_pass, split if wanted.

    `input` is a text or a list of messages. An item of an id that is there takes its place.
    """
    from traceview.annotation import datasets
    from traceview.cli.opening import opened_labels
    from traceview.store.labels.datasets import items

    datasets.check_name(name)
    more = datasets.read_items(file)
    with opened_labels(settings, (source,), labels, annotator) as found:
        before = datasets.newest(found.store, name)
        old = items(found.store, before.id) if before is not None else ()
        _add(found, name, before, old, datasets.with_items(old, more), note=note)


@command_dataset.command("add")
@click.argument("source")
@click.argument("name")
@click.argument("target", required=False)
@click.option(
    "--expected", metavar="TEXT", help="What the answer should be (default: the target's correction)."
)
@click.option(
    "--input", "input_", metavar="TEXT", help="The input of an item that you write, instead of a TARGET."
)
@click.option("--id", "id_", metavar="ID", help="The id of an item that you write.")
@click.option("--must-pass", is_flag=True, help="A gate fails if this item does.")
@_note_option
@source_options
@label_options
@click.pass_obj
def command_add(
    settings: Settings,
    source: str,
    name: str,
    target: str | None,
    expected: str | None,
    input_: str | None,
    id_: str | None,
    must_pass: bool,
    note: str | None,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
) -> None:
    """Add one target (an id or its beginning), or an item of your own (--id, --input), as the next version of NAME."""
    from traceview.annotation import datasets
    from traceview.cli.opening import opened, opened_labels
    from traceview.exports.frozen_items import add_target
    from traceview.model.errors import BadInput
    from traceview.store.labels.datasets import items

    datasets.check_name(name)
    if (target is None) == (input_ is None) or (input_ is None) != (id_ is None):
        raise BadInput(
            "say what to add", hint="a TARGET of the source, or --id ID --input TEXT for an item of your own"
        )
    if target is None:
        assert id_ is not None and input_ is not None
        item = datasets.authored(id_, input_, expected, must_pass=must_pass, origin="authored")
        with opened_labels(settings, (source,), labels, annotator) as found:
            before = datasets.newest(found.store, name)
            old = items(found.store, before.id) if before is not None else ()
            _add(found, name, before, old, datasets.with_items(old, [item]), note=note)
        return
    with opened(
        settings, (source,), mapping=mapping, labels=labels, annotator=annotator, need_labels=True
    ) as given:
        assert given.labels is not None
        before = datasets.newest(given.labels.store, name)
        version, new = add_target(
            given.engine,
            given.labels.store,
            given.labels.annotator_name,
            name,
            given.engine.resolve(target),
            expected=expected,
            must_pass=must_pass,
            note=note,
        )
        _say_added(given.labels, before, version if new else None)


def _add(
    found: Labels,
    name: str,
    before: DatasetVersion | None,
    old: Sequence[DatasetItem],
    new: Sequence[DatasetItem],
    **told: Any,
) -> None:
    """Write the next version, unless it would be the one before; what is not told is that of the one before."""
    from traceview.annotation.datasets import next_version

    _say_added(found, before, next_version(found.store, found.annotator_name, name, before, old, new, **told))


def _say_added(found: Labels, before: DatasetVersion | None, made: DatasetVersion | None) -> None:
    """What a new version has that the one before had not, or that none was made."""
    from traceview.cli.output import say

    if made is None:
        assert before is not None
        say(f"nothing changed: {_called(before)} has all of it, no version was made")
        return
    since = ""
    if before is not None:
        diff = _compared(found, before, made)
        since = f" ({_counted(diff)} since {_called(before)})"
    say(f"{_called(made)}: {made.size:,} items{since}; in {found.location.path}")


def _compared(found: Labels, before: DatasetVersion, after: DatasetVersion) -> DatasetDiff:
    from traceview.annotation.datasets import compare
    from traceview.store.labels.datasets import items, rows_by_id

    old, new = items(found.store, before.id), items(found.store, after.id)
    return compare(old, new, rows_by_id(found.store, [id_ for item in (*old, *new) for id_ in item.labels]))


def _counted(diff: DatasetDiff) -> str:
    return f"{len(diff.came):,} came, {len(diff.went):,} went, {len(diff.changed):,} changed"


def _called(version: DatasetVersion) -> str:
    return f"{version.name}@{version.version}"


def _described(version: DatasetVersion, every: Sequence[DatasetItem]) -> dict[str, Any]:
    from collections import Counter

    splits = Counter(item.split for item in every if item.split)
    return {
        "name": version.name,
        "version": version.version,
        "items": version.size,
        "splits": " ".join(f"{name} {count:,}" for name, count in sorted(splits.items())),
        "must_pass": sum(item.must_pass for item in every),
        "annotator": version.annotator,
        "created_at": version.created_at,
        "filter": version.filter,
        "split": version.split,
        "seed": version.seed,
        "note": version.note,
        "source": version.source,
        "id": version.id,
    }


def _item_fields(item: DatasetItem) -> dict[str, Any]:
    target = item.target
    return {
        "id": item.id,
        "origin": item.origin,
        "target_kind": target.kind if target else None,
        "target_id": target.id if target else None,
        "trace_id": target.trace_id if target else None,
        "split": item.split,
        "must_pass": item.must_pass,
        "content_hash": item.content_hash,
        "input": item.input,
        "expected": item.expected,
        "label_ids": list(item.labels),
    }


def _short(value: object) -> str:
    return {True: "pass", False: "fail"}.get(value, str(value)) if isinstance(value, bool) else str(value)
