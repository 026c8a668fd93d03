"""What a list screen asks its engine, as functions that run in workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from traceview.filters.ast import asks_texts
from traceview.tui.rows import ListLevel, row_id
from traceview.tui.widgets.virtual_list import PAGE_ROWS, Row

if TYPE_CHECKING:
    from traceview.filters.ast import Node
    from traceview.model.definitions import FeedbackDefinition
    from traceview.store.interface import (
        CancelToken,
        Engine,
        EngineStatus,
        Found,
        ListQuery,
        Selection,
    )
    from traceview.tui.marks import Marks

Pages = dict[int, Sequence[Row]]
MARKS_PAGE = 4 * PAGE_ROWS
PART_SECONDS = 0.2
"""Between two parts of a search that are shown."""
Accepts = Callable[[Row], bool]


class Loaded(Struct, frozen=True):
    """A selection with the rows that will be on the screen and the place of the cursor in it."""

    selection: Selection
    pages: Pages
    cursor: int
    top: int
    found: bool
    """Whether the row that the cursor stood on is in the selection."""
    reasons: tuple[str, ...] = ()
    """Where nothing matches: why, as far as the names of the filter tell, in words."""
    searched: float | None = None
    """What share (0..1) of the texts was searched for these rows; None once all were."""
    same: int = 0
    """How many rows at the beginning are those of the part before."""


class Pulse(Struct, frozen=True):
    """What a look at the engine found: its status, and whether anything is new."""

    status: EngineStatus
    generation: int


def load(
    engine: Engine,
    query: ListQuery,
    keep: str | None,
    line: int,
    height: int,
    token: CancelToken,
    *,
    text: str = "",
    definitions: Sequence[FeedbackDefinition] = (),
    tell: Callable[[Loaded], object] | None = None,
    top_now: Callable[[], int] = lambda: 0,
) -> Loaded:
    """Select the rows of a query and fetch the visible ones.

    The cursor goes to the row with the id `keep` and stays on its `line` of the window; else to the top.
    Raises FilterError for a score that `definitions` and labels do not have; `text` is the filter as written.
    Where texts have to be searched, `tell` gets what was found so far, with the rows from `top_now` on.
    """
    from traceview.store.names import check_names, why_none

    selection: Selection | None = None
    if tell is not None and asks_texts(query.filter):
        told = _Told(engine, keep, line, height, token)
        checked = False
        for found in engine.search(query, token):
            if not checked:
                check_names(engine, query.filter, text, query.level, definitions, token)
                checked = True
            if found.complete:
                selection = found.selection
            elif (part := told.part(found, top_now())) is not None:
                tell(part)
    if selection is None:
        selection = engine.select(query, token)
        # Behind the selection: before there is an index, not all names are known.
        check_names(engine, query.filter, text, query.level, definitions, token)
    reasons = () if len(selection) else tuple(why_none(engine, query.filter, query.level, token))
    position = engine.position(selection, keep, token) if keep is not None else None
    cursor = position or 0
    top = max(0, min(cursor - line, len(selection) - height))
    pages = fetch(
        engine, selection, {top // PAGE_ROWS, min(top + height, len(selection)) // PAGE_ROWS}, token
    )
    return Loaded(selection, pages, cursor, top, position is not None, reasons)


class _Told:
    """The parts of a search: the first rows at once, then a part now and again."""

    def __init__(self, engine: Engine, keep: str | None, line: int, height: int, token: CancelToken) -> None:
        self._engine, self._token = engine, token
        self._keep, self._line, self._height = keep, line, height
        self._before: Sequence[int] = ()
        # a search that has found nothing yet may be about to: what is shown gives way to nothing only then
        self._at = time.monotonic()

    def part(self, found: Found, top: int) -> Loaded | None:
        """What to show now, if anything: the pages of a window that begins at `top`, the cursor in the first part."""
        selection = found.selection
        now = time.monotonic()
        first_rows = len(selection) > 0 and not len(self._before)
        if not first_rows and now - self._at < PART_SECONDS:
            return None
        position = None
        if first_rows:
            position = self._engine.position(selection, self._keep, self._token) if self._keep else None
            top = max(0, (position or 0) - self._line)
        pages = fetch(
            self._engine, selection, {top // PAGE_ROWS, (top + self._height) // PAGE_ROWS}, self._token
        )
        same = same_beginning(self._before, selection.keys)
        self._before, self._at = selection.keys, now
        return Loaded(
            selection,
            pages,
            position or 0,
            top,
            position is not None,
            searched=found.searched,
            same=same,
        )


def same_beginning(before: Sequence[int], now: Sequence[int]) -> int:
    """How many keys at the beginning of two lists are the same."""
    import numpy as np

    length = min(len(before), len(now))
    if not length:
        return 0
    differ = np.asarray(before)[:length] != np.asarray(now)[:length]
    return int(differ.argmax()) if differ.any() else length


def place_of(keys: Sequence[int], key: int) -> int | None:
    """Where a key stands in a list."""
    import numpy as np

    found = np.flatnonzero(np.asarray(keys) == key)
    return int(found[0]) if len(found) else None


def fetch(engine: Engine, selection: Selection, pages: Iterable[int], token: CancelToken) -> Pages:
    """Whole pages of a selection."""
    fetched: Pages = {}
    for page in sorted(set(pages)):
        if page * PAGE_ROWS < len(selection):
            fetched[page] = engine.rows(selection, page * PAGE_ROWS, PAGE_ROWS, token).rows
    return fetched


def marked_ids(
    engine: Engine, selection: Selection | None, marks: Marks, level: ListLevel, token: CancelToken
) -> list[str]:
    """The ids of all marked rows; those of everything that matches are read a page at a time."""
    if not marks.all_but:
        return sorted(marks.ids)
    if selection is None:
        return []
    found: list[str] = []
    for offset in range(0, len(selection), MARKS_PAGE):
        rows = engine.rows(selection, offset, MARKS_PAGE, token).rows
        found += [name for name in (row_id(level, row) for row in rows) if name in marks]
    return found


def ids_alike(
    engine: Engine, selection: Selection, row: Row, level: ListLevel, token: CancelToken
) -> tuple[list[str], int]:
    """The ids of the rows whose answer begins nearly as that of a row, and how many rows were compared."""
    from traceview.analysis.near_duplicates import alike_to

    name = "output_preview" if level == "traces" else "last_output"
    found: list[str] = []
    for offset in range(0, len(selection), MARKS_PAGE):
        rows = engine.rows(selection, offset, MARKS_PAGE, token).rows
        texts = [str(one.get(name) or "") for one in rows]
        found += [row_id(level, rows[at]) for at in alike_to(str(row.get(name) or ""), texts)]
        token.check()
    return found, len(selection)


def pulse(engine: Engine, *, look_at_source: bool, again: bool = False) -> Pulse:
    """Take up what others wrote: labels always, new parts of the source when asked; `again` tries what failed."""
    engine.refresh_labels()
    if look_at_source:
        engine.refresh_source(again)
    return Pulse(engine.status(), engine.generation)


def only_marked(node: Node | None, marks: Marks, level: ListLevel) -> Node | None:
    """The filter that leaves the marked ones of what another one finds; there are some."""
    from traceview.filters.ast import And, Compare, Not, Text

    if not marks.ids:
        return node
    field = "trace_id" if level == "traces" else "thread_id"
    listed = Compare(field, ":", tuple(Text(one) for one in sorted(marks.ids)))
    chosen: Node = Not(listed) if marks.all_but else listed
    return chosen if node is None else And((node, chosen))
