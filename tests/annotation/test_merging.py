"""Whoever labels, undoes and imports in whatever order: what is current is what annotation.md says it is."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from traceview.annotation import Annotator
from traceview.annotation.transfer import check_labels, import_labels, list_labels
from traceview.definitions.feedback import VERDICT
from traceview.model.labels import Target
from traceview.store.labels import rows as codec
from traceview.store.labels.store import LabelStore

TARGETS = [Target("trace", "a", "a"), Target("trace", "b", "b"), Target("thread", "a")]
WHO = ("ann", "bob", "cyd")

Step = tuple[str, int, int, list[Target], Any, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(["set", "set", "clear", "undo", "undo", "redo", "import"]),
        st.integers(0, 1),  # which of two files
        st.integers(0, 2),  # who
        st.lists(st.sampled_from(TARGETS), min_size=1, max_size=3, unique=True),
        st.sampled_from([True, False, "n/a"]),
        st.integers(-3, 3),  # how the clock goes, in seconds
    ),
    max_size=25,
)


def plainly(rows: Sequence[dict[str, Any]]) -> dict[tuple[Any, ...], Any]:
    """The definition, word for word and slowly, on rows as JSON."""
    in_time = sorted(rows, key=lambda row: (row["created_at"], row["id"]))
    key = ("target_kind", "trace_id", "target_id", "name", "source", "annotator")
    current: dict[tuple[Any, ...], Any] = {}
    for wanted in {tuple(row[field] for field in key) for row in rows}:
        for row in reversed(in_time):
            if tuple(row[field] for field in key) != wanted or row["op"] in ("undo", "redo"):
                continue
            reversals = [other["op"] for other in in_time if other["ref"] == row["id"]]
            if reversals and reversals[-1] == "undo":
                continue
            if row["op"] == "set":
                current[wanted] = row["value"]
            break
    return current


def found(store: LabelStore) -> dict[tuple[Any, ...], Any]:
    return {
        (r.target.kind, r.target.trace_id, r.target.id, r.name, r.source, r.annotator): r.value
        for r in store.current()
    }


@given(steps, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_current_is_what_is_said_of_it_and_merging_has_no_order(
    drawn: list[Step], chance: random.Random
) -> None:
    real_now, clock = codec.now, [1_000]
    codec.now = lambda: f"2026-11-20T00:{clock[0] // 60:02d}:{clock[0] % 60:02d}.000000Z"  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        # Each annotator has each of the two files open on their own, as their own process would.
        open_ = [[LabelStore.open(Path(folder, f"{side}.db")) for _ in WHO] for side in "ab"]
        stores = [store for side in open_ for store in side]
        try:
            for op, side, who, over, value, seconds in drawn:
                clock[0] += seconds
                store = open_[side][who]
                annotator = Annotator(store, [VERDICT], WHO[who])
                if op == "set":
                    annotator.set_value(over, "verdict", value)
                elif op == "clear":
                    annotator.clear(over, "verdict")
                elif op == "undo":
                    annotator.undo()
                elif op == "redo":
                    annotator.redo()
                else:
                    lines = [json.dumps(row) for row in list_labels(open_[1 - side][who], history=True)]
                    chance.shuffle(lines)
                    assert import_labels(store, lines, [VERDICT]).refused == ()
            for side in open_:
                history = list(list_labels(side[0], history=True))
                for store in side:
                    assert found(store) == plainly(history)
                assert check_labels(side[0], [VERDICT]).problems == ()
            together = [json.dumps(row) for side in open_ for row in list_labels(side[0], history=True)]
            for number in range(2):
                chance.shuffle(together)
                merged = LabelStore.open(Path(folder, f"merged{number}.db"))
                stores.append(merged)
                assert import_labels(merged, together, [VERDICT]).refused == ()
                assert found(merged) == plainly([json.loads(line) for line in dict.fromkeys(together)])
        finally:
            codec.now = real_now
            for store in stores:
                store.close()
