"""A scan: a function is called with every trace (or thread) of a filter and its texts, in child processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from msgspec import Struct, field

from traceview.filters.ast import Node
from traceview.model.messages import SpanPayload
from traceview.sources.payload import payload_of
from traceview.store.interface import CancelToken, Level, Row

MOST_FILTERS = 62
"""Filters of one scan: each is one bit."""


class Unit(NamedTuple):
    """A trace, thread or span that may be scanned. Bit i of `matches` says that it matches filter i.

    `mark` (64 bits of a hash) changes with what the index knows of it: spans, times, figures, the beginnings of its
    texts; with turns also with the next trace of its conversation.
    """

    no: int
    id: str
    trace_id: str | None
    matches: int
    mark: int


class ScanColumns(Struct, frozen=True):
    """Which canonical columns are read of a span: by its kind, else `others`; of the root of a trace `root` too.

    Where a trace has no span of a tool, `uncalled` are read too of its last model call: its messages tell of calls.
    Of calls of models and tools no `..._text` is read that would have to be worked out from JSON, unless `all_texts`.
    """

    others: tuple[str, ...]
    by_kind: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    root: tuple[str, ...] = ()
    uncalled: tuple[str, ...] = ()
    all_texts: bool = False


class Scan(Struct, frozen=True):
    """What is wanted. `function` is `module:name`: called with `argument` it gives the function that is called with a
    list of `TraceTexts`, one trace or all of a thread. What that gives must be pickled.

    `pick` is asked, in batches, with the units that match a filter: bits of the filters each is wanted for, 0 for none.
    With `whole` span rows have every column of the index, and a trace its row. What the function makes may have a
    method `close`, which is called at the end. `descriptors` stay open in child processes.
    With `apart` the function is called in child processes however little there is: in one of our threads nothing could
    end it.
    """

    level: Level
    filters: tuple[Node | None, ...]
    function: str
    columns: ScanColumns
    argument: Any = None
    turns: bool = False
    newest_first: bool = False
    keep_bytes: int = 0
    apart: bool = False
    whole: bool = False
    descriptors: tuple[int, ...] = ()
    pick: Callable[[Sequence[Unit]], Sequence[int]] | None = None


class TraceTexts(Struct, frozen=True):
    """One trace: its span rows in the order of the index, and for each the canonical columns that were asked for.

    In a scan `masks` are the bits that each span is wanted for and `marks` its unit's mark, of scans of traces and
    threads those of the unit; 0 for a span that is no wanted unit.
    `next_turn` is what the user said next in the conversation, `earlier_turns` what before, the newest first.
    `unread` are the places of spans whose texts do not fit into memory, with their size in words: of them nothing is
    stored. `row` is the trace's own, of a whole scan.
    """

    trace_id: str
    spans: list[Row]
    stored: list[Row]
    masks: list[int] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    next_turn: str | None = None
    earlier_turns: tuple[str, ...] = ()
    unread: Mapping[int, str] = field(default_factory=dict)
    row: Row = field(default_factory=dict)

    def payload(self, at: int) -> SpanPayload:
        """The payload of a span, of the columns that were asked for."""
        return payload_of({**self.spans[at], **self.stored[at]})


class ScanResult(NamedTuple):
    """Number and id of a trace or thread, and what the function gave."""

    no: int
    id: str
    value: Any


class Scanning(Protocol):
    """A scan whose units are chosen; it may be run several times with other arguments."""

    @property
    def spans(self) -> int:
        """Spans that a run reads."""
        ...

    def results(self, token: CancelToken, argument: Any = None) -> Iterator[tuple[int, list[ScanResult]]]:
        """Spans done so far and the results that are new, as they come. Raises Cancelled, TraceviewError."""
        ...

    def close(self) -> None:
        """End the child processes."""
        ...
