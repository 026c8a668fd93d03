"""Traces read with their conversations: each conversation is read once, and a bounded number of them is kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from traceview.filters.ast import Compare, Text
from traceview.judges.views import TraceViews, next_words, thread_view
from traceview.model.errors import NotEnoughMemory
from traceview.model.messages import SpanPayload
from traceview.sources.jsontext import as_text
from traceview.sources.payload import payload_of
from traceview.store.interface import CancelToken, Engine, ListQuery, Row, TraceDetail
from traceview.store.transcript import Transcript
from traceview.text.human import size

TRACES_AT_ONCE = 64
SPANS_AT_ONCE = 2_000
"""Spans whose payloads are in memory at once; a trace with more is read whole all the same."""
LONGEST_THREAD = 1_000
"""Traces of one conversation that are read at least, the newest; `thread.left_out` says how many are not."""
KEPT_CHARACTERS = 40_000_000
KEPT_IDS = 1_000_000
NEXT = "next_user_message"


class Viewed(NamedTuple):
    """A trace with its conversation; `unread` says which text of either does not fit into memory, empty if all do."""

    trace_id: str
    views: TraceViews
    thread: dict[str, Any] | None
    unread: str = ""


class _Place(NamedTuple):
    """Where a trace stands in what was read of a conversation: its turns, and its number in the whole of it, from 1."""

    start: int
    end: int
    number: int


class _Stands(NamedTuple):
    """Where a trace stands in its conversation, from 0, and when it began."""

    place: int
    start_ns: int


class _Told:
    """What was read of one conversation, after its first `left_out` traces."""

    def __init__(self, thread_id: str, order: Sequence[str], left_out: int) -> None:
        self._thread_id = thread_id
        self._order = order
        self._left_out = left_out
        self._conversation = Transcript()
        self.places: dict[str, _Place] = {}
        self._unread: tuple[int, str] | None = None
        self.size = 0

    def read(self, trace_id: str, views: TraceViews) -> None:
        """Take up the next trace."""
        start = len(self._conversation.turns)
        self._conversation.read(*views.told)
        turns = self._conversation.turns
        number = self._left_out + len(self.places) + 1
        if views.unread and self._unread is None:
            self._unread = number, views.unread
        self.places[trace_id] = _Place(start, len(turns), number)
        self.size += sum(200 + len(turn.text) + len(as_text(turn.result) or "") for turn in turns[start:])

    def viewed(self, trace_id: str, views: TraceViews, needs: frozenset[str]) -> Viewed:
        """A trace with the conversation as it was at its end."""
        last = self.places[trace_id].number + (NEXT in needs)
        unread = self._unread[1] if self._unread is not None and self._unread[0] <= last else ""
        return Viewed(trace_id, views, self.view(trace_id, needs), unread)

    def view(self, trace_id: str, needs: frozenset[str]) -> dict[str, Any]:
        """The conversation as it was at the end of a trace, with what the user said next."""
        place = self.places[trace_id]
        turns = self._conversation.turns
        after = None
        if NEXT in needs and place.number < len(self._order):
            after = self.places.get(self._order[place.number])
        return thread_view(
            self._thread_id,
            turns[: place.end],
            place.number,
            needs,
            up_to=trace_id,
            next_user=next_words(turns[after.start : after.end]) if after is not None else None,
            left_out=self._left_out,
        )

    def covers(self, trace_ids: Iterable[str], with_next: bool) -> bool:
        """Whether all of these traces were read, and those after them if that is needed."""
        for trace_id in trace_ids:
            place = self.places.get(trace_id)
            if place is None:
                return False
            if with_next and place.number < len(self._order) and self._order[place.number] not in self.places:
                return False
        return True


class Conversations:
    """Reads traces with the conversations that they are in. What was read of a conversation is kept for a while.

    A conversation of many traces is read from a place on that depends on the trace alone, so that the same trace is
    always told the same: from LONGEST_THREAD to twice as many traces up to it.
    """

    def __init__(self, engine: Engine, needs: frozenset[str], token: CancelToken | None = None) -> None:
        self._engine = engine
        self._needs = needs
        self._with_next = NEXT in needs
        self._token = token
        self._told: OrderedDict[tuple[str, int], _Told] = OrderedDict()
        self._orders: OrderedDict[str, Mapping[str, _Stands]] = OrderedDict()

    def viewed(self, threads: Mapping[str, str | None]) -> Iterator[Viewed]:
        """Traces with their views and their conversations, in any order; `threads` maps them to their threads."""
        alone = [trace_id for trace_id, thread_id in threads.items() if thread_id is None]
        for trace_id, views in read_traces(self._engine, alone, self._token):
            thread = thread_view(None, views.turns, 1, self._needs, up_to=trace_id)
            yield Viewed(trace_id, views, thread, views.unread)
        self._find_orders(dict.fromkeys(thread for thread in threads.values() if thread is not None))
        wanted: dict[tuple[str, int], list[str]] = {}
        for trace_id, thread_id in threads.items():
            if thread_id is not None:
                begin = _begin(self._orders[thread_id][trace_id].place)
                wanted.setdefault((thread_id, begin), []).append(trace_id)
        known = {
            key: some
            for key, some in wanted.items()
            if key in self._told and self._told[key].covers(some, self._with_next)
        }
        keys = {trace_id: key for key, some in known.items() for trace_id in some}
        for trace_id, views in read_traces(self._engine, list(keys), self._token):
            yield self._told[keys[trace_id]].viewed(trace_id, views, self._needs)
        yield from self._read({key: some for key, some in wanted.items() if key not in known})
        self._forget()

    def _read(self, wanted: Mapping[tuple[str, int], Sequence[str]]) -> Iterator[Viewed]:
        """Read conversations from their beginnings on, up to the last wanted trace of each.

        All of them in order of time: what is near in time is near in the file, and is read from it at once.
        """
        told: dict[tuple[str, int], _Told] = {}
        owners: dict[str, list[tuple[str, int]]] = {}
        times: set[tuple[int, int, str]] = set()
        for (thread_id, begin), some in wanted.items():
            order = self._orders[thread_id]
            last = max(order[trace_id].place for trace_id in some)
            told[thread_id, begin] = _Told(thread_id, list(order), begin)
            for trace_id, stands in islice(order.items(), begin, last + 1 + self._with_next):
                owners.setdefault(trace_id, []).append((thread_id, begin))
                times.add((stands.start_ns, stands.place, trace_id))
        held: dict[tuple[str, int], tuple[str, TraceViews]] = {}
        for trace_id, views in read_traces(self._engine, [one for *_, one in sorted(times)], self._token):
            for key in owners[trace_id]:
                told[key].read(trace_id, views)
                if key in held:
                    before, its_views = held.pop(key)
                    yield told[key].viewed(before, its_views, self._needs)
                if trace_id in wanted[key]:
                    held[key] = trace_id, views
        for key, (trace_id, views) in held.items():
            yield told[key].viewed(trace_id, views, self._needs)
        self._told.update(told)

    def _find_orders(self, thread_ids: Iterable[str]) -> None:
        missing = [one for one in thread_ids if one not in self._orders]
        for thread_id, order in orders_of(self._engine, missing, self._token).items():
            stands = ((trace_id, _Stands(place, start)) for place, (start, trace_id) in enumerate(order))
            self._orders[thread_id] = dict(stands)

    def _forget(self) -> None:
        """Let go of what was read first, beyond what may be kept."""
        size = sum(one.size for one in self._told.values())
        while size > KEPT_CHARACTERS and self._told:
            size -= self._told.popitem(last=False)[1].size
        ids = sum(map(len, self._orders.values()))
        while ids > KEPT_IDS and self._orders:
            ids -= len(self._orders.popitem(last=False)[1])


def orders_of(
    engine: Engine, thread_ids: Iterable[str], token: CancelToken | None
) -> dict[str, list[tuple[int, str]]]:
    """The traces of conversations in order of time, each with when it began: one question for all of them."""
    orders: dict[str, list[tuple[int, str]]] = {thread_id: [] for thread_id in thread_ids}
    if not orders:
        return {}
    where = Compare("thread_id", ":", tuple(Text(thread_id) for thread_id in orders))
    selection = engine.select(ListQuery("traces", where), token)
    for offset in range(0, len(selection), 5_000):
        for row in engine.rows(selection, offset, 5_000, token).rows:
            orders[row["thread_id"]].append((row.get("start_ns") or 0, row["trace_id"]))
    return {thread_id: order[::-1] for thread_id, order in orders.items()}


def read_traces(
    engine: Engine, trace_ids: Sequence[str], token: CancelToken | None
) -> Iterator[tuple[str, TraceViews]]:
    """Traces in the order of the ids, their payloads a few traces at a time."""
    for some in chunks(trace_ids):
        waiting: list[tuple[str, TraceDetail]] = []
        for trace_id, detail in zip(some, engine.traces(some, token), strict=True):
            if waiting and sum(len(one.spans) for _, one in waiting) + len(detail.spans) > SPANS_AT_ONCE:
                yield from _views(engine, waiting, token)
                waiting = []
            waiting.append((trace_id, detail))
        yield from _views(engine, waiting, token)


def chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The ids, as many at once as are read at once."""
    return (ids[start : start + TRACES_AT_ONCE] for start in range(0, len(ids), TRACES_AT_ONCE))


