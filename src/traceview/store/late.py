"""An engine that is still being opened: questions wait for it in their workers, its status never does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import TYPE_CHECKING

from traceview.model.errors import TraceviewError, sentence_of
from traceview.store.buckets import Over
from traceview.store.interface import (
    CancelToken,
    Engine,
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

if TYPE_CHECKING:
    from traceview.filters.ast import Node
    from traceview.model.labels import LabelRow, Target
    from traceview.model.messages import SpanPayload
    from traceview.store.scan import Scan, Scanning, Unit

CHECK_SECONDS = 0.1
"""How often a waiting question looks whether it was cancelled."""


class LateEngine:
    """Answers what `store.interface.Engine` asks with the engine that `opening` will hold.

    Until then the status is `indexing`, the generation 0, and questions wait; if the opening fails, the status
    is `failed` and questions raise what went wrong.
    """

    def __init__(self, opening: Future[Engine]) -> None:
        self._opening = opening

    def _engine(self, token: CancelToken | None = None) -> Engine:
        """The engine, once it is there. Raises Cancelled if the token is cancelled first."""
        while True:
            if token is not None:
                token.check()
            try:
                return self._opening.result(CHECK_SECONDS)
            except NotYet as error:
                if self._opening.done():
                    raise TraceviewError(f"the source could not be opened: {error}") from error

    def _if_open(self) -> Engine | None:
        """The engine if it is there already."""
        opening = self._opening
        return opening.result() if opening.done() and opening.exception() is None else None

    @property
    def generation(self) -> int:
        """That of the engine, 0 before it is there."""
        engine = self._if_open()
        return engine.generation if engine is not None else 0

    def status(self) -> EngineStatus:
        """That of the engine; `indexing` before it is there, `failed` if it could not be opened."""
        engine = self._if_open()
        if engine is not None:
            return engine.status()
        error = self._opening.exception() if self._opening.done() else None
        if error is not None:
            return EngineStatus("failed", None, None, 0, *sentence_of(error))
        return EngineStatus("indexing", None, None, 0)

    def wait_ready(self, on_progress: Callable[[EngineStatus], None] | None = None) -> None:
        """Block until every answer is exact."""
        self._engine().wait_ready(on_progress)

    def info(self, token: CancelToken | None = None) -> SourceInfo:
        """Counts and ranges of the whole source."""
        return self._engine(token).info(token)

    def first_page(self, query: ListQuery, limit: int, token: CancelToken | None = None) -> Page:
        """The first rows of a list."""
        return self._engine(token).first_page(query, limit, token)

    def select(self, query: ListQuery, token: CancelToken | None = None) -> Selection:
        """All rows of a query."""
        return self._engine(token).select(query, token)

    def search(self, query: ListQuery, token: CancelToken | None = None) -> Iterator[Found]:
        """The rows of a query as they are found."""
        yield from self._engine(token).search(query, token)

    def rows(self, selection: Selection, offset: int, limit: int, token: CancelToken | None = None) -> Page:
        """Rows of a selection by position."""
        return self._engine(token).rows(selection, offset, limit, token)

    def extra(
        self, level: Level, ids: Sequence[str], fields: Sequence[str], token: CancelToken | None = None
    ) -> tuple[Row, ...]:
        """Values that rows do not carry themselves."""
        return self._engine(token).extra(level, ids, fields, token)

    def position(self, selection: Selection, row_id: str, token: CancelToken | None = None) -> int | None:
        """Where a row stands in a selection."""
        return self._engine(token).position(selection, row_id, token)

    def totals(self, query: ListQuery, token: CancelToken | None = None) -> Totals:
        """Totals over all rows of a query."""
        return self._engine(token).totals(query, token)

    def trace(
        self, trace_id: str, token: CancelToken | None = None, start_ns: int | None = None
    ) -> TraceDetail:
        """One trace with all of its spans."""
        return self._engine(token).trace(trace_id, token, start_ns)

    def traces(self, trace_ids: Sequence[str], token: CancelToken | None = None) -> tuple[TraceDetail, ...]:
        """Several traces."""
        return self._engine(token).traces(trace_ids, token)

    def thread(self, thread_id: str, token: CancelToken | None = None) -> ThreadDetail:
        """One thread with its traces."""
        return self._engine(token).thread(thread_id, token)

    def ends(self, trace_ids: Sequence[str], token: CancelToken | None = None) -> tuple[Row, ...]:
        """Where the input and the output of traces stand."""
        return self._engine(token).ends(trace_ids, token)

    def payloads(
        self, spans: Sequence[Row], token: CancelToken | None = None, *, raw: bool = True
    ) -> tuple[SpanPayload, ...]:
        """The payloads of span rows."""
        return self._engine(token).payloads(spans, token, raw=raw)

    def beginnings(
        self, spans: Sequence[Row], limit: int, token: CancelToken | None = None, *, raw: bool = True
    ) -> tuple[tuple[SpanPayload, dict[str, int]], ...]:
        """The payloads of span rows, of texts over `limit` bytes only the beginning, and how many bytes those have.

        What is found in a text that was cut (messages, documents, attributes) may be incomplete.
        """
        return self._engine(token).beginnings(spans, limit, token, raw=raw)

    def whole_text(self, span: Row, column: str, token: CancelToken | None = None) -> str | None:
        """One text column of a span as it is stored, of any size; None if there is none."""
        return self._engine(token).whole_text(span, column, token)

    def prompts(self, filter: Node | None = None, token: CancelToken | None = None) -> tuple[Row, ...]:
        """Prompt versions with their figures."""
        return self._engine(token).prompts(filter, token)

    def stats(
        self,
        filter: Node | None = None,
        by: Sequence[str] = (),
        over: Over | None = None,
        limit: int | None = None,
        token: CancelToken | None = None,
    ) -> Stats:
        """Figures of groups of traces."""
        return self._engine(token).stats(filter, by, over, limit, token)

    def complete(
        self, field: str, prefix: str, limit: int = 50, token: CancelToken | None = None
    ) -> tuple[str, ...]:
        """Values of a field."""
        return self._engine(token).complete(field, prefix, limit, token)

    def resolve(self, target: str, token: CancelToken | None = None) -> Target:
        """The target with this id or unique prefix."""
        return self._engine(token).resolve(target, token)

    def missing(self, targets: Sequence[Target], token: CancelToken | None = None) -> tuple[Target, ...]:
        """Those of the targets that are not in the source."""
        return self._engine(token).missing(targets, token)

    def sql(self, statement: str, token: CancelToken | None = None) -> SqlResult:
        """Read-only SQL."""
        return self._engine(token).sql(statement, token)

    def brought_scores(
        self,
        name: str | None = None,
        targets: Sequence[Target] | None = None,
        token: CancelToken | None = None,
    ) -> tuple[LabelRow, ...]:
        """Scores that stand in the source itself."""
        return self._engine(token).brought_scores(name, targets, token)

    def units(self, scan: Scan, token: CancelToken | None = None) -> Iterator[list[Unit]]:
        """The units of a scan."""
        yield from self._engine(token).units(scan, token)

    def scan(self, scan: Scan, token: CancelToken, workers: int | None = None) -> Scanning:
        """A scan."""
        return self._engine(token).scan(scan, token, workers)

    def derive(self, field: str, token: CancelToken | None = None) -> None:
        """A figure that is derived from the texts of every trace."""
        self._engine(token).derive(field, token)

    def refresh_labels(self) -> bool:
        """Take up new label rows; nothing to do before the engine is there."""
        engine = self._if_open()
        return engine.refresh_labels() if engine is not None else False

    def refresh_source(self, again: bool = False) -> bool:
        """Take up new parts; nothing to do before the engine is there."""
        engine = self._if_open()
        return engine.refresh_source(again) if engine is not None else False

    def look_at_source(self) -> str | None:
        """What is wrong with the source; nothing before the engine is there."""
        engine = self._if_open()
        return engine.look_at_source() if engine is not None else None

    def close(self) -> None:
        """Close the engine, also one that is still being opened."""
        self._opening.cancel()
        if self._opening.cancelled():
            return
        if self._opening.exception() is None:
            self._opening.result().close()
