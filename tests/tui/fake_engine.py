"""An engine in memory: rows from a seed, spans made on demand, the filter reduced to status and text."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from traceview.filters.ast import And, Compare, FullText, Node, Not, Or, Pattern, Text, Versioned
from traceview.model.errors import BadInput, Cancelled, NotReady
from traceview.model.labels import LabelRow, Target
from traceview.model.messages import Message, Part, SpanPayload, ToolUse
from traceview.store.buckets import QUARTER_NS, Over, buckets
from traceview.store.interface import (
    CancelToken,
    EngineStatus,
    Found,
    Level,
    ListQuery,
    Page,
    Row,
    Selection,
    SqlResult,
    Stats,
    ThreadDetail,
    Totals,
    TraceDetail,
)
from traceview.store.source_info import SourceInfo
from traceview.store.stats import GroupField, figures, group_fields, prompt_rows, rate

START_NS = 1_793_527_200_000_000_000  # 2026-11-01 10:00 UTC
MINUTE_NS = 60_000_000_000
NAMES = ("answer question", "draft plan", "search docs")
QUESTIONS = (
    "How do I move a goal to next quarter?",
    "Who owns the revenue objective, and when was it last updated?",
    "No, I meant the other team's dashboard",
    "Bitte fasse die Ziele des Teams zusammen",
    "目標を四半期に移動するにはどうすればいいですか",
)


@dataclass
class FakeEngine:
    """`count` traces, a thread for every three; every seventh has an error. Rows may be replaced by a test."""

    count: int = 500
    spans_per_trace: int = 8
    phase: str = "ready"
    scores: dict[str, dict[str, dict[str, dict[str, Any]]]] = field(default_factory=dict)
    overrides: dict[int, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    message: str | None = None
    source_notice: str | None = None
    hint: str | None = None
    gate: threading.Event | None = None
    """While set aside (not None), `select` waits for it or for its token, and `search` is on its way."""
    found: int = 0
    """How many rows `search` has found before the gate is open, and the share it has searched."""
    searched: float = 0.43
    _generation: int = 1

    # What tests turn.

    def bump(self) -> None:
        """Something is new."""
        self._generation += 1

    # Rows.

    def trace_row(self, index: int) -> Row:
        """One row of the list of traces; index 0 is the oldest."""
        failed = index % 7 == 3
        trace_id = f"trace-{index:06d}"
        start = START_NS + index * MINUTE_NS
        duration = 400 + (index * 7919) % 9000
        row: Row = {
            "trace_id": trace_id,
            "thread_id": f"thread-{index // 3:05d}",
            "name": NAMES[index % 3],
            "start_ns": start,
            "end_ns": start + duration * 1_000_000,
            "duration_ms": float(duration),
            "spans": self.spans_per_trace,
            "errors": 2 if failed else 0,
            "leaf_errors": 1 if failed else 0,
            "status": "error" if failed else "ok",
            "input_tokens": 800 + index % 500,
            "output_tokens": 120 + index % 90,
            "cost_usd": 0.002 + (index % 40) / 10_000,
            "models": ["claude-sonnet"],
            "prompt_versions": [f"support@v{1 + index % 3}"],
            "input_preview": QUESTIONS[index % len(QUESTIONS)],
            "output_preview": "Open the goal, choose Move, and pick the quarter. " * 2,
            "scores": self.scores.get(trace_id, {}),
        }
        return {**row, **self.overrides.get(index, {})}

    def thread_row(self, index: int) -> Row:
        """One row of the list of threads."""
        members = [self.trace_row(number) for number in range(index * 3, min(self.count, index * 3 + 3))]
        thread_id = members[0]["thread_id"]
        return {
            "thread_id": thread_id,
            "traces": len(members),
            "spans": sum(row["spans"] for row in members),
            "errors": sum(row["errors"] for row in members),
            "first_input": members[0]["input_preview"],
            "last_output": members[-1]["output_preview"],
            "start_ns": members[0]["start_ns"],
            "end_ns": members[-1]["end_ns"],
            "input_tokens": sum(row["input_tokens"] for row in members),
            "output_tokens": sum(row["output_tokens"] for row in members),
            "cost_usd": sum(row["cost_usd"] for row in members),
            "scores": self.scores.get(thread_id, {}),
        }

    def span_rows(self, index: int) -> tuple[Row, ...]:
        """The spans of a trace: an agent, model calls, tools; the last tool fails where the trace does."""
        trace = self.trace_row(index)
        rows = []
        for number in range(self.spans_per_trace):
            kind = "agent" if number == 0 else ("llm", "tool")[number % 2]
            start = trace["start_ns"] + number * 40_000_000
            failed = trace["status"] == "error" and (number == 0 or number == self.spans_per_trace - 1)
            rows.append(
                {
                    "trace_id": trace["trace_id"],
                    "span_id": f"span-{number:04d}",
                    "parent_id": None if number == 0 else f"span-{(number - 1) // 4:04d}",
                    "thread_id": trace["thread_id"],
                    "name": trace["name"] if number == 0 else f"{kind} {number}",
                    "kind": kind,
                    "start_ns": start,
                    "end_ns": start + 30_000_000 if number else trace["end_ns"],
                    "duration_ms": 30.0 if number else trace["duration_ms"],
                    "status": "error" if failed else "ok",
                    "error_type": "Timeout" if failed else None,
                    "error_message": "the tool did not answer" if failed else None,
                    "model": "claude-sonnet" if kind == "llm" else None,
                    "provider": "anthropic" if kind == "llm" else None,
                    "prompt_name": "support" if kind == "llm" else None,
                    "prompt_version": f"v{1 + index % 3}" if kind == "llm" else None,
                    "input_tokens": 200 if kind == "llm" else None,
                    "output_tokens": 40 if kind == "llm" else None,
                    "cache_read_tokens": None,
                    "cache_write_tokens": None,
                    "reasoning_tokens": None,
                    "cost_usd": 0.001 if kind == "llm" else None,
                    "ttft_ms": 210.0 if kind == "llm" else None,
                    "user_id": "u_1",
                    "tags": [],
                    "tool_name": "search_docs" if kind == "tool" else None,
                    "duplicate_of": None,
                }
            )
        return tuple(rows)

    def _numbers(self, query: ListQuery) -> array[int]:
        size = self.count if query.level == "traces" else (self.count + 2) // 3
        order = range(size - 1, -1, -1)
        if query.filter is None and not query.sort:
            return array("q", order)
        make = self.trace_row if query.level == "traces" else self.thread_row
        rows = [(number, make(number)) for number in order]
        kept = [(number, row) for number, row in rows if query.filter is None or _matches(query.filter, row)]
        for key in reversed(query.sort):
            name = {"start_time": "start_ns", "tokens": "input_tokens"}.get(key.field, key.field)
            if name.startswith(("attr.", "score.")):
                kept.sort(key=lambda pair: pair[0] % 3, reverse=key.descending)
                continue
            kept.sort(key=lambda pair: pair[1].get(name) or 0, reverse=key.descending)
        return array("q", [number for number, _ in kept])

    def _row(self, query: ListQuery, number: int) -> Row:
        return self.trace_row(number) if query.level == "traces" else self.thread_row(number)

    # The interface.

    @property
    def generation(self) -> int:
        """Grows with `bump`."""
        return self._generation

    def status(self) -> EngineStatus:
        """Ready, unless a test says otherwise."""
        progress = 0.43 if self.phase == "indexing" else None
        spans = self.count * self.spans_per_trace
        return EngineStatus(self.phase, progress, spans, self._generation, self.message, self.hint)  # type: ignore[arg-type]

    def wait_ready(self, on_progress: Callable[[EngineStatus], None] | None = None) -> None:
        """It is."""

    def info(self, token: CancelToken | None = None) -> SourceInfo:
        """Not needed by screens."""
        raise NotImplementedError

    def first_page(self, query: ListQuery, limit: int, token: CancelToken | None = None) -> Page:
        """The first rows."""
        self.asked.append("first_page")
        numbers = self._numbers(query)[:limit]
        return Page(tuple(self._row(query, number) for number in numbers), 0, self.phase == "ready")

    def select(self, query: ListQuery, token: CancelToken | None = None) -> Selection:
        """All rows, once the gate is open."""
        self.asked.append("select")
        if self.phase != "ready":
            raise NotReady("The index is not ready.")
        while self.gate is not None and not self.gate.wait(0.005):
            if token is not None:
                token.check()
        if token is not None:
            token.check()
        return Selection(query, self._numbers(query), self._generation)

    def search(self, query: ListQuery, token: CancelToken | None = None) -> Iterator[Found]:
        """What `select` gives, at first only the `found` newest rows of it while the gate is shut."""
        self.asked.append("search")
        if self.phase != "ready":
            raise NotReady("The index is not ready.")
        numbers = self._numbers(query)
        while self.gate is not None and not self.gate.is_set():
            shown = 0 if query.sort or query.level == "threads" else self.found
            yield Found(Selection(query, numbers[:shown], self._generation), self.searched, False)
            if self.gate.wait(0.005):
                break
            if token is not None:
                token.check()
        yield Found(Selection(query, numbers, self._generation), 1.0, True)

    def rows(self, selection: Selection, offset: int, limit: int, token: CancelToken | None = None) -> Page:
        """Rows by position."""
        numbers = selection.keys[offset : offset + limit]
        return Page(tuple(self._row(selection.query, number) for number in numbers), offset)

    def extra(
        self, level: Level, ids: Sequence[str], fields: Sequence[str], token: CancelToken | None = None
    ) -> tuple[Row, ...]:
        """Attributes that every trace has, and the durations of a thread's traces."""
        self.asked.append("extra")
        while self.gate is not None and not self.gate.wait(0.005):
            if token is not None:
                token.check()
        found: list[Row] = []
        for one in ids:
            number = int(one.rpartition("-")[2])
            row: Row = dict.fromkeys(fields, (("gold", "silver", "plain")[number % 3],))
            if "turn_ms" in fields:
                members = range(number * 3, min(self.count, number * 3 + 3))
                row["turn_ms"] = tuple(self.trace_row(member)["duration_ms"] for member in members)
            found.append(row)
        return tuple(found)

    def position(self, selection: Selection, row_id: str, token: CancelToken | None = None) -> int | None:
        """Where a row stands."""
        number = int(row_id.rpartition("-")[2])
        keys = selection.keys
        return next((place for place, key in enumerate(keys) if key == number), None)

    def totals(self, query: ListQuery, token: CancelToken | None = None) -> Totals:
        """Totals over the rows of a query."""
        if self.phase != "ready":
            raise NotReady("The index is not ready.")
        numbers = self._numbers(query)
        of = self.count if query.level == "traces" else (self.count + 2) // 3
        return Totals(len(numbers), of, len(numbers) // 7, 1000, 200, 1.25, 2100.0, 8700.0, 0.0055)

    def trace(
        self, trace_id: str, token: CancelToken | None = None, start_ns: int | None = None
    ) -> TraceDetail:
        """One trace."""
        index = self._index(trace_id, "trace-")
        return TraceDetail(self.trace_row(index), self.span_rows(index))

    def traces(self, trace_ids: Sequence[str], token: CancelToken | None = None) -> tuple[TraceDetail, ...]:
        """Several traces."""
        return tuple(self.trace(trace_id, token) for trace_id in trace_ids)

    def ends(self, trace_ids: Sequence[str], token: CancelToken | None = None) -> tuple[Row, ...]:
        """The root of each trace."""
        return tuple(self.span_rows(self._index(trace_id, "trace-"))[0] for trace_id in trace_ids)

    def thread(self, thread_id: str, token: CancelToken | None = None) -> ThreadDetail:
        """One thread."""
        index = self._index(thread_id, "thread-")
        numbers = range(index * 3, min(self.count, index * 3 + 3))
        return ThreadDetail(self.thread_row(index), tuple(self.trace_row(number) for number in numbers))

    def _index(self, text: str, prefix: str) -> int:
        number = text.removeprefix(prefix)
        if not text.startswith(prefix) or not number.isdigit():
            raise BadInput(f"There is nothing with the id {text}.")
        return int(number)

    def payloads(
        self, spans: Sequence[Row], token: CancelToken | None = None, *, raw: bool = True
    ) -> tuple[SpanPayload, ...]:
        """Payloads of span rows."""
        return tuple(_payload(row) for row in spans)

    def beginnings(
        self, spans: Sequence[Row], limit: int, token: CancelToken | None = None, *, raw: bool = True
    ) -> tuple[tuple[SpanPayload, dict[str, int]], ...]:
        """The payloads of span rows, of texts over `limit` bytes only the beginning, and how many bytes those have.

        What is found in a text that was cut (messages, documents, attributes) may be incomplete.
        """
        return tuple((payload, {}) for payload in self.payloads(spans, token))

    def whole_text(self, span: Row, column: str, token: CancelToken | None = None) -> str | None:
        """One text column of a span as it is stored, of any size; None if there is none."""
        payload = self.payloads([span], token)[0]
        value = getattr(payload, column, None)
        return value if isinstance(value, str) else None

    def prompts(self, filter: Node | None = None, token: CancelToken | None = None) -> tuple[Row, ...]:
        """Prompt versions with their figures."""
        return prompt_rows(self.stats(filter, ("prompt_name", "prompt_version"), token=token).rows)

    def stats(
        self,
        filter: Node | None = None,
        by: Sequence[str] = (),
        over: Over | None = None,
        limit: int | None = None,
        token: CancelToken | None = None,
    ) -> Stats:
        """Figures of groups, once the gate is open."""
        self.asked.append(f"stats {','.join(by)} {over or '-'}")
        if self.phase != "ready":
            raise NotReady("The index is not ready.")
        while self.gate is not None and not self.gate.wait(0.005):
            if token is not None and token.cancelled:
                self.asked.append("cancelled")
                raise Cancelled
        fields = group_fields(by)
        rows = [self.trace_row(number) for number in range(self.count)]
        rows = [row for row in rows if filter is None or _matches(filter, row)]
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for row in rows:
            quarter = row["start_ns"] // QUARTER_NS
            bucket = buckets((quarter,), over)[0] if over is not None else None
            groups.setdefault((bucket, *(_value(field, row) for field in fields)), []).append(row)
        order = sorted(groups.items(), key=lambda one: (one[0][0].start_ns if over else 0, -len(one[1])))
        shown = [_group(members, key, fields, over, filter) for key, members in order[:limit]]
        for figures_of, (_, members) in zip(shown, order, strict=False):
            figures_of["scores"] = _rates(members)
        return Stats(tuple(shown), len(groups), len(rows), overlapping=False)

    def complete(
        self, field: str, prefix: str, limit: int = 50, token: CancelToken | None = None
    ) -> tuple[str, ...]:
        """Values of the fields that tests complete."""
        values = {"prompt_version": ("v1", "v2", "v3"), "model": ("claude-sonnet",)}.get(field, ())
        return tuple(value for value in values if value.startswith(prefix))[:limit]

    def resolve(self, target: str, token: CancelToken | None = None) -> Target:
        """A trace or a thread by its id."""
        if target.startswith("thread-"):
            return Target("thread", target)
        return Target("trace", target, target)

    def brought_scores(
        self,
        name: str | None = None,
        targets: Sequence[Target] | None = None,
        token: CancelToken | None = None,
    ) -> tuple[LabelRow, ...]:
        """The source has none, unless a test says so."""
        return ()

    def sql(self, statement: str, token: CancelToken | None = None) -> SqlResult:
        """Nothing."""
        nothing: Iterator[tuple[Any, ...]] = iter(())
        return SqlResult((), nothing)

    def refresh_labels(self) -> bool:
        """Tests bump the generation themselves."""
        return False

    def refresh_source(self, again: bool = False) -> bool:
        """Tests bump the generation themselves."""
        return False

    def look_at_source(self) -> str | None:
        """Nothing is wrong, unless a test says so."""
        return self.source_notice

    def close(self) -> None:
        """Nothing is open."""


def _value(field: GroupField, row: Row) -> str | None:
    name, _, version = row["prompt_versions"][0].rpartition("@")
    values = {"model": row["models"][0], "prompt_name": name, "prompt_version": version}
    return values.get(field.name, row.get(field.name))


def _group(
    rows: list[Row], key: tuple[Any, ...], by: Sequence[GroupField], over: Over | None, base: Node | None
) -> Row:
    times = sorted(row["duration_ms"] for row in rows)
    at = [times[min(len(times) - 1, int(share * len(times)))] for share in (0.5, 0.95, 0.99)]
    found: Row = {f"g{number}": value for number, value in enumerate(key[1:])}
    found |= {
        "n": len(rows), "units": len(rows), "timed": len(rows), "ttft_n": 0, "cache_read": None,
        "failed": sum(row["status"] == "error" for row in rows), "spans": sum(row["spans"] for row in rows),
        "errors": sum(row["errors"] for row in rows), "quantiles": at, "ttft_quantiles": None,
        "input_tokens": sum(row["input_tokens"] for row in rows),
        "output_tokens": sum(row["output_tokens"] for row in rows),
        "cost_usd": sum(row["cost_usd"] for row in rows), "uncosted": 0,
        "first_seen_ns": min(row["start_ns"] for row in rows),
        "last_seen_ns": max(row["start_ns"] for row in rows),
    }  # fmt: skip
    return figures(found, by, over, key[0], base)


def _rates(rows: list[Row]) -> dict[str, dict[str, dict[str, Any]]]:
    counts: dict[tuple[str, str], list[bool]] = {}
    for row in rows:
        for name, by in row["scores"].items():
            for source, values in by.items():
                counts.setdefault((name, source), []).extend(v for v in values.values() if v in (True, False))
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for (name, source), values in counts.items():
        one = rate(sum(values), len(values), len(rows) - len(values), 0, 0)
        found.setdefault(name, {})[source] = one
    return found


def _matches(node: Node, row: Row) -> bool:
    if isinstance(node, And):
        return all(_matches(child, row) for child in node.children)
    if isinstance(node, Or):
        return any(_matches(child, row) for child in node.children)
    if isinstance(node, Not):
        return not _matches(node.child, row)
    if isinstance(node, FullText):
        text = node.value.text if isinstance(node.value, Text) else "".join(node.value.parts)
        return text.lower() in str(row).lower()
    if isinstance(node, Compare):
        wanted = [value.text for value in node.values if isinstance(value, Text)]
        wanted += ["".join(value.parts) for value in node.values if isinstance(value, Pattern)]
        for value in node.values:
            if (
                isinstance(value, Versioned)
                and isinstance(value.name, Text)
                and isinstance(value.version, Text)
            ):
                wanted.append(f"{value.name.text}@{value.version.text}")
        if node.field == "prompt_name":
            return any(version in wanted for version in row.get("prompt_versions", ()))
        if node.field == "prompt_version":
            return any(version.rpartition("@")[2] in wanted for version in row.get("prompt_versions", ()))
        if node.field == "model":
            return any(model in wanted for model in row["models"])
        return str(row.get(node.field)) in wanted
    return True


def _payload(row: Row) -> SpanPayload:
    asked = Message("user", (Part("text", "How do I move a goal?"),))
    said = Message("assistant", (Part("text", "Open it and choose Move."),))
    is_tool = row["kind"] == "tool"
    return SpanPayload(
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        input='{"question": "How do I move a goal?"}',
        output="Open it and choose Move.",
        input_text="How do I move a goal?",
        output_text="Open it and choose Move.",
        input_messages=() if is_tool else (asked,),
        output_messages=() if is_tool else (said,),
        documents=(),
        tool=ToolUse("search_docs", "call_1", {"query": "move goal"}, {"hits": 3}) if is_tool else None,
        metadata={},
        events=(),
        attributes={"service.name": "assistant"},
        resource={},
    )
