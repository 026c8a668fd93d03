"""The targets of a judge with what it looks at, read in batches: memory does not grow with the source."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from traceview.definitions.judge_prompt import fields_of
from traceview.filters.ast import Compare, Node, Text
from traceview.judges.views import TraceViews, next_words, span_view, thread_view, tool_calls_of
from traceview.model.judges import OBJECT_KEYS, JudgeDefinition
from traceview.model.labels import Target, TargetKind
from traceview.store.interface import CancelToken, Engine, ListQuery, Row, Selection, TraceDetail
from traceview.store.targets import LEVELS, target_of_row
from traceview.store.transcript import Transcript

PAGE = 64
"""Targets whose objects are in memory at once."""
TRACES_AT_ONCE = 64
SPANS_AT_ONCE = 2_000
"""Spans whose payloads are in memory at once; a trace with more is read whole all the same."""
LONGEST_THREAD = 1_000
"""Traces of one conversation that are read, the newest; how many are left out stands in `thread.left_out`."""
NEXT = "next_user_message"


class Item(Struct, frozen=True):
    """One target with the object that a judge looks at."""

    target: Target
    thread_id: str | None
    object: dict[str, Any]


def needs_of(judge: JudgeDefinition) -> frozenset[str]:
    """Which parts of the object a judge looks at: what is not needed is not read. Checks of code get all of them."""
    known = {*OBJECT_KEYS[judge.scope], NEXT}
    if judge.kind == "code":
        return frozenset(known)
    return frozenset(known.intersection(*[{name for one in judge.variables for name in fields_of(one.path)}]))


def everything(scope: TargetKind) -> frozenset[str]:
    """Every part of the object of a scope."""
    return frozenset({*OBJECT_KEYS[scope], NEXT})


def targets(
    engine: Engine, scope: TargetKind, where: Node | None, token: CancelToken | None = None
) -> Selection:
    """The rows of the targets that match, newest first; `len` counts them. Raises NotReady, BadInput."""
    return engine.select(ListQuery(LEVELS[scope], where), token)


def items(
    engine: Engine,
    scope: TargetKind,
    selection: Selection,
    needs: frozenset[str],
    *,
    is_wanted: Callable[[Target], bool] | None = None,
    limit: int | None = None,
    token: CancelToken | None = None,
) -> Iterator[Item]:
    """Every target of a selection in its order, read page by page.

    `is_wanted` is asked before anything of a target is read; with `limit` only so many rows are looked at.
    """
    end = len(selection) if limit is None else min(limit, len(selection))
    for offset in range(0, end, PAGE):
        page = engine.rows(selection, offset, min(PAGE, end - offset), token).rows
        rows = [row for row in page if is_wanted is None or is_wanted(target_of_row(scope, row))]
        yield from _items(engine, scope, rows, needs, token)


def items_of(
    engine: Engine,
    wanted: Sequence[Target],
    needs: frozenset[str] | None = None,
    token: CancelToken | None = None,
) -> Iterator[Item]:
    """These targets, of one scope, in any order. Raises BadInput for one that is not in the source."""
    if not wanted:
        return
    scope = wanted[0].kind
    needs = everything(scope) if needs is None else needs
    for start in range(0, len(wanted), PAGE):
        part = wanted[start : start + PAGE]
        if scope == "thread":
            rows = [engine.thread(target.id, token).thread for target in part]
        else:
            ids = list(dict.fromkeys(str(target.trace_id or target.id) for target in part))
            details = [detail for some in _chunks(ids) for detail in engine.traces(some, token)]
            rows = [detail.trace for detail in details]
            if scope == "span":
                chosen = {(target.trace_id, target.id) for target in part}
                rows = [
                    row for one in details for row in one.spans if (row["trace_id"], row["span_id"]) in chosen
                ]
        yield from _items(engine, scope, rows, needs, token)


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + TRACES_AT_ONCE] for start in range(0, len(ids), TRACES_AT_ONCE))


def _items(
    engine: Engine, scope: TargetKind, rows: Sequence[Row], needs: frozenset[str], token: CancelToken | None
) -> Iterator[Item]:
    """The targets of some rows, in their order."""
    if scope == "thread" or not needs & {"thread", NEXT}:
        yield from _as_read(engine, scope, rows, needs, token)
        return
    # what is of one conversation is read together
    read = {item.target: item for item in _as_read(engine, scope, rows, needs, token)}
    yield from (
        read[target] for target in dict.fromkeys(target_of_row(scope, row) for row in rows) if target in read
    )


def _as_read(
    engine: Engine, scope: TargetKind, rows: Sequence[Row], needs: frozenset[str], token: CancelToken | None
) -> Iterator[Item]:
    if scope == "thread":
        yield from _threads(engine, [row["thread_id"] for row in rows], needs, token)
    elif scope == "span" and not needs - {"span"}:
        for start in range(0, len(rows), PAGE):
            some = rows[start : start + PAGE]
            for row, payload in zip(some, engine.payloads(some, token), strict=True):
                yield Item(target_of_row(scope, row), row.get("thread_id"), {"span": span_view(row, payload)})
    else:
        wanted: dict[str, list[Row]] = {}
        for row in rows:
            wanted.setdefault(row["trace_id"], []).append(row)
        threads = {trace_id: some[0].get("thread_id") for trace_id, some in wanted.items()}
        for trace_id, views, thread in _viewed(engine, threads, needs, token):
            for row in wanted[trace_id]:
                found = _object(views, needs)
                if thread is not None:
                    found["thread"] = thread
                if scope == "span":
                    found["span"] = views.span(row["span_id"])
                yield Item(target_of_row(scope, row), threads[trace_id], found)


_Viewed = tuple[str, TraceViews, dict[str, Any] | None]


def _viewed(
    engine: Engine, threads: Mapping[str, str | None], needs: frozenset[str], token: CancelToken | None
) -> Iterator[_Viewed]:
    """Traces with their views, and each with its conversation up to it where that is needed."""
    if not needs & {"thread", NEXT}:
        yield from ((trace_id, views, None) for trace_id, views in _read(engine, list(threads), token))
        return
    alone = [trace_id for trace_id, thread_id in threads.items() if thread_id is None]
    for trace_id, views in _read(engine, alone, token):
        yield trace_id, views, thread_view(None, views.turns, 1, up_to=trace_id)
    orders = _orders(engine, [thread_id for thread_id in threads.values() if thread_id is not None], token)
    parts = [_Part.of(thread_id, order, threads, NEXT in needs) for thread_id, order in orders.items()]
    read = _read(engine, [trace_id for part in parts for trace_id in part.read], token)
    for part in parts:
        yield from _up_to_each(part, islice(read, len(part.read)), threads, NEXT in needs)


class _Part(Struct, frozen=True):
    """What is read of one conversation: `read` are its traces after the first `left_out` of them."""

    thread_id: str
    read: Sequence[str]
    left_out: int

    @classmethod
    def of(cls, thread_id: str, order: Sequence[str], wanted: Container[str], with_next: bool) -> _Part:
        """Up to the last wanted trace, and the one after it if the user's next words are needed."""
        places = [place for place, trace_id in enumerate(order) if trace_id in wanted]
        if not places:
            return cls(thread_id, (), 0)
        first = max(0, places[0] - LONGEST_THREAD)
        return cls(thread_id, order[first : places[-1] + 1 + with_next], first)


