"""Items of a data set made from an opened source: what a filter selects, or single targets, with labels and splits."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from traceview.annotation.datasets import content_hash
from traceview.annotation.splitting import Ratios, group_of, split_of
from traceview.exports.content import ExportRow, Labels, target_of
from traceview.exports.rows import export_rows
from traceview.filters.ast import Node
from traceview.model.datasets import DatasetItem, ItemOrigin
from traceview.model.labels import LabelRow, Target, TargetKind
from traceview.store.interface import CancelToken, Engine

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
