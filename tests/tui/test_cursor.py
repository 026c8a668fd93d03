"""Walking a list from inside one of its items."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from traceview.tui.cursor import ListCursor, Place
from traceview.tui.marks import Marks


def cursor_over(values: list[int], position: int, moved: list[Place] | None = None) -> ListCursor:
    rows = [{"value": value} for value in values]

    def fetch(offset: int, limit: int, token: Any) -> list[dict[str, Any]]:
        return rows[offset : offset + limit]

    return ListCursor(
        Place(position, rows[position]), len(rows), fetch, moved.append if moved is not None else None
    )


def test_the_ends_of_the_list_are_ends() -> None:
    cursor = cursor_over([10, 11, 12], 1)
    following, before = cursor.peek(1), cursor.peek(-1)
    assert following is not None and following.row == {"value": 12}
    assert before is not None and before.row == {"value": 10}
    assert cursor.peek(2) is None and cursor.peek(-2) is None
    assert cursor.sentence == "2 of 3"


def test_moving_tells_the_list() -> None:
    moved: list[Place] = []
    cursor = cursor_over([10, 11, 12], 0, moved)
    place = cursor.peek(1)
    assert place is not None and moved == []
    cursor.move(place)
    assert cursor.place.position == 1 and moved == [place]


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=700),
    st.data(),
    st.sampled_from((1, -1)),
    st.integers(0, 40),
)
def test_seeking_finds_the_nearest(
    values: list[int], data: st.DataObject, direction: int, wanted: int
) -> None:
    position = data.draw(st.integers(0, len(values) - 1))
    found = cursor_over(values, position).seek(direction, lambda row: row["value"] == wanted)
    order = range(position + 1, len(values)) if direction > 0 else range(position - 1, -1, -1)
    expected = next((index for index in order if values[index] == wanted), None)
    assert (found.position if found else None) == expected


@given(st.sets(st.integers(0, 20)), st.booleans(), st.integers(0, 20))
def test_toggling_a_mark_turns_one_row(ids: set[int], all_but: bool, toggled: int) -> None:
    marks = Marks(frozenset(map(str, ids)), all_but)
    after = marks.toggled(str(toggled))
    rows = [str(number) for number in range(21)]
    assert [row for row in rows if (row in marks) != (row in after)] == [str(toggled)]
    assert after.count(len(rows)) == sum(row in after for row in rows)