def _views(
    engine: Engine, details: Sequence[tuple[str, TraceDetail]], token: CancelToken | None
) -> Iterator[tuple[str, TraceViews]]:
    # one query for all of them: each over the source's file costs more than a trace does
    read = payloads_of(engine, [span for _, detail in details for span in detail.spans], token)
    start = 0
    for trace_id, detail in details:
        end = start + len(detail.spans)
        unread = next((words for _, words in read[start:end] if words), "")
        yield trace_id, TraceViews(detail, [payload for payload, _ in read[start:end]], unread)
        start = end


def payloads_of(
    engine: Engine, spans: Sequence[Row], token: CancelToken | None
) -> list[tuple[SpanPayload, str]]:
    """The payloads of spans, in their order; one that does not fit into memory is empty, and beside it is why.

    What does not fit together is read by halves.
    """
    try:
        return [(payload, "") for payload in engine.payloads(spans, token, raw=False)]
    except NotEnoughMemory:
        if len(spans) > 1:
            half = len(spans) // 2
            return [*payloads_of(engine, spans[:half], token), *payloads_of(engine, spans[half:], token)]
    (span,) = spans
    try:
        ((_, sizes),) = engine.beginnings(spans, 0, token)
        large = size(sum(sizes.values()))
    except NotEnoughMemory:
        large = "of unknown size"
    words = f"the text of span {span['span_id']} does not fit into memory: {large}"
    return [(payload_of({"trace_id": span["trace_id"], "span_id": span["span_id"]}), words)]


def _begin(place: int) -> int:
    """With which trace of a conversation reading begins for the trace at a place."""
    return max(0, place // LONGEST_THREAD - 1) * LONGEST_THREAD
