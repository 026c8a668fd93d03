"""Whether a label file is sound: SQLite's own check, then what the rows say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from traceview.model.errors import BadInput
from traceview.store.labels import rows as codec
from traceview.store.labels.store import LabelStore

SHOWN = 20


def problems(store: LabelStore) -> list[str]:
    """What is broken, in sentences; empty if nothing is. At most 20 of a kind are spelled out, the rest counted."""
    damage = [f"SQLite: {line}" for line in store.integrity_errors()]
    if damage:
        return damage
    found: list[str] = []
    kinds: Counter[str] = Counter()
    try:
        for kind, sentence in _row_problems(store):
            kinds[kind] += 1
            if kinds[kind] <= SHOWN:
                found.append(sentence)
    except BadInput as error:
        return [*found, error.message]
    return found + [f"{count - SHOWN:,} more rows {kind}" for kind, count in kinds.items() if count > SHOWN]


def _row_problems(store: LabelStore) -> Iterator[tuple[str, str]]:
    keys: dict[str, tuple[object, ...]] = {}
    ops: dict[str, str] = {}
    references: list[tuple[str, str, str]] = []
    for row in store.scan():
        id, op, ref, value = str(row[1]), str(row[14]), row[15], row[6]
        keys[id] = (row[2], row[3], row[4], row[5], row[7], row[8])
        ops[id] = op
        if value is not None:
            try:
                codec.decode_value(value)
            except (TypeError, BadInput):
                yield (
                    "with a value that is not JSON",
                    f"row {id}: the value is not JSON that a label can have",
                )
        try:
            if codec.normal_time(row[13]) != row[13]:
                yield (
                    "with a time in another form",
                    f"row {id}: {row[13]!r} is not in the form of a label's time",
                )
        except BadInput:
            yield "with a time that is none", f"row {id}: {row[13]!r} is not a time"
        if ref is not None:
            references.append((id, op, ref))
    for id, op, ref in references:
        if ref not in keys:
            yield "that refer to no row", f"row {id}: {op} of {ref}, which is not there"
        elif ops[ref] not in ("set", "clear"):
            yield "that refer to an undo", f"row {id}: {op} of {ref}, which is itself an {ops[ref]}"
        elif keys[ref] != keys[id]:
            yield (
                "that refer to another label",
                f"row {id}: {op} of {ref}, which is on another target or name",
            )
