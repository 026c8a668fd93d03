"""`export` for people who train and evaluate: conversations, preference pairs, data set directories."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import click
from msgspec import Struct

if TYPE_CHECKING:
    from traceview.cli.opening import Opened
    from traceview.cli.settings import Settings
    from traceview.exports.training.manifest import ExportPlan
    from traceview.exports.training.run import ExportInput, ExportResult
    from traceview.model.labels import TargetKind
    from traceview.store.labels.frozen import LabelState
    from traceview.store.labels.store import LabelStore

SHOWN = 5
"""Conflicts and near-duplicates that are told one by one; all are in the manifest."""


class Request(Struct, frozen=True):
    """The options of the command line."""

    source: str
    format: str | None
    output: Path | None
    targets: str
    unlabelled: bool
    force: bool
    split: str | None
    seed: int
    conflicts: str
    redact: str
    preview: int | None
    from_manifest: Path | None
    dataset: str | None
    filter_text: str
    mapping: tuple[str, ...]
    labels: Path | None
    annotator: str | None


def export_for_training(settings: Settings, request: Request) -> int:
    """Write, preview or reproduce an export; the exit code, 1 where it cannot be reproduced."""
    from traceview.cli.output import say
    from traceview.exports.training.manifest import differences, read_manifest
    from traceview.exports.training.publishing import check_free, places, publish, workshop
    from traceview.exports.training.run import splits_of, write_export
    from traceview.files.dirs import expanded
    from traceview.model.errors import BadInput

    before = read_manifest(request.from_manifest) if request.from_manifest is not None else None
    plan = _plan(request, before)
    if request.preview is not None:
        with _given(settings, request, plan, before) as (plan, given):
            _preview(plan, given, request.preview)
        return 0
    if request.output is None or str(request.output) == "-":
        raise BadInput(
            f"{plan.format} is written to files, a manifest beside them",
            hint="-o PATH names them; --preview N prints the first N rows",
        )
    path = expanded(request.output).absolute()
    with _given(settings, request, plan, before) as (plan, given):
        found = places(plan.format, path, splits_of(plan, given))
        check_free(found, request.force, (*given.engine.info().files, *given.read_from))
        with workshop(path) as folder:
            result = write_export(plan, given, folder)
            changed = differences(before, result.manifest) if before is not None else []
            if before is not None and before.get("files") != result.manifest["files"]:
                say(
                    f"not reproduced, and nothing was written: {len(changed):,} things differ from the manifest"
                )
                for line in changed:
                    say(f"  {line}")
                return 1
            publish(folder, found, {name: file for name, (file, _) in result.parts.items()})
    _say(plan, result, found, path)
    if before is not None:
        say("reproduced byte for byte")
        for line in changed:
            say(f"  although {line}")
    return 0


def _plan(request: Request, before: dict[str, Any] | None) -> ExportPlan:
    from traceview.annotation.splitting import parse_ratios
    from traceview.cli.opening import parse_filter
    from traceview.cli.settings import is_given
    from traceview.exports.training.manifest import ExportPlan, plan_of
    from traceview.filters import to_text
    from traceview.model.errors import BadInput

    if before is not None and request.from_manifest is not None:
        names = ("format", "targets", "all_targets", "split", "seed", "conflicts", "redact", "dataset")
        both = [name for name in (*names, "filter_text") if is_given(name)]
        if both:
            raise BadInput(
                f"--from-manifest says everything; it cannot be given with {', '.join(both)}",
                hint="leave the others out, or leave the manifest out",
            )
        return plan_of(before, request.from_manifest)
    node = parse_filter(request.filter_text)
    if request.dataset is not None and node is not None:
        raise BadInput("--dataset names what is written; it cannot be given with --filter")
    return ExportPlan(
        request.format or "",
        to_text(node) if node else "",
        request.targets,
        request.unlabelled,
        parse_ratios(request.split) if request.split is not None else None,
        request.seed,
        cast(Any, request.conflicts),
        cast(Any, request.redact),
        request.dataset,
    )


@contextmanager
def _given(
    settings: Settings, request: Request, plan: ExportPlan, before: dict[str, Any] | None
) -> Iterator[tuple[ExportPlan, ExportInput]]:
    """The source, opened over the labels that count: those of the manifest, without those that were overruled.

    A plan that names a data set names it by its id afterwards.
    """
    from msgspec.structs import replace

    from traceview.annotation.splitting import conflicts_of, overruled
    from traceview.cli.opening import opened, opened_labels, parse_filter
    from traceview.exports.training.run import ExportInput
    from traceview.files.dirs import cache_dir, private_dir
    from traceview.store.labels.current import key_of
    from traceview.store.labels.frozen import frozen_copy, state_of
    from traceview.store.labels.sessions import sessions
    from traceview.store.targets import LEVELS

    sources = (request.source,)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="export-", dir=private_dir(cache_dir()))))
        found = stack.enter_context(opened_labels(settings, sources, request.labels, request.annotator))
        through = _through(before)
        store = found.store
        if through is not None and through < store.last_seq():
            store = stack.enter_context(_closing(frozen_copy(store, folder / "then.db", through=through)))
        state = state_of(store)
        definitions = found.project.definitions
        free = [one.name for one in definitions if one.type == "text"]
        current = store.current()
        conflicts = conflicts_of(current, {one.id: one.rule for one in sessions(store)}, free_text=free)
        if plan.conflicts == "adjudicated" and (against := overruled(current, conflicts)):
            store = stack.enter_context(
                _closing(frozen_copy(store, folder / "decided.db", without=[key_of(row) for row in against]))
            )
            current = store.current()
        labels = request.labels if store is found.store else store.path
        source = stack.enter_context(
            opened(settings, sources, mapping=request.mapping, labels=labels, annotator=request.annotator)
        )
        node = parse_filter(plan.filter)
        files = found.location.path
        own = tuple(str(files.with_name(f"{files.name}{end}")) for end in ("", "-wal", "-shm", ".lock"))
        if plan.dataset is not None:
            plan, given = _of_dataset(plan, store, source, state)
            yield plan, replace(given, read_from=own)
            return
        kinds = _kinds(plan, {row.target.kind for row in current if row.target.document is None})
        from traceview.cli.export import check_names_of

        check_names_of(source, node, plan.filter, [LEVELS[kind] for kind in kinds])
        yield (
            plan,
            ExportInput(source.engine, kinds, node, current, state, definitions, conflicts, read_from=own),
        )


def _of_dataset(
    plan: ExportPlan, store: LabelStore, source: Opened, state: LabelState
) -> tuple[ExportPlan, ExportInput]:
    """The frozen items of a data set: its targets with the labels they had, and what people wrote."""
    from msgspec.structs import replace

    from traceview.annotation.datasets import find_version
    from traceview.annotation.splitting import conflicts_of
    from traceview.exports.training.examples import authored_example
    from traceview.exports.training.run import ExportInput
    from traceview.model.errors import BadInput
    from traceview.store.labels.datasets import items, rows_by_id
    from traceview.store.targets import LEVELS

    version = find_version(store, plan.dataset or "")
    every = items(store, version.id)
    if plan.split is not None and any(item.split for item in every):
        raise BadInput(f"{version.name}@{version.version} has splits of its own", hint="leave --split out")
    labels = list(rows_by_id(store, [id_ for item in every for id_ in item.labels]).values())
    definitions = source.project.definitions
    of_target = [(item, item.target) for item in every if item.target is not None]
    kinds = [kind for kind in LEVELS if kind in {target.kind for _, target in of_target}]
    given = ExportInput(
        source.engine,
        kinds,
        None,
        sorted(labels, key=lambda row: (row.created_at, row.id)),
        state,
        definitions,
        conflicts_of(labels, free_text=[one.name for one in definitions if one.type == "text"]),
        only={target: item.split for item, target in of_target},
        expected={target: item.expected for item, target in of_target if item.expected is not None},
        must_pass=frozenset(target for item, target in of_target if item.must_pass),
        authored=[authored_example(item) for item in every if item.target is None],
    )
    return replace(plan, dataset=version.id), given


@contextmanager
def _closing(store: Any) -> Iterator[Any]:
    try:
        yield store
    finally:
        store.close()


def _through(before: dict[str, Any] | None) -> int | None:
    """The number of the last label row that a manifest knew."""
    labels = before.get("labels") if before is not None else None
    last = labels.get("last_row") if isinstance(labels, dict) else None
    return last if isinstance(last, int) else None


def _kinds(plan: ExportPlan, present: set[TargetKind]) -> list[TargetKind]:
    from traceview.store.targets import LEVELS

    if plan.targets != "labelled":
        return [kind for kind, level in LEVELS.items() if level == plan.targets]
    wanted = {*present, *(["trace"] if plan.unlabelled else [])}
    return [kind for kind in LEVELS if kind in wanted] or ["trace"]


def _preview(plan: ExportPlan, given: ExportInput, count: int) -> None:
    """Rows as they would be written on stdout, what was replaced in each on stderr."""
    from traceview.cli.output import say
    from traceview.exports.training.run import preview
    from traceview.exports.training.sinks import json_bytes
    from traceview.text.safe import safe_line

    with TemporaryDirectory(prefix="traceview-preview-") as folder:
        rows = preview(plan, given, Path(folder), count)
    for number, row in enumerate(rows, start=1):
        for record in row.records:
            line = json_bytes(record).decode()
            click.echo(safe_line(line) if sys.stdout.isatty() else line)
        place = f" ({row.example.split})" if row.example.split else ""
        say(f"{number}{place} {row.original.target.kind} {row.original.target.id}: {row.redactor.sentence()}")
        for placeholder, value in row.redactor.replaced().items():
            say(f"    {placeholder} was {value}")
    say(f"{len(rows):,} shown, nothing was written")


def _say(plan: ExportPlan, result: ExportResult, found: dict[str, Path], path: Path) -> None:
    from traceview.annotation.values import format_value
    from traceview.cli.output import say

    if not result.targets:
        say("warning: nothing matches, so the export has no rows")
    parts = ", ".join(f"{name} {rows:,}" for name, (_, rows) in result.parts.items())
    warning = "" if result.written else "warning: "
    say(f"{warning}{result.written:,} of {result.targets:,} that match written ({parts}); in {path}")
    if result.must_pass:
        say(
            f"{result.must_pass:,} of them must pass"
            + (": the column must_pass" if plan.format == "hf" else "")
        )
    if result.left_out:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in result.left_out.most_common())
        say(f"left out: {reasons}")
    if result.redacted:
        say(f"replaced: {', '.join(f'{count:,} {name}' for name, count in result.redacted.most_common())}")
    if result.conflicts:
        done = {
            "report": "written all the same; --conflicts exclude leaves them out",
            "exclude": "left out",
            "adjudicated": f"{sum(one.adjudicated is not None for one in result.conflicts):,} of them decided",
        }
        say(f"people differ on {len(result.conflicts):,}, {done[plan.conflicts]}:")
        for conflict in result.conflicts[:SHOWN]:
            values = ", ".join(f"{who} {format_value(value)}" for who, value in conflict.values)
            say(f"  {conflict.target.kind} {conflict.target.id} {conflict.name}: {values}")
        _say_more(len(result.conflicts))
    if result.leaks:
        say(f"{len(result.leaks):,} groups of near-duplicates are in several splits:")
        for leak in result.leaks[:SHOWN]:
            say(f"  {leak.reason}: {', '.join(f'{id_} ({split})' for id_, split in leak.rows)}")
        _say_more(len(result.leaks))
    say(f"the manifest is {found.get('manifest.json', path / 'manifest.json')}")


def _say_more(count: int) -> None:
    from traceview.cli.output import say

    if count > SHOWN:
        say(f"  {SHOWN} of {count:,} shown; the manifest has all")
