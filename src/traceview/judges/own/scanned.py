"""What the child processes of a scan do for checks of a project's own: objects are made there and asked about there."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from msgspec import Struct

from traceview.judges.code_worker import Judged, too_large
from traceview.judges.own.judging import Asking, is_own
from traceview.judges.own.patience import Patience
from traceview.judges.own.process import OwnCheck, OwnProcess
from traceview.judges.reading import NEXT
from traceview.judges.views import TraceViews, span_view
from traceview.model.errors import BadInput
from traceview.model.judges import JudgeDefinition
from traceview.model.labels import Target
from traceview.model.messages import SpanPayload
from traceview.sources.payload import payload_of
from traceview.store.interface import TraceDetail
from traceview.store.scan import ScanColumns, TraceTexts

FUNCTION = "traceview.judges.own.scanned:make"

_TEXTS = (
    "input_text", "output_text", "input", "output", "input_messages", "output_messages", "documents", "tool_args",
    "tool_result",
)  # fmt: skip
_OF_ROW = ("trace_id", "span_id", "kind", "name", "tool_name", "tool_call_id")
_OF_SPANS = ("metadata", "attributes")


class OwnWork(Struct, frozen=True):
    """A judge whose checks are all of the project's own, what they look at, and where their prints go."""

    judge: JudgeDefinition
    checks: tuple[OwnCheck, ...]
    needs: frozenset[str]
    seconds: float
    errors: int


class OwnJudged(Struct, frozen=True):
    """What came of a group. `lost` says why the judge is to be stopped, `unusable` that a file cannot be used."""

    judged: list[Judged]
    lost: str | None = None
    unusable: BadInput | None = None


def can_scan(judge: JudgeDefinition, needs: frozenset[str]) -> bool:
    """Whether the objects of a judge are made of one trace alone."""
    return judge.scope != "thread" and not needs & {"thread", NEXT} and all(map(is_own, judge.checks))


def columns_of(needs: frozenset[str]) -> ScanColumns:
    """The canonical columns that the object is made of."""
    return ScanColumns((*_TEXTS, *(_OF_SPANS if needs & {"span", "spans"} else ())), all_texts=True)


def make(work: OwnWork) -> Scanned:
    """The function that a scan calls with every trace."""
    return Scanned(work)


class Scanned:
    """Judges trace after trace; once it is lost, or a file cannot be used, no more are tried."""

    def __init__(self, work: OwnWork) -> None:
        self._work = work
        self._asking = Asking(work.judge, work.seconds)
        self._processes = [OwnProcess(check, work.seconds, work.errors) for check in work.checks]
        self._patience = Patience()
        self._lost: str | None = None
        self._unusable: BadInput | None = None
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._ended)

    def __call__(self, traces: list[TraceTexts]) -> OwnJudged:
        """What came of one trace, or of its spans."""
        judged: list[Judged] = []
        try:
            for trace in traces:
                for target, mark, at, looked_at in self._items(trace):
                    if self._lost is not None or self._unusable is not None:
                        break
                    if at is not None:
                        judgement = too_large(target, trace, at)
                    else:
                        judgement = self._asking.judge(target, looked_at(), self._ask, {})
                    judged.append(Judged(0, mark, judgement))
                    self._lost = self._patience.lost_with(judgement)
        except BadInput as error:
            self._unusable = error
        return OwnJudged(judged, self._lost, self._unusable)

    def close(self) -> None:
        """End the processes of the checks."""
        for process in self._processes:
            process.close()

    def _ask(self, number: int, item: Any, options: Mapping[str, Any]) -> dict[str, Any]:
        return self._processes[number].ask(item, options)

    def _items(
        self, trace: TraceTexts
    ) -> Iterator[tuple[Target, int, int | None, Callable[[], dict[str, Any]]]]:
        """Targets with their mark, the place of a span that could not be read, and what makes their object."""
        needs, scope = self._work.needs, self._work.judge.scope
        views: TraceViews | None = None

        def of_trace() -> dict[str, Any]:
            nonlocal views
            if views is None:
                payloads = [_payload(trace, at) for at in range(len(trace.spans))]
                views = TraceViews(TraceDetail(trace.row, tuple(trace.spans)), payloads)
            return {key: getattr(views, key) for key in needs if key != "span"}

        unread = min(trace.unread, default=None)
        if scope == "trace":
            yield Target("trace", trace.trace_id, trace.trace_id), trace.marks[0], unread, of_trace
            return
        for at, mask in enumerate(trace.masks):
            if mask:
                target = Target("span", trace.spans[at]["span_id"], trace.trace_id)
                view = _SpanView(trace, at, of_trace, more=not needs <= {"span"})
                alone = at if at in trace.unread else None
                yield target, trace.marks[at], alone if needs <= {"span"} else unread, view

    def _ended(self, signum: int, frame: FrameType | None) -> None:
        """Take the processes of the checks along when this one is ended."""
        for process in self._processes:
            process.stop()
        os._exit(0)


class _SpanView:
    """The object of one span, made when it is asked for."""

    def __init__(
        self, trace: TraceTexts, at: int, of_trace: Callable[[], dict[str, Any]], more: bool
    ) -> None:
        self._trace = trace
        self._more = more
        self._at = at
        self._of_trace = of_trace

    def __call__(self) -> dict[str, Any]:
        span = span_view(self._trace.spans[self._at], _payload(self._trace, self._at))
        return {**self._of_trace(), "span": span} if self._more else {"span": span}


def _payload(trace: TraceTexts, at: int) -> SpanPayload:
    """The payload of a span, of what an object is made of."""
    span = trace.spans[at]
    return payload_of({**{name: span[name] for name in _OF_ROW}, **trace.stored[at]})
