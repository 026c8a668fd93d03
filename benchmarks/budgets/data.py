"""The files that budgets are measured on: their names, and how they are made where they are missing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.generate import generate

Scale = Literal["100k", "1m", "10m"]
Order = Literal["sorted", "random"]

SPANS: dict[Scale, int] = {"100k": 100_000, "1m": 1_000_000, "10m": 10_000_000}
TEXT: dict[Scale, str] = {"100k": "full", "1m": "full", "10m": "reduced"}
VARIABLE = "TRACEVIEW_BENCH_DATA"


def directory() -> Path:
    """Where the files are: the environment's TRACEVIEW_BENCH_DATA, else benchmarks/data."""
    return Path(os.environ.get(VARIABLE) or Path(__file__).parents[1] / "data")


@dataclass(frozen=True, slots=True)
class Data:
    """One file of made-up spans."""

    scale: Scale
    order: Order
    path: Path

    @property
    def name(self) -> str:
        """`1m sorted`."""
        return f"{self.scale} {self.order}"

    @property
    def spans(self) -> int:
        """How many it has."""
        return SPANS[self.scale]


def data(scale: Scale, order: Order, folder: Path) -> Data:
    """A file of spans, written if it is not there."""
    text = TEXT[scale]
    path = folder / f"spans-{scale}-{text}-{order}.parquet"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        generate(SPANS[scale], order, text, path)
    return Data(scale, order, path.absolute())
