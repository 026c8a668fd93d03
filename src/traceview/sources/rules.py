"""The rules that hold for every source, per trace: calls counted once, roll-ups, inheritance, leaf errors.

`resolve` is exact for any trace. Plain SQL gives the same answers for a trace in which all of these hold:

1. every `span_id` occurs once, and every `parent_id` is null or that of a span of the trace, without rings;
2. no llm span has an llm span among its descendants, and no embedding span an embedding span;
3. no two llm spans (and no two embedding spans) have the same non-null `call_id`;
4. no span of kind llm or embedding has a scope for which `is_vendor_native` holds;
5. no span of another kind than llm or embedding has tokens or cost of its own;
6. at most one distinct non-null `thread_id`, at most one distinct `user_id`, and at most one distinct pair
   (`prompt_name`, `prompt_version`) other than (null, null).

Then every llm and embedding span is a call of its own with its own tokens, spans without a thread, user or
prompt take the trace's only one, and a leaf error is an error span that is no error span's parent.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from traceview.model.schema import CALL_KINDS

VENDOR_NATIVE_PATTERN = r"^com\.[a-z0-9_]+\.sdk(\.|$)"
"""Scopes of model vendors' own SDKs, which trace themselves beside any instrumentation; also valid in DuckDB."""

_vendor_native = re.compile(VENDOR_NATIVE_PATTERN)
_SEPARATING = ("tool", "agent")
_NEIGHBOURS = 8


class SpanFacts(NamedTuple):
    """What the rules need to know of one span; `has_content` says that it carries an input or output."""

    span_id: str
    parent_id: str | None
    kind: str
    start_ns: int | None
    end_ns: int | None
    status: str
    call_id: str | None = None
    scope_name: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    has_content: bool = False
    thread_id: str | None = None
    user_id: str | None = None
    prompt_name: str | None = None
    prompt_version: str | None = None


class ResolvedSpan(NamedTuple):
    """What the rules say of one span.

    `is_call`: a model call (llm or embedding) that is counted once, here. `counted`: its tokens and cost belong
    to the totals: those of calls, and of a roll-up whose subtree has no llm call with tokens. Totals of model
    tokens leave the kind embedding out, totals of cost include it. Tokens and cost are the largest of the
    call's spans on the call, and as written on every other span. `duplicate_of` is the call's span id on the
    other spans of that call (a span delivered twice is a duplicate of its own id). `leaf_error`: an error
    span without a failing child, that is no duplicate of a failing span: one failed call is one leaf error.
    """

    duplicate_of: str | None
    is_call: bool
    counted: bool
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    thread_id: str | None
    user_id: str | None
    prompt_name: str | None
    prompt_version: str | None
    leaf_error: bool


class ResolvedTrace(NamedTuple):
    """The spans in the order given, and the conversation of the trace (its root's, else its only one)."""

    spans: list[ResolvedSpan]
    thread_id: str | None


_Usage = tuple[int | None, int | None, int | None, int | None, int | None, float | None]
_Pair = tuple[str | None, str | None]


def is_vendor_native(scope_name: str | None) -> bool:
    """True for the scope of a model vendor's own SDK."""
    return scope_name is not None and _vendor_native.match(scope_name) is not None


def resolve(spans: Sequence[SpanFacts]) -> ResolvedTrace:
    """Apply the rules to all spans of one trace. Linear but for sorting; rings, orphans and repeated ids are fine."""
    parents, order, first = _arrange(spans)
    calls = _Calls(spans, parents, order, first)
    counted = _counted(spans, parents, order, first, calls)
    threads = {span.thread_id for span in spans if span.thread_id is not None}
    thread_id = _trace_thread(spans, parents, threads)
    prompts = _inherited_prompts(spans, parents, order)
    users = _inherited_users(spans, parents, order)
    failing = {parents[index] for index, span in enumerate(spans) if span.status == "error"}
    leaves = [span.status == "error" and index not in failing for index, span in enumerate(spans)]
    kept_leaves = {spans[index].span_id for index in calls.kept if leaves[index]}
    resolved = []
    for index, span in enumerate(spans):
        usage = calls.usage.get(index)
        resolved.append(
            ResolvedSpan(
                calls.duplicate_of.get(index),
                index in calls.kept,
                counted[index],
                *(usage if usage is not None else span[8:14]),
                span.thread_id if span.thread_id is not None else thread_id,
                users[index],
                *prompts[index],
                leaves[index] and calls.duplicate_of.get(index) not in kept_leaves,
            )
        )
    return ResolvedTrace(resolved, thread_id)