def _up_to_each(
    part: _Part, read: Iterator[tuple[str, TraceViews]], wanted: Container[str], with_next: bool
) -> Iterator[_Viewed]:
    """The wanted traces of one conversation, each with what was said up to it."""
    conversation = Transcript()
    held: tuple[str, TraceViews, int, int] | None = None

    def told(of: tuple[str, TraceViews, int, int], said: str | None) -> _Viewed:
        trace_id, views, turns, number = of
        return (
            trace_id,
            views,
            thread_view(
                part.thread_id,
                conversation.turns[:turns],
                number,
                up_to=trace_id,
                next_user=said,
                left_out=part.left_out,
            ),
        )

    for number, (trace_id, views) in enumerate(read, part.left_out + 1):
        before = len(conversation.turns)
        conversation.read(*views.told)
        if held is not None:
            yield told(held, next_words(conversation.turns[before:]) if with_next else None)
            held = None
        if trace_id in wanted:
            held = trace_id, views, len(conversation.turns), number
    if held is not None:
        yield told(held, None)


def _threads(
    engine: Engine, thread_ids: Sequence[str], needs: frozenset[str], token: CancelToken | None
) -> Iterator[Item]:
    orders = _orders(engine, thread_ids, token)
    ordered = [(thread_id, orders.get(thread_id, [])) for thread_id in thread_ids]
    read = _read(engine, [one for _, order in ordered for one in order[-LONGEST_THREAD:]], token)
    for thread_id, order in ordered:
        conversation = Transcript()
        found: dict[str, Any] = {key: [] for key in ("traces", "spans", "retrieved") if key in needs}
        for _, views in islice(read, min(len(order), LONGEST_THREAD)):
            conversation.read(*views.told)
            for key in ("spans", "retrieved"):
                if key in needs:
                    found[key] += getattr(views, key)
            if "traces" in needs:
                found["traces"].append(views.trace)
        if "tool_calls" in needs:
            found["tool_calls"] = tool_calls_of(conversation.turns)
        if "thread" in needs:
            left_out = max(0, len(order) - LONGEST_THREAD)
            found["thread"] = thread_view(thread_id, conversation.turns, len(order), left_out=left_out)
        yield Item(Target("thread", thread_id), thread_id, found)


