"""What the layers above may ask of an opened source: the dozen named queries, whichever engine answers.

Every method may be called from any worker thread and uses a cursor of its own. A `CancelToken` interrupts
the running query; a cancelled call raises `Cancelled`. Rows are plain dicts whose keys are the field names
of the command line's JSON (`design: info, traces, spans, threads`), except that times are integers:
`start_ns` and `end_ns`, UTC nanoseconds, or None.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol

from msgspec import Struct

from traceview.filters.ast import Compare, Node, walk
from traceview.model.errors import Cancelled
from traceview.model.labels import LabelRow, Target
from traceview.model.messages import SpanPayload
from traceview.store.buckets import Over
from traceview.store.source_info import SourceInfo

if TYPE_CHECKING:
    from traceview.store.scan import Scan, Scanning, Unit

Row = dict[str, Any]
Level = Literal["traces", "threads", "spans"]


class CancelToken:
    """Cancels one query from another thread; cancelling before the query starts works too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._interrupts: list[Callable[[], object]] = []

    @property
    def cancelled(self) -> bool:
        """True once `cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """Interrupt whatever runs under this token, and refuse what would start under it."""
        with self._lock:
            self._cancelled = True
            interrupts = list(self._interrupts)
        for interrupt in interrupts:
            interrupt()

    def check(self) -> None:
        """Raise Cancelled once the token was cancelled."""
        if self._cancelled:
            raise Cancelled

    @contextmanager
    def interrupting(self, interrupt: Callable[[], object]) -> Iterator[None]:
        """Call `interrupt` if the token is cancelled while the block runs. Raises Cancelled if it was before."""
        with self._lock:
            if self._cancelled:
                raise Cancelled
            self._interrupts.append(interrupt)
        try:
            yield
        finally:
            with self._lock:
                self._interrupts.remove(interrupt)


class SortKey(Struct, frozen=True):
    """A field of the list, `attr.KEY`, `score.NAME` or `score.NAME.SOURCE`, and its direction."""

    field: str
    descending: bool = False


class ListQuery(Struct, frozen=True):
    """Which rows of which list, in which order. An empty `sort` means newest first."""

    level: Level
    filter: Node | None = None
    sort: tuple[SortKey, ...] = ()


def asks_for(field: str, query: ListQuery) -> bool:
    """True if a list filters or sorts by a field."""
    filtered = any(isinstance(node, Compare) and node.field == field for node in walk(query.filter))
    return filtered or any(key.field == field for key in query.sort)


class Page(Struct, frozen=True):
    """Some rows of a list. `complete` is False while the source is still being indexed or converted."""

    rows: tuple[Row, ...]
    offset: int
    complete: bool = True


class Selection(Struct, frozen=True):
    """Every row of a query in order, as row numbers of the index: random access and an exact count.

    `keys` is a compact integer sequence (array or numpy); `generation` says which state of the index it
    belongs to.
    """

    query: ListQuery
    keys: Sequence[int]
    generation: int

    def __len__(self) -> int:
        return len(self.keys)


class Found(Struct, frozen=True):
    """What a search has found so far: rows that match for sure, in their order, and the share that was searched (0..1).

    Every row of an earlier `Found` of the same search is among those of a later one. Lists that are sorted by another
    field, and lists of threads, have rows only once it is `complete`.
    """

    selection: Selection
    searched: float
    complete: bool


class Totals(Struct, frozen=True):
    """Totals over a query, each model call counted once. Durations in milliseconds."""

    count: int
    of: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    p50_ms: float | None
    p95_ms: float | None
    p95_cost_usd: float | None = None
    whole: bool = True
    """Whether the whole source was counted, not only what is indexed of it so far."""
    uncosted: int = 0
    """Model calls whose cost is not known: `cost_usd` is at least that much."""


class Stats(Struct, frozen=True):
    """Groups of traces with their figures: `rows` of all `groups`, over `traces` that match the filter.

    A row has the fields of the grouping (None: no value); with `over` also `hour`, `day` or `week` and its `start_ns`;
    then `unit, n, units, spans, errors, failed, error_rate, error_ci95, p50_ms, p95_ms, p99_ms, ttft_p50_ms,
    ttft_p95_ms, input_tokens, output_tokens, cache_read_share, cost_usd, uncosted, scores, first_seen_ns, last_seen_ns,
    filter`: docs/stats.md says what each one is. `overlapping` is True if a trace is in several groups, so that the
    sum of `n` is more than `traces`.
    """

    rows: tuple[Row, ...]
    groups: int
    traces: int
    overlapping: bool


class EngineStatus(Struct, frozen=True):
    """What the status bar says: `phase`, how far it is (0..1, None if unknown), and how much is there.

    `message` says what is wrong: why it failed, or what does not work for now while it goes on; `hint` what to do.
    """

    phase: Literal["ready", "indexing", "converting", "failed"]
    progress: float | None
    spans: int | None
    generation: int
    message: str | None = None
    hint: str | None = None
    skipped: int = 0
    """How much of the input was not read; `SourceInfo.skipped` says what, where and why."""
    content: int = 0
    """Grows whenever spans have changed, and not with labels as `generation` does."""


class TraceDetail(Struct, frozen=True):
    """One trace: its list row and its span rows in start order, orphans and duplicates included."""

    trace: Row
    spans: Sequence[Row]
    maybe_incomplete: bool = False


class ThreadDetail(Struct, frozen=True):
    """One thread: its list row and its trace rows in order of time."""

    thread: Row
    traces: tuple[Row, ...]


class SqlResult(Struct, frozen=True):
    """Columns and rows of a read-only SQL query; `rows` is consumed once."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