def _arrange(spans: Sequence[SpanFacts]) -> tuple[list[int], list[int], dict[str, int]]:
    """Parent index of every span (-1 for roots and orphans), an order with parents first, first index of an id."""
    first: dict[str, int] = {}
    for index, span in enumerate(spans):
        first.setdefault(span.span_id, index)
    parents = [first.get(span.parent_id, -1) if span.parent_id else -1 for span in spans]
    children: list[list[int]] = [[] for _ in spans]
    order = []
    for index, parent in enumerate(parents):
        if parent < 0:
            order.append(index)
        else:
            children[parent].append(index)
    placed = [parent < 0 for parent in parents]
    position = 0
    start = 0
    while True:
        while position < len(order):
            for child in children[order[position]]:
                if not placed[child]:
                    placed[child] = True
                    order.append(child)
            position += 1
        # what no root reaches hangs from a ring: cut it at the first of its spans that is met walking upwards
        while start < len(spans) and placed[start]:
            start += 1
        if start == len(spans):
            return parents, order, first
        seen: set[int] = set()
        cut = start
        while cut not in seen:
            seen.add(cut)
            cut = parents[cut]
        parents[cut] = -1
        placed[cut] = True
        order.append(cut)


class _Calls:
    """The model calls of a trace: which span stands for each, with what usage, and which spans repeat it."""

    def __init__(
        self, spans: Sequence[SpanFacts], parents: list[int], order: list[int], first: dict[str, int]
    ) -> None:
        self.spans = spans
        self.parents = parents
        self.joined: dict[int, int] = {}
        self.usage: dict[int, _Usage] = {}
        self.kept: set[int] = set()
        self.duplicate_of: dict[int, str] = {}
        self.rollups: set[int] = set()
        for kind in CALL_KINDS:
            members = [index for index in order if spans[index].kind == kind]
            if members:
                self._group(kind, members, order, first)

    def find(self, index: int) -> int:
        """The representative of the group of a span."""
        root = index
        while (above := self.joined.get(root, root)) != root:
            root = above
        while (above := self.joined.get(index, index)) != root:
            self.joined[index] = root
            index = above
        return root

    def join(self, one: int, other: int) -> None:
        """Make two groups one."""
        self.joined[self.find(one)] = self.find(other)

    def _group(self, kind: str, members: list[int], order: list[int], first: dict[str, int]) -> None:
        if len(members) == 1:
            self.kept.add(members[0])
            return
        inner = self._nearest_inside(kind, members, order)
        by_id: dict[str, int] = {}
        for index in members:
            self._join_repeated(index, first)
            if index not in inner:
                self._join_by_call_id(index, by_id)
        if any(is_vendor_native(self.spans[index].scope_name) for index in members):
            self._join_native([index for index in members if index not in inner])
        for index in reversed(members):
            if index not in inner:
                continue
            if any(child in self.rollups for child in inner[index]):
                self.rollups.add(index)
                continue
            groups = {self.find(child) for child in inner[index]}
            if len(groups) > 1:
                self.rollups.add(index)
            else:
                self.join(index, groups.pop())
                self._join_by_call_id(index, by_id)
        self._keep(index for index in members if index not in self.rollups)

    def _nearest_inside(self, kind: str, members: list[int], order: list[int]) -> dict[int, list[int]]:
        """The nearest spans of the same kind below each span, with no tool or agent between."""
        spans, parents = self.spans, self.parents
        above: dict[int, int] = {}
        inner: dict[int, list[int]] = {}
        for index in order:
            parent = parents[index]
            if parent < 0:
                continue
            parent_kind = spans[parent].kind
            if parent_kind == kind:
                above[index] = parent
            elif parent_kind not in _SEPARATING and parent in above:
                above[index] = above[parent]
        if above:
            for index in members:
                if index in above:
                    inner.setdefault(above[index], []).append(index)
        return inner

    def _join_repeated(self, index: int, first: dict[str, int]) -> None:
        original = first[self.spans[index].span_id]
        if original != index and self.spans[original].kind == self.spans[index].kind:
            self.join(index, original)

    def _join_by_call_id(self, index: int, by_id: dict[str, int]) -> None:
        call_id = self.spans[index].call_id
        if call_id:
            other = by_id.setdefault(call_id, index)
            if other != index:
                self.join(index, other)

    def _join_native(self, members: list[int]) -> None:
        """Join a vendor's own span with the sibling that overlaps it most, if no id has joined it yet."""
        spans = self.spans
        natives = {index for index in members if is_vendor_native(spans[index].scope_name)}
        with_native = {self.find(index) for index in natives}
        with_other = {self.find(index) for index in members if index not in natives}
        siblings: dict[int, tuple[list[int], list[int]]] = {}
        for index in members:
            native = index in natives
            if self.find(index) not in (with_other if native else with_native):
                siblings.setdefault(self.parents[index], ([], []))[0 if native else 1].append(index)
        for own, others in siblings.values():
            if own and others:
                self._pair(own, others)

    def _pair(self, natives: list[int], others: list[int]) -> None:
        spans = self.spans
        timed = sorted((start, index) for index in others if (start := spans[index].start_ns) is not None)
        starts = [start for start, _ in timed]
        candidates: list[tuple[float, int, int]] = []
        for native in natives:
            start = spans[native].start_ns
            if start is None:
                continue
            # only the neighbours in time, so that thousands of parallel siblings stay cheap
            middle = bisect_left(starts, start)
            for _, other in timed[max(0, middle - _NEIGHBOURS) : middle + _NEIGHBOURS]:
                if spans[native].call_id and spans[other].call_id:
                    continue
                overlap = _overlap(spans[native], spans[other])
                if overlap > 0:
                    candidates.append((-overlap, native, other))
        taken: set[int] = set()
        for _, native, other in sorted(candidates):
            if native not in taken and other not in taken:
                taken.update((native, other))
                self.join(native, other)

    def _keep(self, members: Iterable[int]) -> None:
        if not self.joined:
            self.kept.update(members)
            return
        groups: dict[int, list[int]] = {}
        for index in members:
            groups.setdefault(self.find(index), []).append(index)
        for group in groups.values():
            if len(group) == 1:
                self.kept.add(group[0])
                continue
            best = max(group, key=self._richness)
            self.kept.add(best)
            fields = zip(*(self.spans[index][8:14] for index in group), strict=True)
            self.usage[best] = tuple(_largest(field) for field in fields)  # type: ignore[assignment]
            for index in group:
                if index != best:
                    self.duplicate_of[index] = self.spans[best].span_id

    def _richness(self, index: int) -> tuple[bool, bool, bool, int, int]:
        span = self.spans[index]
        return (
            span.has_content,
            _has_tokens(span),
            not is_vendor_native(span.scope_name),
            sum(value is not None for value in span),
            -index,
        )


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _has_tokens(span: SpanFacts) -> bool:
    return bool(span.input_tokens or span.output_tokens)