def _orders(engine: Engine, thread_ids: Iterable[str], token: CancelToken | None) -> dict[str, list[str]]:
    """The traces of conversations in order of time: one question for all of them."""
    orders: dict[str, list[str]] = {thread_id: [] for thread_id in thread_ids}
    if not orders:
        return {}
    where = Compare("thread_id", ":", tuple(Text(thread_id) for thread_id in orders))
    selection = engine.select(ListQuery("traces", where), token)
    for offset in range(0, len(selection), 5_000):
        for row in engine.rows(selection, offset, 5_000, token).rows:
            orders[row["thread_id"]].append(row["trace_id"])
    return {thread_id: order[::-1] for thread_id, order in orders.items()}


def _object(views: TraceViews, needs: frozenset[str]) -> dict[str, Any]:
    return {key: getattr(views, key) for key in ("trace", "spans", "tool_calls", "retrieved") if key in needs}


def _read(
    engine: Engine, trace_ids: Sequence[str], token: CancelToken | None
) -> Iterator[tuple[str, TraceViews]]:
    """Traces in the order of the ids, their payloads a few traces at a time."""
    for some in _chunks(trace_ids):
        waiting: list[tuple[str, TraceDetail]] = []
        for trace_id, detail in zip(some, engine.traces(some, token), strict=True):
            if waiting and sum(len(one.spans) for _, one in waiting) + len(detail.spans) > SPANS_AT_ONCE:
                yield from _views(engine, waiting, token)
                waiting = []
            waiting.append((trace_id, detail))
        yield from _views(engine, waiting, token)


def _views(
    engine: Engine, details: Sequence[tuple[str, TraceDetail]], token: CancelToken | None
) -> Iterator[tuple[str, TraceViews]]:
    # one query for all of them: each over the source's file costs more than a trace does
    payloads = engine.payloads([span for _, detail in details for span in detail.spans], token)
    start = 0
    for trace_id, detail in details:
        end = start + len(detail.spans)
        yield trace_id, TraceViews(detail, payloads[start:end])
        start = end
