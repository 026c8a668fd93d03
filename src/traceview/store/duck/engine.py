"""The engine that answers the named queries with DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from traceview.definitions.prices import PriceTable
from traceview.definitions.prompt_files import PromptFiles
from traceview.filters.ast import Node
from traceview.model.errors import BadInput, NotReady
from traceview.model.labels import LabelRow, Target
from traceview.model.messages import SpanPayload
from traceview.model.span_rows import SpanRows
from traceview.sources.open import OpenedSources
from traceview.store.buckets import Over
from traceview.store.duck.connection import Database
from traceview.store.duck.derived import FIELD as UNSOURCED
from traceview.store.duck.derived import Derived
from traceview.store.duck.lifecycle import Lifecycle
from traceview.store.duck.mirror import LabelRows, Mirror
from traceview.store.duck.queries import Queries
from traceview.store.duck.sandbox import Sandbox
from traceview.store.duck.source_texts import beginnings, payloads, whole_text
from traceview.store.duck.stats import stats
from traceview.store.duck.unit_scan import UnitScan, units
from traceview.store.interface import (
    CancelToken,
    EngineStatus,
    Found,
    Level,
    ListQuery,
    Page,
    Row,
    Selection,
    SortKey,
    SqlResult,
    Stats,
    ThreadDetail,
    Totals,
    TraceDetail,
    asks_for,
)
from traceview.store.scan import Scan, Unit
from traceview.store.source_info import SourceInfo
from traceview.store.stats import prompt_rows


class DuckEngine:
    """An opened source. See `store.interface.Engine`; every method may be called from any worker thread."""

    def __init__(
        self,
        sources: OpenedSources,
        *,
        labels: LabelRows | None = None,
        overrides: Mapping[str, str] | None = None,
        prices: PriceTable | None = None,
        prompt_files: PromptFiles | None = None,
    ) -> None:
        """Returns at once; the index is opened or built in the background. Raises BadInput."""
        self._database = Database(prices=prices, prompt_files=prompt_files)
        self._mirror = Mirror(self._database, labels)
        self._lifecycle = Lifecycle(self._database, sources, self._mirror, overrides)
        self._sandbox = Sandbox(self._database)
        self._derived = Derived(self._database)
        self._lifecycle.start()

    @property
    def generation(self) -> int:
        """Grows whenever the answers to queries may have changed."""
        return self._lifecycle.generation

    def status(self) -> EngineStatus:
        """What goes on in the background; never blocks."""
        status = self._lifecycle.status()
        checked = self._derived.progress()
        if checked is None or status.message:
            return status
        return replace(status, message=f"checking sources {checked:.0%}")

    def wait_ready(self, on_progress: Callable[[EngineStatus], None] | None = None) -> None:
        """Block until every answer is exact. Raises TraceviewError if it failed."""
        self._lifecycle.wait(on_progress)
        self._mirror.refresh()

    @property
    def index_file(self) -> Path | None:
        """The file of the cache that holds the index, if one does."""
        return self._lifecycle.index_file

    def info(self, token: CancelToken | None = None) -> SourceInfo:
        """Counts and ranges of the whole source."""
        found = self._queries().facts(token)
        sources = self._lifecycle.sources
        return SourceInfo(
            format=sources.format,
            files=sources.names,
            identity=sources.identity,
            spans=found["spans"],
            traces=found["traces"],
            threads=found["threads"],
            error_spans=found["error_spans"],
            error_traces=found["error_traces"],
            leaf_errors=found["leaf_errors"],
            llm_calls=found["llm_calls"],
            spans_by_kind=found["spans_by_kind"],
            input_tokens=found["input_tokens"],
            output_tokens=found["output_tokens"],
            cost_usd=found["cost_usd"],
            models=found["models"],
            prompt_versions=found["prompt_versions"],
            thread_ids=found["thread_ids"],
            start_ns=found["start_ns"],
            end_ns=found["end_ns"],
            skipped=tuple(self._lifecycle.skipped()),
            mapping=dict(sources.mapping_words),
            not_read=sources.not_read,
            calls=found["calls"],
            cost_calls=found["cost_calls"],
            model_costs=found["model_costs"],
            brought=self._mirror.counts_brought(token),
        )

    def first_page(self, query: ListQuery, limit: int, token: CancelToken | None = None) -> Page:
        """The first rows of a list as fast as they can be had, also before the index is ready."""
        if asks_for(UNSOURCED, query):
            self._lifecycle.wait_whole(token)
            self._derive(query, token)
        current = self._lifecycle.first(query, limit, token)
        rows = current.first(query, limit, token)
        self._attach(query.level, rows, token)
        return Page(tuple(rows), 0, current.index.complete)

    def select(self, query: ListQuery, token: CancelToken | None = None) -> Selection:
        """All rows of a query in order. Raises NotReady while no index is."""
        self._derive(query, token)
        generation, current = self._lifecycle.now()
        if current is None:
            raise NotReady("still indexing", hint="the whole list comes when the index is ready")
        return Selection(query, current.keys(query, token), generation)

    def search(self, query: ListQuery, token: CancelToken | None = None) -> Iterator[Found]:
        """The rows of a query as they are found. Raises NotReady while no index is."""
        self._derive(query, token)
        generation, current = self._lifecycle.now()
        if current is None:
            raise NotReady("still indexing", hint="the whole list comes when the index is ready")
        for one in current.search(query, token):
            yield Found(Selection(query, one.keys, generation), one.searched, one.complete)

    def rows(self, selection: Selection, offset: int, limit: int, token: CancelToken | None = None) -> Page:
        """Rows of a selection by position."""
        current = self._lifecycle.of(selection.generation)
        level = selection.query.level
        numbers = [int(number) for number in selection.keys[max(0, offset) : max(0, offset) + limit]]
        rows = current.by_number(level, numbers, token)
        self._attach(level, rows, token)
        return Page(tuple(rows), offset, current.index.complete)

    def extra(
        self, level: Level, ids: Sequence[str], fields: Sequence[str], token: CancelToken | None = None
    ) -> tuple[Row, ...]:
        """Values of traces or threads that their rows do not carry, in the order of the ids."""
        current = self._queries()
        return current.extra.values(current.index, level, ids, fields, token)

    def position(self, selection: Selection, row_id: str, token: CancelToken | None = None) -> int | None:
        """Where the row with this id stands in a selection; None if it is not in it."""
        import numpy as np

        current = self._lifecycle.of(selection.generation)
        for number in current.number_of(selection.query.level, row_id, token):
            keys: Any = selection.keys
            found = np.flatnonzero(keys == number)
            if len(found):
                return int(found[0])
        return None

    def totals(self, query: ListQuery, token: CancelToken | None = None) -> Totals:
        """Totals over all rows of a query."""
        self._derive(query, token)
        current = self._queries()
        return replace(current.totals(query, token), whole=current.index.complete)

    def trace(
        self, trace_id: str, token: CancelToken | None = None, start_ns: int | None = None
    ) -> TraceDetail:
        """One trace with all of its spans. Raises BadInput if there is none of that id."""
        partial = None
        for current in self._lifecycle.candidates():
            found = current.trace(trace_id, token, start_ns)
            if found is not None:
                # without its root, a part of the source may hold an earlier beginning of the trace
                if current.index.complete or None in found[1].column("parent_id"):
                    return self._trace_detail(found, token)
                partial = found
        found = self._lifecycle.scan_trace(trace_id, token)
        if found is not None:
            return self._trace_detail(found, token)
        if partial is not None:
            return self._trace_detail(partial, token, maybe_incomplete=True)
        raise BadInput(f"there is no trace {trace_id!r}", hint="was the source rewritten?")

    def traces(self, trace_ids: Sequence[str], token: CancelToken | None = None) -> tuple[TraceDetail, ...]:
        """Several traces with all of their spans, in the order of the ids. Raises BadInput if one is not there."""
        found: dict[str, tuple[Row, SpanRows]] = {}
        for current in self._lifecycle.candidates():
            if current.index.complete:
                found = current.traces(trace_ids, token)
        missing = [one for one in dict.fromkeys(trace_ids) if one not in found]
        if missing:
            found |= self._lifecycle.scan_traces(missing, token)
        self._mirror.attach("traces", [trace for trace, _ in found.values()], token)
        spans = self._mirror.attached([spans for _, spans in found.values()], token)
        details = {
            one: TraceDetail(trace, mine)
            for (one, (trace, _)), mine in zip(found.items(), spans, strict=True)
        }
        return tuple(details[one] if one in details else self.trace(one, token) for one in trace_ids)

    def _trace_detail(
        self, found: tuple[Row, SpanRows], token: CancelToken | None, *, maybe_incomplete: bool = False
    ) -> TraceDetail:
        trace, spans = found
        self._mirror.attach("traces", [trace], token)
        return TraceDetail(trace, self._mirror.attached([spans], token)[0], maybe_incomplete)

    def thread(self, thread_id: str, token: CancelToken | None = None) -> ThreadDetail:
        """One thread with its traces. Raises BadInput if there is none of that id."""
        found = None
        for current in self._lifecycle.candidates():
            if current.index.complete:
                found = current.thread(thread_id, token)
        if found is None:
            found = self._lifecycle.scan_thread(thread_id, token)
        if found is None:
            raise BadInput(f"there is no thread {thread_id!r}", hint="was the source rewritten?")
        thread, traces = found
        self._mirror.attach("threads", [thread], token)
        self._mirror.attach("traces", traces, token)
        return ThreadDetail(thread, tuple(traces))

    def ends(self, trace_ids: Sequence[str], token: CancelToken | None = None) -> tuple[Row, ...]:
        """The span rows that a trace's input and output come from, of many traces at once."""
        return tuple(self._queries().ends(trace_ids, token))

    def payloads(
        self, spans: Sequence[Row], token: CancelToken | None = None, *, raw: bool = True
    ) -> tuple[SpanPayload, ...]:
        """The payloads of span rows as `trace` or `rows` gave them, in the same order."""
        return payloads(self._database, self._lifecycle.reader, spans, token, raw=raw) if spans else ()

    def beginnings(
        self, spans: Sequence[Row], limit: int, token: CancelToken | None = None, *, raw: bool = True
    ) -> tuple[tuple[SpanPayload, dict[str, int]], ...]:
        """The payloads of span rows, of texts over `limit` bytes only the beginning, and how many bytes those have.

        What is found in a text that was cut (messages, documents, attributes) may be incomplete.
        """
        if not spans:
            return ()
        return beginnings(self._database, self._lifecycle.reader, spans, limit, token, raw=raw)

    def whole_text(self, span: Row, column: str, token: CancelToken | None = None) -> str | None:
        """One text column of a span as it is stored, of any size; None if there is none."""
        return whole_text(self._database, self._lifecycle.reader, span, column, token)

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
        """Figures of the traces that match, by fields and stretches of local time."""
        self._derive(ListQuery("traces", filter), token)
        current = self._queries()
        where = current.condition(filter, "traces", token)
        return stats(
            self._database, current.index, where, filter=filter, by=by, over=over, limit=limit, token=token
        )

    def complete(
        self, field: str, prefix: str, limit: int = 50, token: CancelToken | None = None
    ) -> tuple[str, ...]:
        """Values of a field that start with (then contain) a prefix, the most frequent first."""
        _, current = self._lifecycle.now()
        return current.values(field, prefix, limit, token) if current is not None else ()

    def resolve(self, target: str, token: CancelToken | None = None) -> Target:
        """The span, trace or thread with this id or unique prefix. Raises BadInput if none or several match."""
        _, current = self._lifecycle.now()
        if current is not None and current.index.complete:
            return current.resolve(target, token)
        return self._lifecycle.scan_target(target, token)

    def missing(self, targets: Sequence[Target], token: CancelToken | None = None) -> tuple[Target, ...]:
        """Those of the targets that are not in the source, in their order."""
        return tuple(self._queries().missing(targets, token))

    def sql(self, statement: str, token: CancelToken | None = None) -> SqlResult:
        """Read-only SQL over the views spans, traces, threads, scores. Raises BadInput on a bad statement."""
        return self._sandbox.run(statement, self._queries(), token)

    def brought_scores(
        self,
        name: str | None = None,
        targets: Sequence[Target] | None = None,
        token: CancelToken | None = None,
    ) -> tuple[LabelRow, ...]:
        """The scores that stand in the source itself, of this name and of these targets alone if given."""
        return tuple(self._mirror.brought(name, targets, token))

    def refresh_labels(self) -> bool:
        """Take up label rows that others added since; True if any were."""
        changed = self._mirror.refresh()
        if changed:
            self._lifecycle.touch()
        return changed

    def refresh_source(self, again: bool = False) -> bool:
        """Take up parts that arrived since, or a rewritten file; True if any were. `again` tries what failed."""
        return self._lifecycle.refresh(again)

    def look_at_source(self) -> str | None:
        """What is wrong with the source since it was read, in words: a cheap look that takes nothing up."""
        return self._lifecycle.look()

    def units(self, scan: Scan, token: CancelToken | None = None) -> Iterator[list[Unit]]:
        """The units of a scan that match any of its filters, in batches. Raises NotReady while no whole index is."""
        return units(self._database, self._scannable(scan, token), scan, token)

    def scan(self, scan: Scan, token: CancelToken, workers: int | None = None) -> UnitScan:
        """A scan, to be closed by whoever asked for it. Raises NotReady, BadInput, Cancelled."""
        return UnitScan(self._database, self._scannable(scan, token), scan, token, workers)

    def _scannable(self, scan: Scan, token: CancelToken | None) -> Queries:
        for node in scan.filters:
            self._derive(ListQuery(scan.level, node), token)
        current = self._queries()
        if not current.index.complete:
            raise NotReady("still reading", hint="judging begins once everything is read")
        return current

    def derive(self, field: str, token: CancelToken | None = None) -> None:
        """Find a figure of every trace that is derived from texts (`unsourced`), and wait for it."""
        self._derive(ListQuery("traces", sort=(SortKey(field),)), token)

    def close(self) -> None:
        """Interrupt what runs and let go of every file."""
        self._derived.close()
        self._lifecycle.close()
        self._sandbox.close()
        self._database.close()

    def _derive(self, query: ListQuery, token: CancelToken | None) -> None:
        """See to it that the figures which a query asks for are there. Raises NotReady while the index is not whole."""
        if asks_for(UNSOURCED, query):
            current = self._queries()
            if not current.index.complete:
                raise NotReady(
                    "still reading", hint="facts without a source are counted once everything is read"
                )
            self._derived.need(current.index, self._lifecycle.sources.identity, token)

    def _attach(self, level: Level, rows: Sequence[Row], token: CancelToken | None) -> None:
        """Give rows what stands beside the index: scores, and what was derived from texts."""
        self._mirror.attach(level, rows, token)
        if level == "traces":
            self._derived.attach(rows, token)

    def _queries(self) -> Queries:
        _, current = self._lifecycle.now()
        if current is None:
            raise NotReady("still indexing", hint="figures of the whole source come when the index is ready")
        return current