def _overlap(one: SpanFacts, other: SpanFacts) -> float:
    """The common part of two spans' times, of both together: 0 to 1; spans without an end are points."""
    if one.start_ns is None or other.start_ns is None:
        return 0
    one_end = max(one.end_ns if one.end_ns is not None else one.start_ns, one.start_ns) + 1
    other_end = max(other.end_ns if other.end_ns is not None else other.start_ns, other.start_ns) + 1
    common = min(one_end, other_end) - max(one.start_ns, other.start_ns)
    together = max(one_end, other_end) - min(one.start_ns, other.start_ns)
    return max(common, 0) / together


def _counted(
    spans: Sequence[SpanFacts], parents: list[int], order: list[int], first: dict[str, int], calls: _Calls
) -> list[bool]:
    """Which spans' tokens and cost belong to the totals."""
    counted = [index in calls.kept for index in range(len(spans))]
    sums = {
        index
        for index, span in enumerate(spans)
        if (span.input_tokens or span.output_tokens or span.cost_usd)
        and span.kind != "embedding"
        and not counted[index]
        and index not in calls.duplicate_of
        and first[span.span_id] == index
    }
    if not sums:
        return counted
    holds_call = [False] * len(spans)
    for index in reversed(order):
        span = spans[index]
        if span.kind == "llm" and index not in calls.rollups and _has_tokens(span):
            holds_call[index] = True
        if holds_call[index] and parents[index] >= 0:
            holds_call[parents[index]] = True
    covered = [False] * len(spans)
    under_call = [False] * len(spans)
    for index in order:
        parent = parents[index]
        if parent >= 0:
            covered[index] = covered[parent]
            under_call[index] = under_call[parent] and spans[index].kind not in _SEPARATING
        if index in sums and not holds_call[index] and not covered[index] and not under_call[index]:
            counted[index] = covered[index] = True
        if spans[index].kind == "llm" and index not in calls.rollups and _has_tokens(spans[index]):
            under_call[index] = True
    return counted


def _trace_thread(spans: Sequence[SpanFacts], parents: list[int], threads: set[str]) -> str | None:
    if not threads:
        return None
    if len(threads) == 1:
        return next(iter(threads))
    roots = [
        (span.parent_id is not None and span.parent_id != "", span.start_ns or 0, index)
        for index, span in enumerate(spans)
        if parents[index] < 0 and span.thread_id is not None
    ]
    return spans[min(roots)[2]].thread_id if roots else None


def _inherited_users(spans: Sequence[SpanFacts], parents: list[int], order: list[int]) -> list[str | None]:
    """The user of each span: its own, its nearest ancestor's, or the trace's only one."""
    distinct = {span.user_id for span in spans if span.user_id is not None}
    if len(distinct) <= 1:
        return [next(iter(distinct), None)] * len(spans)
    users = [span.user_id for span in spans]
    for index in order:
        if users[index] is None and parents[index] >= 0:
            users[index] = users[parents[index]]
    return users


def _inherited_prompts(spans: Sequence[SpanFacts], parents: list[int], order: list[int]) -> list[_Pair]:
    """Prompt name and version of each span: its own pair, its nearest ancestor's, or the trace's only one."""
    nothing: _Pair = (None, None)
    pairs: list[_Pair] = [(span.prompt_name, span.prompt_version) for span in spans]
    distinct = set(pairs) - {nothing}
    if len(distinct) <= 1:
        return [next(iter(distinct), nothing)] * len(spans)
    for index in order:
        if pairs[index] == nothing and parents[index] >= 0:
            pairs[index] = pairs[parents[index]]
    return pairs
