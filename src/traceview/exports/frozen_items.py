"""Items of a data set made from an opened source: what a filter selects, or single targets, with labels and splits."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from traceview.annotation.datasets import content_hash, newest, next_version, with_items
from traceview.annotation.splitting import Ratios, group_of, parse_ratios, split_of
from traceview.exports.content import ExportRow, Labels, target_of
from traceview.exports.rows import export_rows
from traceview.filters.ast import Node
from traceview.filters.parser import parse
from traceview.filters.printer import quoted
from traceview.model.datasets import DatasetItem, DatasetVersion, ItemOrigin
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, Target, TargetKind
from traceview.store.interface import CancelToken, Engine
from traceview.store.labels.datasets import items
from traceview.store.labels.store import LabelStore

CORRECTION = "correction"


def selected_items(
    engine: Engine,
    kinds: Collection[TargetKind],
    filter: Node | None,
    rows: Iterable[LabelRow],
    ratios: Ratios | None,
    seed: int,
    *,
    only: Collection[Target] | None = None,
    origin: ItemOrigin = "selected",
    token: CancelToken | None = None,
) -> tuple[list[DatasetItem], int]:
    """The targets that match and have a label (those in `only`, if given), newest first; how many matched.

    The ids of the items are those of the targets; a correction is what is expected of it, the newest of several.
    """
    labels = Labels(rows)
    wanted = set(labels.targets()) if only is None else set(only)
    items: list[DatasetItem] = []
    taken: set[str] = set()
    count = 0
    for row in export_rows(engine, kinds, filter, only=wanted, token=token):
        count += 1
        target = target_of(row)
        if target in wanted:
            item = _item(row, target, labels.of(target), ratios, seed, origin)
            # in some sources a span is called like its trace
            items.append(item if item.id not in taken else replace(item, id=f"{target.kind}:{target.id}"))
            taken.add(item.id)
    return items, count


def _item(
    row: ExportRow,
    target: Target,
    labels: Collection[LabelRow],
    ratios: Ratios | None,
    seed: int,
    origin: ItemOrigin,
) -> DatasetItem:
    corrections = sorted(
        (label for label in labels if label.name == CORRECTION and isinstance(label.value, str)),
        key=lambda label: (label.created_at, label.id),
    )
    group = group_of(row.get("thread_id"), target.trace_id or target.id)
    return DatasetItem(
        target.id,
        origin,
        target,
        split_of(group, ratios, seed) if ratios is not None else None,
        tuple(sorted(label.id for label in labels)),
        content_hash(row.get("input"), row.get("output")),
        expected=str(corrections[-1].value) if corrections else None,
    )


def add_target(
    engine: Engine,
    store: LabelStore,
    annotator: str,
    name: str,
    place: Target,
    *,
    expected: str | None = None,
    must_pass: bool = False,
    note: str | None = None,
    token: CancelToken | None = None,
) -> tuple[DatasetVersion, bool]:
    """Add one target of the source as the next version of a data set; the newest version, and whether it is new.

    What is expected of it is its correction unless it is given. Raises BadInput where it is not there, Unsaved.
    """
    before = newest(store, name)
    old = items(store, before.id) if before is not None else ()
    ratios = parse_ratios(before.split) if before is not None and before.split else None
    found, _ = selected_items(
        engine,
        [place.kind],
        parse(f"{place.kind}:{quoted(place.id)}"),
        store.current([place]),
        ratios,
        before.seed if before is not None else 0,
        only=[place],
        origin="added",
        token=token,
    )
    if not found:
        raise BadInput(f"there is no {place.kind} {place.id} in the source")
    made = replace(
        found[0], must_pass=must_pass, expected=expected if expected is not None else found[0].expected
    )
    version = next_version(store, annotator, name, before, old, with_items(old, [made]), note=note)
    if version is not None:
        return version, True
    assert before is not None
    return before, False
