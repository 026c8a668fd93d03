"""Examples of the targets that a filter selects, read from an opened source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

from traceview.exports.content import Labels
from traceview.exports.training.chat import Unwritable
from traceview.exports.training.conversation import answering_call, conversation_of
from traceview.exports.training.examples import CORRECTION, Example, LeftOut, label_objects
from traceview.filters.ast import Node
from traceview.model.labels import LabelRow, Target, TargetKind
from traceview.model.messages import SpanPayload
from traceview.store.interface import CancelToken, Engine, ListQuery, Row
from traceview.store.targets import LEVELS, target_of_row

PAGE = 512
READ_AT_ONCE = 32
"""Conversations that are in memory at once."""
_PEOPLE = ("human", "import", "user")


def read_examples(
    engine: Engine,
    kinds: Collection[TargetKind],
    filter: Node | None,
    labels: Labels,
    names: Mapping[str, str],
    is_wanted: Callable[[Target], str | None],
    token: CancelToken | None = None,
) -> Iterator[Example | LeftOut]:
    """The targets of these kinds that match, newest first, each as an example or as what is left out.

    `is_wanted` says why a target is left out before anything of it is read, or None. `names` are those that annotators
    go by.
    """
    for kind in kinds:
        selection = engine.select(ListQuery(LEVELS[kind], filter), token)
        for offset in range(0, len(selection), PAGE):
            rows = engine.rows(selection, offset, min(PAGE, len(selection) - offset), token).rows
            yield from _examples(engine, kind, rows, labels, names, is_wanted, token)


def _examples(
    engine: Engine,
    kind: TargetKind,
    rows: Sequence[Row],
    labels: Labels,
    names: Mapping[str, str],
    is_wanted: Callable[[Target], str | None],
    token: CancelToken | None,
) -> Iterator[Example | LeftOut]:
    reasons = {id(row): is_wanted(target_of_row(kind, row)) for row in rows}
    wanted = [row for row in rows if reasons[id(row)] is None]
    calls: Iterator[tuple[Row, SpanPayload] | None] = chain.from_iterable(
        _calls(engine, kind, wanted[start : start + READ_AT_ONCE], token)
        for start in range(0, len(wanted), READ_AT_ONCE)
    )
    for row in rows:
        target = target_of_row(kind, row)
        reason = reasons[id(row)]
        found = next(calls) if reason is None else None
        if reason is None and found is None:
            reason = "not a model call" if kind == "span" else "no model call"
        if reason is not None or found is None:
            yield LeftOut(target, reason or "no model call")
            continue
        span, payload = found
        try:
            conversation = conversation_of(span, payload)
        except Unwritable as error:
            yield LeftOut(target, str(error))
            continue
        spots = {target, Target("span", span["span_id"], span["trace_id"])}
        if kind == "thread":
            spots.add(Target("trace", span["trace_id"], span["trace_id"]))
        version = "@".join(filter(None, (span.get("prompt_name"), span.get("prompt_version"))))
        yield Example(
            target,
            row.get("thread_id"),
            conversation,
            _corrections(row for spot in spots for row in labels.of(spot)),
            label_objects(labels.of(target), names),
            {"model": span.get("model"), "prompt_version": version or None},
        )


def _corrections(rows: Iterable[LabelRow]) -> tuple[str, ...]:
    given = [row for row in rows if row.name == CORRECTION and row.source in _PEOPLE]
    ordered = sorted(given, key=lambda row: (row.created_at, row.id))
    return tuple(row.value for row in ordered if isinstance(row.value, str) and row.value.strip())


def _calls(
    engine: Engine, kind: TargetKind, rows: Sequence[Row], token: CancelToken | None
) -> list[tuple[Row, SpanPayload] | None]:
    """The call whose conversation each row is, with its payload: a span itself, of a thread that of its last trace."""
    if not rows:
        return []
    if kind == "span":
        own = [row for row in rows if row["kind"] == "llm"]
        read = dict(zip(map(id, own), engine.payloads(own, token, raw=False), strict=True))
        return [(row, read[id(row)]) if id(row) in read else None for row in rows]
    ids = [
        row["trace_id"] if kind == "trace" else engine.thread(row["thread_id"], token).traces[-1]["trace_id"]
        for row in rows
    ]
    details = engine.traces(ids, token)
    chosen = [_candidates(detail.spans) for detail in details]
    # one query for all of them: each over the source's file costs more than a trace does
    payloads = iter(
        engine.payloads([span for calls, root in chosen for span in (*calls, *root)], token, raw=False)
    )
    found: list[tuple[Row, SpanPayload] | None] = []
    for calls, root in chosen:
        of_calls, of_root = list(islice(payloads, len(calls))), list(islice(payloads, len(root)))
        at = answering_call(of_calls, of_root[0] if of_root else None)
        found.append(None if at is None else (calls[at], of_calls[at]))
    return found


def _candidates(spans: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The model calls of a trace, each once, and its root, if there are any calls."""
    calls = [span for span in spans if span["kind"] == "llm" and not span.get("duplicate_of")]
    known = {span["span_id"] for span in spans}
    return calls, [span for span in spans if span.get("parent_id") not in known][:1] if calls else []
