"""Groups of traces as lines of a table: columns, cells and orders; pure, from the engine's rows to safe text."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from traceview.model.fields import FIELD_BY_NAME
from traceview.store.interface import Row
from traceview.store.prompts import told
from traceview.store.stats import P95_FROM, P99_FROM
from traceview.text import human
from traceview.text.cells import width
from traceview.text.safe import safe_line
from traceview.tui.glyphs import ABSENT, MORE, SEPARATOR, SPARKS
from traceview.tui.widgets.columns import Cell, Column

NO_VALUE = "(none)"
ALL = "all traces"
UNIT_WORDS: Mapping[str, str] = {
    "traces": "traces",
    "calls": "model calls",
    "tools": "tool calls",
    "spans": "spans",
}
_SOURCE_WORDS: Mapping[str, str] = {"judge": "llm"}

Value = float | str | None


class GroupLine(Struct, frozen=True):
    """A line of the table: a group, or all of them (`total`). `leads` if it begins a run of the same first field."""

    key: str
    row: Row
    total: bool = False
    leads: bool = True


class Figure(Struct, frozen=True):
    """A column, what it sorts by, and its cell; a column with a bar is scaled to the largest `value`."""

    column: Column
    value: Callable[[Row], Value]
    text: Callable[[GroupLine], Cell]
    of_units: bool = False
    """A figure of the unit that the groups count: of all traces it is another one, and is left out."""


@dataclass(slots=True)
class GroupCells:
    """Makes the cells of a line; `scale` is what fills a bar, by column."""

    figures: tuple[Figure, ...] = ()
    scale: dict[str, float] = field(default_factory=dict)
    mixed: bool = False
    """Whether the line of all traces counts another unit than the groups."""

    def take(self, figures: Sequence[Figure], lines: Sequence[GroupLine]) -> None:
        """Show these columns, with bars up to the largest of these lines."""
        self.figures = tuple(figures)
        groups = [line.row for line in lines if not line.total]
        units = {line.row.get("unit") for line in lines}
        self.mixed = len(units) > 1
        self.scale = {}
        for one in figures:
            if one.column.bar:
                values = [value for row in groups if isinstance(value := one.value(row), int | float)]
                self.scale[one.column.key] = float(max(values, default=0))

    def __call__(self, wrapped: Mapping[str, Any]) -> dict[str, Cell]:
        """The cells of the list's row `{"line": GroupLine}`."""
        line: GroupLine = wrapped["line"]
        cells = {}
        for one in self.figures:
            if line.total and self.mixed and one.of_units:
                continue
            cell = one.text(line)
            full = self.scale.get(one.column.key)
            value = one.value(line.row)
            if full and not line.total and isinstance(value, int | float):
                cell = Cell(cell.text, cell.part, min(1.0, max(0.0, value / full)))
            cells[one.column.key] = cell
        return cells


def key_figures(fields: Sequence[str], over: str | None) -> tuple[Figure, ...]:
    """The columns that name a group: its stretch of time, then its fields."""
    names = [*([over] if over else []), *fields]
    return tuple(_named(name, first=index == 0, over=name == over) for index, name in enumerate(names))


def _named(name: str, *, first: bool, over: bool) -> Figure:
    def cell(line: GroupLine) -> Cell:
        if line.total:
            return Cell(ALL if first else "", "dim")
        value = line.row.get(name)
        if value is None:
            return Cell(NO_VALUE, "dim")
        repeated = first and not line.leads
        if name == "prompt_version":
            value = told(value, line.row.get("prompt_inferred"))
        return Cell(safe_line(str(value)), "faint" if repeated else "accent" if first else None)

    known = FIELD_BY_NAME.get(name)
    title = safe_line(known.printed if known is not None else name)
    column = (
        Column(name, title, 13 if name == "hour" else 10, sort=name)
        if over
        else Column(name, title, 18, flex=2, rank=0, sort=name)
    )
    return Figure(column, lambda row: _sortable(row.get(name)), cell)


def _sortable(value: Any) -> Value:
    return value if value is None or isinstance(value, int | float) else str(value).casefold()


