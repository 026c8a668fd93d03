"""The targets of a judge with what it looks at, read in batches: memory does not grow with the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from traceview.definitions.judge_prompt import fields_of, keys_of
from traceview.filters.ast import Node
from traceview.judges import reading
from traceview.judges.reading import NEXT, Conversations, Viewed, chunks, orders_of, payloads_of, read_traces
from traceview.judges.views import span_view, thread_view, tool_calls_of
from traceview.model.judges import OBJECT_KEYS, JudgeDefinition
from traceview.model.labels import Target, TargetKind
from traceview.store.interface import CancelToken, Engine, ListQuery, Row, Selection
from traceview.store.targets import LEVELS, target_of_row
from traceview.store.transcript import Transcript

PAGE = 64
"""Targets whose objects are in memory at once."""


_OF_VIEWS = ("trace", "spans", "tool_calls", "retrieved")


class Item(Struct, frozen=True):
    """One target with the object that a judge looks at; `unread` says which text of it does not fit into memory."""

    target: Target
    thread_id: str | None
    object: dict[str, Any]
    unread: str = ""


def needs_of(judge: JudgeDefinition) -> frozenset[str]:
    """Which parts of the object a judge looks at: what is not needed is not read. Checks of code get all of them.

    `thread.KEY` are parts of the conversation; without any the whole of it is made.
    """
    known = {*OBJECT_KEYS[judge.scope], NEXT}
    if judge.kind == "code":
        return frozenset(known)
    fields = {name for one in judge.variables for name in fields_of(one.path)}
    keys = [keys_of(one.path, "thread") for one in judge.variables]
    parts = [{f"thread.{key}" for key in some} for some in keys if some is not None]
    return frozenset(known & fields).union(*(parts if len(parts) == len(keys) else ()))


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
    conversations = Conversations(engine, needs, token)
    end = len(selection) if limit is None else min(limit, len(selection))
    for offset in range(0, end, PAGE):
        page = engine.rows(selection, offset, min(PAGE, end - offset), token).rows
        rows = [row for row in page if is_wanted is None or is_wanted(target_of_row(scope, row))]
        yield from _items(conversations, engine, scope, rows, needs, token)


def items_of(
    engine: Engine,
    wanted: Sequence[Target],
    needs: frozenset[str] | None = None,
    token: CancelToken | None = None,
    conversations: Conversations | None = None,
) -> Iterator[Item]:
    """These targets, of one scope, in any order. Raises BadInput for one that is not in the source.

    Who asks again and again gives the same `conversations`, made with the same needs, so that none is read again.
    """
    if not wanted:
        return
    scope = wanted[0].kind
    needs = everything(scope) if needs is None else needs
    conversations = conversations or Conversations(engine, needs, token)
    for start in range(0, len(wanted), PAGE):
        part = wanted[start : start + PAGE]
        if scope == "thread":
            rows = [engine.thread(target.id, token).thread for target in part]
        else:
            ids = list(dict.fromkeys(str(target.trace_id or target.id) for target in part))
            details = [detail for some in chunks(ids) for detail in engine.traces(some, token)]
            rows = [detail.trace for detail in details]
            if scope == "span":
                chosen = {(target.trace_id, target.id) for target in part}
                rows = [
                    row for one in details for row in one.spans if (row["trace_id"], row["span_id"]) in chosen
                ]
        yield from _items(conversations, engine, scope, rows, needs, token)


def _items(
    conversations: Conversations, engine: Engine, scope: TargetKind, rows: Sequence[Row], needs: frozenset[str],
    token: CancelToken | None,
) -> Iterator[Item]:  # fmt: skip
    """The targets of some rows, in their order."""
    if scope == "thread":
        yield from _threads(engine, [row["thread_id"] for row in rows], needs, token)
    elif scope == "span" and not needs - {"span"}:
        for row, (payload, unread) in zip(rows, payloads_of(engine, rows, token), strict=True):
            alone = {"span": span_view(row, payload)}
            yield Item(target_of_row(scope, row), row.get("thread_id"), alone, unread)
    else:
        threads = {row["trace_id"]: row.get("thread_id") for row in rows}
        viewed: Iterator[Viewed]
        if needs & {"thread", NEXT}:
            viewed = conversations.viewed(threads)
        else:
            viewed = (
                Viewed(one, views, None, views.unread)
                for one, views in read_traces(engine, list(threads), token)
            )
        read = {one.trace_id: one for one in viewed}
        for row in rows:
            _, views, thread, unread = read[row["trace_id"]]
            found = {key: getattr(views, key) for key in _OF_VIEWS if key in needs}
            if thread is not None:
                found["thread"] = thread
            if scope == "span":
                found["span"] = views.span(row["span_id"])
            yield Item(target_of_row(scope, row), threads[row["trace_id"]], found, unread)


def _threads(
    engine: Engine, thread_ids: Sequence[str], needs: frozenset[str], token: CancelToken | None
) -> Iterator[Item]:
    orders = orders_of(engine, thread_ids, token)
    ordered = [(thread_id, [one for _, one in orders.get(thread_id, ())]) for thread_id in thread_ids]
    longest = reading.LONGEST_THREAD
    read = read_traces(engine, [one for _, order in ordered for one in order[-longest:]], token)
    for thread_id, order in ordered:
        conversation, unread = Transcript(), ""
        found: dict[str, Any] = {key: [] for key in ("traces", "spans", "retrieved") if key in needs}
        for _, views in islice(read, min(len(order), longest)):
            conversation.read(*views.told)
            unread = unread or views.unread
            for key in ("spans", "retrieved"):
                if key in needs:
                    found[key] += getattr(views, key)
            if "traces" in needs:
                found["traces"].append(views.trace)
        if "tool_calls" in needs:
            found["tool_calls"] = tool_calls_of(conversation.turns)
        if "thread" in needs:
            left_out = max(0, len(order) - longest)
            found["thread"] = thread_view(thread_id, conversation.turns, len(order), needs, left_out=left_out)
        yield Item(Target("thread", thread_id), thread_id, found, unread)
