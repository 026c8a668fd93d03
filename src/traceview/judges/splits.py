"""Which labelled items examples are drawn from, a judge is improved on, and it is measured on at the end.

A thread is in one split for good, by a hash of its id: what is said about one of its traces is never learned from
another. The assignment is a row beside the labels.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from traceview.annotation.splitting import Ratios, group_of, split_of
from traceview.annotation.values import format_value
from traceview.model.labels import LabelRow, Target
from traceview.model.splits import Assignment, Split
from traceview.store.interface import CancelToken, Engine
from traceview.store.labels import splits as stored
from traceview.store.labels.splits import Group
from traceview.store.labels.store import LabelStore

RATIOS = Ratios((("train", 0.15), ("dev", 0.45), ("test", 0.40)))
TEST_SHARE = dict(RATIOS.shares)["test"]
TEST_QUOTA = 40
"""Labels of a value that the test split gets before the hash alone decides: its rate is then known within 0.1."""
_PAGE = 5_000


class Splits(Struct, frozen=True):
    """The split of labelled targets, and the thread of each (its own trace where it is in none)."""

    of: Mapping[Target, Split]
    groups: Mapping[Target, Group]

    def among(self, targets: Iterable[Target], split: Split) -> tuple[Target, ...]:
        """Those of the targets that are in a split, in their order."""
        return tuple(target for target in targets if self.of.get(target) == split)


def split_by_hash(group: Group) -> Split:
    """The split of a thread by its id alone: what it gets unless the test split is short of its label's value."""
    return _SPLIT[split_of(group_of(*group), RATIOS, 0)]


def splits_of(
    engine: Engine, store: LabelStore, rows: Sequence[LabelRow], token: CancelToken | None = None
) -> Splits:
    """The splits of what people labelled, made and kept for threads that have none yet, in the order of their labels.

    `rows` are current labels of people under one name. Where nothing may be written the same splits are told and not
    kept. Raises NotReady, Cancelled, Unsaved.
    """
    ordered = sorted(rows, key=lambda row: (row.created_at, row.id))
    groups = groups_of(engine, dict.fromkeys(row.target for row in ordered), token)
    first: dict[Group, LabelRow] = {}
    for row in ordered:
        first.setdefault(groups[row.target], row)
    known = stored.assignments(store)
    if any(group not in known for group in first):
        if store.readonly:
            known |= {(one.thread_id, one.trace_id): one for one in chosen(first, known)}
        else:
            known = stored.assign(store, lambda told: chosen(first, told))
    return Splits({target: known[group].split for target, group in groups.items()}, groups)


def chosen(first: Mapping[Group, LabelRow], known: Mapping[Group, Assignment]) -> Iterator[Assignment]:
    """The splits of threads that have none, with the first label of each, in their order.

    The hash decides, except that each value of a name fills the test split first: while that has fewer of the value
    than its share of them, and fewer than TEST_QUOTA, the next one goes there.
    """
    counts: dict[tuple[str, str], Counter[Split]] = defaultdict(Counter)
    for one in known.values():
        counts[one.name, one.value][one.split] += 1
    for group, row in first.items():
        if group in known:
            continue
        value = format_value(row.value)
        of_value = counts[row.name, value]
        due = min(TEST_QUOTA, int(TEST_SHARE * (of_value.total() + 1)))
        split: Split = "test" if of_value["test"] < due else split_by_hash(group)
        of_value[split] += 1
        yield Assignment(*group, split, row.name, value)


def groups_of(
    engine: Engine, targets: Iterable[Target], token: CancelToken | None = None
) -> dict[Target, Group]:
    """The thread of each target; what the source does not have (any more) and what is in no thread stands alone."""
    wanted = tuple(targets)
    traces = sorted({one.trace_id or one.id for one in wanted if one.kind != "thread"})
    thread_of: dict[str, str | None] = {}
    for start in range(0, len(traces), _PAGE):
        page = traces[start : start + _PAGE]
        found = engine.extra("traces", page, ["thread_id"], token)
        thread_of |= {trace: row["thread_id"] or None for trace, row in zip(page, found, strict=True)}
    return {
        target: (target.id, None) if target.kind == "thread" else _group(target, thread_of)
        for target in wanted
    }


def _group(target: Target, thread_of: Mapping[str, str | None]) -> Group:
    trace = target.trace_id or target.id
    thread = thread_of[trace]
    return (thread, None) if thread is not None else (None, trace)


_SPLIT: dict[str, Split] = {"train": "train", "dev": "dev", "test": "test"}
