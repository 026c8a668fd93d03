"""The items that have a failure mode, as a person recognises them: what splitting it chooses from."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec import Struct

from traceview.annotation.modes import MODE, names_of
from traceview.annotation.service import Annotator
from traceview.annotation.session_rows import matching_rows, target_of_row, text_of
from traceview.filters.ast import Node, all_of
from traceview.filters.errors import FilterError
from traceview.filters.parser import parse
from traceview.filters.printer import quoted
from traceview.model.labels import Target
from traceview.store.interface import CancelToken, Engine, ListQuery
from traceview.store.targets import LEVELS


class ModeExample(Struct, frozen=True):
    """One item of a failure mode. `text` is the beginning of what was asked and answered, None if it is gone from the
    source; `given_at` is RFC 3339 in UTC."""

    target: Target
    text: str | None
    notes: tuple[str, ...]
    given_at: str


class ModeExamples(Struct, frozen=True):
    """An annotator's own items of a mode that match a filter, newest first; `of` are all of them, `others` those that
    only other people gave it."""

    found: tuple[ModeExample, ...]
    of: int
    others: int


def mode_examples(
    engine: Engine,
    annotator: Annotator,
    mode: str,
    node: Node | None = None,
    *,
    token: CancelToken | None = None,
) -> ModeExamples:
    """The items that this annotator gave a mode. Raises FilterError where a filter can be asked of none of their kinds.

    With a filter, items that are not in the source any more match nothing.
    """
    rows = [row for row in annotator.store.current(name=MODE, source="human") if mode in names_of(row.value)]
    own = {row.target: row.created_at for row in rows if row.annotator == annotator.name}
    found = _rows_of(engine, own, mode, node, token)
    notes: dict[Target, list[str]] = {}
    for note in annotator.store.current(name="note", source="human"):
        notes.setdefault(note.target, []).append(str(note.value))
    examples = [
        ModeExample(target, None if row is None else text_of(row), tuple(notes.get(target, ())), own[target])
        for target in own
        if (row := found.get(_place_of(target))) is not None or node is None
    ]
    newest_first = sorted(examples, key=lambda one: (one.given_at, one.target.id), reverse=True)
    return ModeExamples(tuple(newest_first), len(own), len({row.target for row in rows} - own.keys()))


def _rows_of(
    engine: Engine, own: Collection[Target], mode: str, node: Node | None, token: CancelToken | None
) -> dict[Target, dict[str, Any]]:
    """The rows of lists of these traces, threads and spans (of documents, those that retrieved them) that match."""
    engine.refresh_labels()
    has_mode = parse(f"mode:{quoted(mode)}")
    wanted = all_of(has_mode, node)
    kinds = {target.kind for target in own}
    found: dict[Target, dict[str, Any]] = {}
    refused: list[FilterError] = []
    for kind in kinds:
        level = LEVELS[kind]
        try:
            rows = matching_rows(engine, ListQuery(level, wanted), token, None)
        except FilterError as error:
            refused.append(error)
            continue
        found |= {target_of_row(level, row): row for row in rows}
    if refused and len(refused) == len(kinds):
        raise refused[0]
    return found


def _place_of(target: Target) -> Target:
    """What a row of a list is about where the target is: of a document the span that retrieved it."""
    return target if target.document is None else Target("span", target.span_id or "", target.trace_id)