class Engine(Protocol):
    """An opened source."""

    @property
    def generation(self) -> int:
        """Grows whenever the answers to queries may have changed (index ready, parts added, labels read)."""
        ...

    def status(self) -> EngineStatus:
        """What the engine is doing in the background; never blocks."""
        ...

    def wait_ready(self, on_progress: Callable[[EngineStatus], None] | None = None) -> None:
        """Block until every answer is exact, as headless commands do. Raises TraceviewError if it failed."""
        ...

    def info(self, token: CancelToken | None = None) -> SourceInfo:
        """Counts and ranges of the whole source."""
        ...

    def first_page(self, query: ListQuery, limit: int, token: CancelToken | None = None) -> Page:
        """The first rows of a list as fast as they can be had, also before the index is ready."""
        ...

    def select(self, query: ListQuery, token: CancelToken | None = None) -> Selection:
        """All rows of a query; waits for nothing, raises NotReady while no index is."""
        ...

    def search(self, query: ListQuery, token: CancelToken | None = None) -> Iterator[Found]:
        """The rows of a query as its texts are searched, from the newest to the oldest; at last what `select` gives.

        Raises NotReady while no index is. A search that was cancelled goes on where it stopped when it is asked for
        again.
        """
        ...

    def rows(self, selection: Selection, offset: int, limit: int, token: CancelToken | None = None) -> Page:
        """Rows of a selection by position."""
        ...

    def extra(
        self, level: Level, ids: Sequence[str], fields: Sequence[str], token: CancelToken | None = None
    ) -> tuple[Row, ...]:
        """Values of traces or threads, by id, that their rows do not carry or that many are asked for; in their order.

        `attr.KEY` is a tuple of the different values of their spans, the earliest first, five at most; `turn_ms` the
        durations of a thread's traces in order of time; `thread_id` the thread of a trace, None where there is none.
        Raises NotReady, and BadInput for another field or for spans.
        """
        ...

    def position(self, selection: Selection, row_id: str, token: CancelToken | None = None) -> int | None:
        """Where the row with this trace, thread or span id stands in a selection; None if it is not in it."""
        ...

    def totals(self, query: ListQuery, token: CancelToken | None = None) -> Totals:
        """Totals over all rows of a query."""
        ...

    def trace(
        self, trace_id: str, token: CancelToken | None = None, start_ns: int | None = None
    ) -> TraceDetail:
        """One trace with all of its spans. Raises BadInput if there is none of that id.

        `start_ns`, as its row in a list has it, lets an engine look nowhere else; a wrong one does no harm.
        """
        ...

    def traces(self, trace_ids: Sequence[str], token: CancelToken | None = None) -> tuple[TraceDetail, ...]:
        """Several traces, as `trace` gives each, in the order of the ids: what many of them need is asked once."""
        ...

    def thread(self, thread_id: str, token: CancelToken | None = None) -> ThreadDetail:
        """One thread with its traces."""
        ...

    def ends(self, trace_ids: Sequence[str], token: CancelToken | None = None) -> tuple[Row, ...]:
        """The first root and the first and last model call of each trace: where its input and output stand."""
        ...

    def payloads(
        self, spans: Sequence[Row], token: CancelToken | None = None, *, raw: bool = True
    ) -> tuple[SpanPayload, ...]:
        """The payloads of span rows as `trace` or `rows` gave them, in the same order.

        Without `raw` they do not have the row as stored: half of what it costs to ask is to work out that row.
        """
        ...

    def beginnings(
        self, spans: Sequence[Row], limit: int, token: CancelToken | None = None, *, raw: bool = True
    ) -> tuple[tuple[SpanPayload, dict[str, int]], ...]:
        """The payloads of span rows, of texts over `limit` bytes only the beginning, and how many bytes those have.

        What is found in a text that was cut (messages, documents, attributes) may be incomplete.
        """
        ...

    def whole_text(self, span: Row, column: str, token: CancelToken | None = None) -> str | None:
        """One text column of a span as it is stored, of any size; None if there is none."""
        ...

    def prompts(self, filter: Node | None = None, token: CancelToken | None = None) -> tuple[Row, ...]:
        """Prompt versions with their figures, durations in milliseconds, first and last seen in nanoseconds."""
        ...

    def stats(
        self,
        filter: Node | None = None,
        by: Sequence[str] = (),
        over: Over | None = None,
        limit: int | None = None,
        token: CancelToken | None = None,
    ) -> Stats:
        """Figures of the traces that match, by fields (`model`, `tool`, `attr.KEY`) and stretches of local time.

        The largest groups come first; with `over` the stretches are in order of time. Raises NotReady, BadInput.
        """
        ...

    def complete(
        self, field: str, prefix: str, limit: int = 50, token: CancelToken | None = None
    ) -> tuple[str, ...]:
        """Values of a field that start with (then contain) a prefix, the most frequent first."""
        ...

    def resolve(self, target: str, token: CancelToken | None = None) -> Target:
        """The span, trace or thread with this id or unique prefix. Raises BadInput if none or several match."""
        ...

    def missing(self, targets: Sequence[Target], token: CancelToken | None = None) -> tuple[Target, ...]:
        """Those of the targets that are not in the source, in their order: one question for any number."""
        ...

    def sql(self, statement: str, token: CancelToken | None = None) -> SqlResult:
        """Read-only SQL over the views spans, traces, threads, scores. Raises BadInput on a bad statement."""
        ...

    def brought_scores(
        self,
        name: str | None = None,
        targets: Sequence[Target] | None = None,
        token: CancelToken | None = None,
    ) -> tuple[LabelRow, ...]:
        """The scores that stand in the source itself, as rows without an id, the oldest first.

        Those of this name and of these targets alone, if given.
        """
        ...

    def units(self, scan: Scan, token: CancelToken | None = None) -> Iterator[list[Unit]]:
        """The traces, threads or spans of a scan that match any of its filters, in batches. Raises NotReady, BadInput.

        The scan's `pick` is not asked.
        """
        ...

    def scan(self, scan: Scan, token: CancelToken, workers: int | None = None) -> Scanning:
        """A function called with every unit of a scan in child processes; to be closed. Raises NotReady, BadInput.

        It is of the index of this moment: what arrives later is not in it.
        """
        ...

    def derive(self, field: str, token: CancelToken | None = None) -> None:
        """Find a figure that is derived from the texts of every trace (`unsourced`), and wait until it is there.

        Lists that filter or sort by it do so by themselves; afterwards trace rows carry it. Cancelling ends the wait,
        not the work; meanwhile the status says how far it is. Raises NotReady while no whole index is.
        """
        ...

    def refresh_labels(self) -> bool:
        """Take up label rows that others added since; True if any were. Cheap when nothing changed."""
        ...

    def refresh_source(self, again: bool = False) -> bool:
        """Take up parts that arrived since, or a rewritten file; True if any were. `again` tries what failed."""
        ...

    def look_at_source(self) -> str | None:
        """What is wrong with the source since it was read, in words: a cheap look that takes nothing up."""
        ...

    def close(self) -> None:
        """Interrupt what runs and let go of every file."""
        ...


def ready(engine: Engine) -> Engine:
    """The engine, once every answer of it is exact. Raises TraceviewError if it failed."""
    engine.wait_ready()
    return engine