def number_figures(rows: Sequence[Row], *, scores: bool) -> tuple[Figure, ...]:
    """The columns of figures that these rows have; `scores` as well as usage, or not."""
    unit = rows[0]["unit"] if rows else "traces"
    found = [_count("n", "n", rank=0, bar=6)]
    if unit != "traces":
        title = {"calls": "calls", "tools": "tools", "spans": "spans"}[unit]
        found.append(_count("units" if unit != "spans" else "spans", title, rank=8, of_units=True))
    found += [
        Figure(
            Column("error_rate", "failed", 13, align="right", rank=2, sort="error_rate"),
            lambda row: row["error_rate"],
            _failed,
            of_units=True,
        ),
        Figure(
            Column("error_ci95", "95 %", 8, align="right", rank=20),
            lambda row: None,
            lambda line: Cell(human.interval(line.row["error_ci95"]), "dim"),
            of_units=True,
        ),
        _time("p50_ms", "p50", rank=3),
        _time("p95_ms", "p95", rank=1, bar=6),
        _time("p99_ms", "p99", rank=12),
        _time("ttft_p50_ms", "ttft", rank=8),
        _time("ttft_p95_ms", "ttft p95", rank=14, wide=8),
        Figure(
            Column("tokens", "tokens", 11, align="right", rank=6, sort="tokens"),
            lambda row: row["input_tokens"] + row["output_tokens"],
            lambda line: Cell(
                human.tokens(line.row["input_tokens"] or None, line.row["output_tokens"] or None), "dim"
            ),
        ),
        Figure(
            Column("cache_read_share", "cached", 6, align="right", rank=16, sort="cache_read_share"),
            lambda row: row["cache_read_share"],
            lambda line: _share(line.row["cache_read_share"]),
        ),
        Figure(
            Column("cost_usd", "cost", 9, align="right", rank=4, sort="cost_usd", bar=4),
            lambda row: row["cost_usd"],
            lambda line: Cell(human.money(line.row["cost_usd"], unknown=line.row["uncosted"]), "dim"),
        ),
    ]
    kept = [one for one in found if one.column.key in _ALWAYS or any(_has(row, one) for row in rows)]
    if scores:
        for place, (name, source) in enumerate(score_keys(rows)):
            kept += _score(name, source, place)
    return tuple(kept)


_ALWAYS = ("n", "error_rate", "p50_ms", "p95_ms", "tokens", "cost_usd")


def _has(row: Row, figure: Figure) -> bool:
    key = figure.column.key
    return row.get(key) is not None


