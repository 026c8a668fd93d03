"""What a benchmark measured beside its floor and its budget, and how it is printed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Budget:
    """What a median may be: at most `most`, at least `least`, at most `times` the floor and `plus`; all that is given.

    `over`: instead of the median, what it is more than the floor is at most `most`. `cpu`: time of the processors
    decides, which does not hold what other programs do, where it is known.
    """

    most: float | None = None
    least: float | None = None
    times: float | None = None
    plus: float = 0.0
    over: bool = False
    cpu: bool = False

    def holds(self, median: float, floor: float | None) -> bool:
        """True if a median is within it."""
        above = median - (floor or 0.0) if self.over else median
        return (
            (self.most is None or above <= self.most)
            and (self.least is None or median >= self.least)
            and (self.times is None or floor is None or median <= self.times * floor + self.plus)
        )

    def words(self, unit: str) -> str:
        """`<= 1.3 x floor + 0.35 s`."""
        parts = []
        if self.times is not None:
            plus = f" + {plain(self.plus)} {unit}" if self.plus else ""
            parts.append(f"≤ {plain(self.times)} × floor{plus}")
        if self.most is not None:
            parts.append(f"≤ {plain(self.most)} {unit}{' over floor' if self.over else ''}")
        if self.least is not None:
            parts.append(f"≥ {plain(self.least)} {unit}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: a value for every run in `unit`; of floor too, if there is one.

    `cpu` and `cpu_floors` are the same in time of the processors. `note` says what has to be known beside the figure.
    """

    data: str
    name: str
    unit: str
    values: tuple[float, ...]
    floors: tuple[float, ...] = ()
    budget: Budget | None = None
    note: str = ""
    cpu: tuple[float, ...] = ()
    cpu_floors: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        """The median of the runs."""
        return statistics.median(self.values)

    @property
    def floor(self) -> float | None:
        """The median of the floor's runs."""
        return statistics.median(self.floors) if self.floors else None

    @property
    def ratio(self) -> float | None:
        """The median to that of the floor."""
        return self.median / self.floor if self.floor else None

    @property
    def cpu_ratio(self) -> float | None:
        """The median of the processors' time to that of the floor."""
        return statistics.median(self.cpu) / statistics.median(self.cpu_floors) if self.cpu_floors else None

    @property
    def holds(self) -> bool | None:
        """Whether it is within its budget; None without one."""
        if self.budget is None:
            return None
        if self.budget.cpu and self.cpu_floors:
            return self.budget.holds(statistics.median(self.cpu), statistics.median(self.cpu_floors))
        return self.budget.holds(self.median, self.floor)

    def told(self) -> dict[str, Any]:
        """It as an object of JSON."""
        return {
            "data": self.data, "figure": self.name, "unit": self.unit, "median": self.median,
            "min": min(self.values), "max": max(self.values), "runs": len(self.values), "floor": self.floor,
            "ratio": self.ratio, "cpu": statistics.median(self.cpu) if self.cpu else None,
            "cpu_ratio": self.cpu_ratio, "budget": self.budget.words(self.unit) if self.budget else None,
            "holds": self.holds, "note": self.note or None,
        }  # fmt: skip


def plain(value: float) -> str:
    """A number with three digits that count."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


HEAD = (
    "data",
    "figure",
    "median",
    "min",
    "max",
    "unit",
    "floor",
    "ratio",
    "CPU",
    "CPU ratio",
    "budget",
    "holds",
)
NUMBERS = frozenset(("median", "min", "max", "floor", "ratio", "CPU", "CPU ratio"))


def cells(figure: Figure) -> tuple[str, ...]:
    """A figure as texts under HEAD."""
    holds = {True: "yes", False: "NO", None: ""}[figure.holds]
    return (
        figure.data,
        f"{figure.name} ({figure.note})" if figure.note else figure.name,
        plain(figure.median),
        plain(min(figure.values)),
        plain(max(figure.values)),
        figure.unit,
        plain(figure.floor) if figure.floor is not None else "",
        f"{figure.ratio:.2f}" if figure.ratio is not None else "",
        plain(statistics.median(figure.cpu)) if figure.cpu else "",
        f"{figure.cpu_ratio:.2f}" if figure.cpu_ratio is not None else "",
        figure.budget.words(figure.unit) if figure.budget else "",
        holds,
    )


def table(figures: Sequence[Figure], *, markdown: bool = False) -> str:
    """The figures as a table for a terminal, or in Markdown."""
    rows = [HEAD, *(cells(one) for one in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = []
    for row in rows:
        padded = [
            text.rjust(width) if name in NUMBERS else text.ljust(width)
            for name, text, width in zip(HEAD, row, widths, strict=True)
        ]
        lines.append(f"| {' | '.join(padded)} |" if markdown else "  ".join(padded).rstrip())
    if markdown:
        rules = [
            "-" * (width - 1) + ":" if name in NUMBERS else "-" * width
            for name, width in zip(HEAD, widths, strict=True)
        ]
        lines.insert(1, f"| {' | '.join(rules)} |")
    return "\n".join(lines)
