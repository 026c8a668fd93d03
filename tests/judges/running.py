"""Runs of a model judge against the fake server, through the real SDK."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.judge_runs import PRICE, SCHEMA, a_judge, rendered
from msgspec.structs import replace

from traceview.definitions.prices import Price
from traceview.judges.client import JudgeClient
from traceview.judges.fake_server.server import KEY
from traceview.judges.hashing import hashed
from traceview.judges.ledger.ledger import Ledger
from traceview.judges.running.judge_run import JudgeRun, RunOptions
from traceview.model.judges import JudgeDefinition
from traceview.model.labels import LabelRow
from traceview.store.labels.store import LabelStore


class Place:
    """A folder with a label file and a ledger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = Ledger(folder / "x.calls.db")
        self.labels = LabelStore.open(folder / "x.labels.db")
        self.events: list[tuple[str, Mapping[str, Any]]] = []

    def close(self) -> None:
        """Let go of both."""
        self.ledger.close()
        self.labels.close()

    def scores(self) -> tuple[LabelRow, ...]:
        """The current scores."""
        return self.labels.current(source="judge")

    def a_run(self, judge: JudgeDefinition, price: Price | None = PRICE, **options: Any) -> JudgeRun:
        """A run that begins."""
        run = JudgeRun(
            self.ledger,
            self.labels,
            judge,
            RunOptions(**options),
            price=price,
            endpoint="http://fake",
            tell=lambda name, fields: self.events.append((name, fields)),
        )
        run.begin()
        return run

    def judge(
        self,
        judge: JudgeDefinition,
        count: int,
        *,
        timeout: float = 5.0,
        price: Price | None = PRICE,
        first: int = 0,
        **options: Any,
    ) -> dict[str, Any]:
        """Run a judge over so many traces; the report."""
        run = self.a_run(judge, price, **options)
        run.make_plan(rendered(judge, count, first))
        return asyncio.run(sent(run, judge, timeout))


async def sent(run: JudgeRun, judge: JudgeDefinition, timeout: float = 5.0) -> dict[str, Any]:
    """Send what was planned."""
    assert judge.model is not None
    client = JudgeClient(judge.model, timeout=timeout)
    try:
        return await run.send(client)
    finally:
        await client.close()


def with_model(judge: JudgeDefinition, **changed: Any) -> JudgeDefinition:
    """The judge with another model."""
    assert judge.model is not None
    return hashed(replace(judge, model=replace(judge.model, **changed)))


__all__ = ["KEY", "PRICE", "SCHEMA", "Place", "a_judge", "rendered", "sent", "with_model"]