def score_keys(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Names and sources of the scores of some rows: people's first, of these the most given."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        for name, by in row["scores"].items():
            for source, one in by.items():
                counts[name, source] += one["n"]
    return sorted(counts, key=lambda one: (one[1] != "human", -counts[one], one))


def score_title(name: str, source: str, cells: int) -> str:
    """`grounded` for what people said, `grounded·llm` for a judge's; a long name gives way to the source."""
    behind = "" if source == "human" else f"{SEPARATOR}{_SOURCE_WORDS.get(source, source)}"
    shown = safe_line(name)
    room = max(1, cells - width(behind))
    if width(shown) > room:
        shown = shown[: max(0, room - 1)] + MORE
    return shown + behind


def _score(name: str, source: str, place: int) -> list[Figure]:
    def one(row: Row) -> Mapping[str, Any]:
        found: Mapping[str, Any] = row["scores"].get(name, {}).get(source) or {}
        return found

    def rate(line: GroupLine) -> Cell:
        found = one(line.row)
        if not found.get("n"):
            return Cell(ABSENT, "faint")
        return Cell(
            f"{human.share(found['rate'])} {found['k']:,}/{found['n']:,}",
            None if source == "human" else "machine",
        )

    def interval(line: GroupLine) -> Cell:
        return Cell(human.interval(one(line.row).get("ci95")), "dim")

    key = f"score.{name}.{source}"
    cells = 13
    return [
        Figure(
            Column(
                key, score_title(name, source, cells), cells, align="right", rank=5 if not place else 8,
                sort=key, counted=True,
            ),
            lambda row: one(row).get("rate"),
            rate,
        ),
        Figure(Column(f"{key}.ci95", "95 %", 8, align="right", rank=60 + place), lambda row: None, interval),
    ]  # fmt: skip


def _count(key: str, title: str, *, rank: int, bar: int = 0, wide: int = 7, of_units: bool = False) -> Figure:
    return Figure(
        Column(key, title, wide, align="right", rank=rank, sort=key, bar=bar),
        lambda row: row[key],
        lambda line: Cell(_counted(line.row[key])),
        of_units,
    )


def _counted(number: int) -> str:
    return human.count(number) if number < 1_000_000 else human.short_count(number)


def _time(key: str, title: str, *, rank: int, bar: int = 0, wide: int = 7) -> Figure:
    return Figure(
        Column(key, title, wide, align="right", rank=rank, sort=key, bar=bar),
        lambda row: row[key],
        lambda line: Cell(
            human.duration(line.row[key]), "faint" if line.row[key] is None else "dim" if rank > 3 else None
        ),
        of_units=True,
    )


def _failed(line: GroupLine) -> Cell:
    row = line.row
    if not row["units"]:
        return Cell(ABSENT, "faint")
    if not row["failed"]:
        return Cell(f"0/{human.short_count(row['units'])}", "faint")
    counted = f"{human.short_count(row['failed'])}/{human.short_count(row['units'])}"
    return Cell(f"{human.share(row['error_rate'])} {counted}", "error")


def _share(share: float | None) -> Cell:
    return Cell(ABSENT, "faint") if share is None else Cell(human.share(share), "dim")


def version_figures(sparks: Mapping[str, str], fields: Sequence[str]) -> tuple[Figure, ...]:
    """The columns that name a prompt version and say when it was used; `sparks` by the key of its line."""

    def when(key: str, title: str, rank: int) -> Figure:
        return Figure(
            Column(key, title, 12, rank=rank, sort=key),
            lambda row: row[key],
            lambda line: Cell(human.short_time(line.row[key], time.time_ns()), "dim"),
        )

    name, version = key_figures(fields, None)
    return (
        name,
        Figure(Column("prompt_version", "version", 10, flex=1, sort="prompt_version"), version.value, version.text),
        Figure(
            Column("use", "use", SPARK_CELLS, rank=6),
            lambda row: None,
            lambda line: Cell(sparks.get(line.key, ""), "bar"),
        ),
        when("first_seen_ns", "first seen", 7),
        when("last_seen_ns", "last seen", 4),
    )  # fmt: skip


SPARK_CELLS = 12


def sparkline(counts: Sequence[int]) -> str:
    """Counts as one sign each, the largest filling the line; a blank for none."""
    most = max(counts, default=0)
    top = len(SPARKS) - 1
    return "".join(SPARKS[round(top * count / most)] if count else " " for count in counts)


def lines_of(rows: Sequence[Row], fields: Sequence[str], total: Row | None = None) -> list[GroupLine]:
    """Groups as lines in their order, that of all traces first."""
    lines = [] if total is None else [GroupLine("total", total, total=True)]
    before: object = lines
    for row in rows:
        first = row.get(fields[0]) if fields else None
        lines.append(GroupLine(row["filter"], row, leads=first != before))
        before = first
    return lines


def ordered(lines: Sequence[GroupLine], figure: Figure, descending: bool, field: str) -> list[GroupLine]:
    """Lines by a figure: those without it last, that of all traces first."""
    groups = [line for line in lines if not line.total]
    known = [(value, line) for line in groups if (value := figure.value(line.row)) is not None]
    missing = [line for line in groups if figure.value(line.row) is None]
    known.sort(key=lambda pair: pair[0], reverse=descending)
    found = [line for line in lines if line.total]
    before: object = found
    for line in (*(line for _, line in known), *missing):
        first = line.row.get(field)
        found.append(GroupLine(line.key, line.row, leads=first != before))
        before = first
    return found


def keeping(lines: Sequence[GroupLine], fields: Sequence[str], words: str) -> list[GroupLine]:
    """Lines whose names have all of these words, whatever their case; that of all traces stays."""
    wanted = words.casefold().split()
    if not wanted:
        return list(lines)

    def names(row: Row) -> str:
        return " ".join(NO_VALUE if row.get(one) is None else str(row[one]) for one in fields).casefold()

    return [line for line in lines if line.total or all(word in names(line.row) for word in wanted)]


def small_note(rows: Sequence[Row]) -> str:
    """Why a percentile is not told, if one of these groups has too few values; else nothing."""
    missing = [
        f"{title} from {least} on"
        for key, title, least in (("p95_ms", "p95", P95_FROM), ("p99_ms", "p99", P99_FROM))
        if any(row[key] is None and row["units"] for row in rows)
    ]
    return f"{ABSENT} too few {UNIT_WORDS[rows[0]['unit']]}: {', '.join(missing)}" if missing else ""
