"""What is current: the SQL view and its Python twin agree on any history."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from traceview.model.labels import LabelRow, Target
from traceview.store.labels.current import current_rows
from traceview.store.labels.store import LabelStore

TIMES = [f"2026-11-20T00:00:00.00000{digit}Z" for digit in range(4)]
TARGETS = [
    Target("trace", "a", "a"),
    Target("span", "a", "x"),
    Target("span", "a", "y"),
    Target("thread", "a"),
]

steps = st.lists(
    st.tuples(
        st.sampled_from(["set", "set", "clear", "undo", "redo"]),
        st.sampled_from(TARGETS),
        st.sampled_from(["verdict", "tone"]),
        st.sampled_from(["human", "judge"]),
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(TIMES),
        st.integers(0, 10**6),
    ),
    max_size=30,
)


def history(drawn: list[tuple[str, Target, str, str, str, str, int]]) -> list[LabelRow]:
    rows: list[LabelRow] = []
    for number, (op, target, name, source, annotator, time, pick) in enumerate(drawn):
        changes = [row for row in rows if row.op in ("set", "clear")]
        if op in ("undo", "redo"):
            if not changes:
                continue
            ref = changes[pick % len(changes)]
            row = LabelRow(
                f"id{pick % 7}-{number}",
                ref.target,
                ref.name,
                None,
                ref.source,
                ref.annotator,
                time,
                op=op,
                ref=ref.id,
            )
        else:
            value = pick if op == "set" else None
            row = LabelRow(f"id{pick % 7}-{number}", target, name, value, source, annotator, time, op=op)  # type: ignore[arg-type]
        rows.append(row)
    return rows


@given(steps)
@settings(max_examples=60, deadline=None)
def test_view_and_twin_agree(drawn: list[tuple[str, Target, str, str, str, str, int]]) -> None:
    rows = history(drawn)
    with tempfile.TemporaryDirectory() as folder:
        store = LabelStore.open(Path(folder, "a.db"))
        try:
            store.append_now(rows)
            expected = current_rows(rows)
            assert list(store.current()) == expected
            for target in TARGETS:
                assert list(store.current([target])) == [row for row in expected if row.target == target]
            seq = len(rows) // 2
            touched = {(row.target, row.name, row.source, row.annotator) for row in rows[seq:]}
            changes = store.current_changes(seq) if seq else store.current_changes(0)
            if seq:
                now = {(row.target, row.name, row.source, row.annotator): row for row in expected}
                assert set(changes.rows) == {row for key, row in now.items() if key in touched}
                assert set(changes.gone) == touched - set(now)
        finally:
            store.close()


def test_an_undo_of_an_undo_is_a_redo_and_a_clear_leaves_nothing() -> None:
    target = TARGETS[0]

    def row(number: int, op: str, value: object = None, ref: str | None = None) -> LabelRow:
        time = f"2026-11-20T00:00:0{number}.000000Z"
        return LabelRow(str(number), target, "verdict", value, "human", "ann", time, op=op, ref=ref)  # type: ignore[arg-type]

    rows = [row(1, "set", True), row(2, "set", False), row(3, "undo", ref="2")]
    assert [kept.value for kept in current_rows(rows)] == [True]
    rows.append(row(4, "redo", ref="2"))
    assert [kept.value for kept in current_rows(rows)] == [False]
    rows.append(row(5, "clear"))
    assert current_rows(rows) == []
    rows.append(row(6, "undo", ref="5"))
    assert [kept.value for kept in current_rows(rows)] == [False]
