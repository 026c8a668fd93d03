"""What whoever sends the calls of a run keeps, one by one or as batches: what is done so far, and why it stops."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from traceview.definitions.prices import Price
from traceview.judges.ledger.ledger import Ledger
from traceview.judges.ledger.records import Usage
from traceview.judges.ledger.steps import Cap
from traceview.judges.running.deciding import Decision, Mistakes, StoppedBy, Tries
from traceview.model.judges import JudgeDefinition


@dataclass(slots=True)
class Tally:
    """What a run did so far, for those who watch."""

    sent: int = 0
    done: int = 0
    scored: int = 0
    retries: int = 0
    failed: int = 0
    unknown: int = 0
    usage: Usage = field(default_factory=Usage)
    nanos: int = 0
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=500))

    def add(self, decision: Decision) -> None:
        """Take note of what came of a request."""
        result = decision.result
        if decision.state == "todo":
            self.retries += 1
        self.done += decision.state == "done"
        self.scored += decision.verdict is not None and decision.verdict.outcome in (
            "scored",
            "not_applicable",
        )
        self.failed += decision.state == "failed"
        self.unknown += decision.state == "unknown"
        self.nanos += result.nanos or 0
        if result.usage is not None:
            one, all_ = result.usage, self.usage
            self.usage = Usage(
                all_.input + one.input,
                all_.cache_read + one.cache_read,
                all_.cache_write + one.cache_write,
                all_.output + one.output,
            )
        if decision.state == "done" and result.seconds is not None:
            self.seconds.append(result.seconds)


class RunSender:
    """The calls of one run. `on_final` gets the key of each call that will not be tried again."""

    def __init__(
        self,
        ledger: Ledger,
        run: str,
        judge: JudgeDefinition,
        *,
        caps: Callable[[], Sequence[Cap]],
        price: Price | None,
        on_final: Callable[[str], object],
        on_event: Callable[[str, Mapping[str, Any]], object],
    ) -> None:
        assert judge.model is not None
        self._ledger = ledger
        self._run = run
        self._judge = judge
        self._model = judge.model
        self._caps = caps
        self._price = price
        self._on_final = on_final
        self._on_event = on_event
        self._tries: dict[str, Tries] = {}
        self._mistakes = Mistakes()
        self.tally = Tally()
        self.stopped_by: StoppedBy | None = None
        self.message = ""
        self.paused = False

    @property
    def is_stopping(self) -> bool:
        """Whether nothing more is begun."""
        return self.stopped_by is not None

    def stop(self, by: StoppedBy = "cancel", message: str = "") -> None:
        """Begin nothing more; the first reason is kept."""
        if self.stopped_by is None:
            self.stopped_by, self.message = by, message

    async def _write(self, job: Callable[..., Any]) -> Any:
        return await asyncio.wrap_future(self._ledger.submit(job))
