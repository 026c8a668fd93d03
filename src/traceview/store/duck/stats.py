"""Figures of groups of traces. See `store.stats` for what can be grouped and what is counted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from traceview.filters.ast import Node
from traceview.store.buckets import QUARTER_NS, Bucket, Over, buckets
from traceview.store.duck import attributes, mirror, prompts
from traceview.store.duck.compile import Compiled
from traceview.store.duck.connection import Database
from traceview.store.duck.costs import span_costs, summed_costs
from traceview.store.duck.indexes import Index
from traceview.store.interface import CancelToken, Row, Stats
from traceview.store.stats import (
    SINGLE,
    GroupField,
    Unit,
    figures,
    group_fields,
    own_fields,
    paired,
    rate,
    unit_of,
)

_USAGE = "s.counted AND s.kind <> 'embedding'"

_OF_UNIT: dict[Unit, str] = {
    "calls": "s.is_call",
    "tools": "(s.kind = 'tool' OR s.tool_name IS NOT NULL)",
    "spans": "true",
}
"""Which spans are the units of a group."""

_LISTED = {
    "kind": "unnest(t.kinds)",
    "tool_name": "unnest(t.tools)",
    "prompt_name": "unnest(t.prompt_versions).name",
    "prompt_version": "unnest(t.prompt_versions).version",
}
"""Values that the trace's row lists: no look at the spans is needed."""


_DISTINCT = {"kind": "t.kinds", "tool_name": "t.tools"}
"""Of these the trace's row lists each value once."""

_TRACE_SUMS = (
    "sum(m.spans)::BIGINT AS spans, sum(m.errors)::BIGINT AS errors, "
    "coalesce(sum(m.input_tokens), 0)::BIGINT AS input_tokens, "
    f"coalesce(sum(m.output_tokens), 0)::BIGINT AS output_tokens, {summed_costs('m')}"
)

_YES_OR_NO = "json IN ('true', 'false')"

_SUMMED = ("spans", "errors", "input_tokens", "output_tokens", "cost_usd", "uncosted")
"""What whole traces are summed up by."""

_NOTHING: Row = {
    **dict.fromkeys(
        (
            "units",
            "failed",
            "timed",
            "ttft_n",
            "spans",
            "errors",
            "input_tokens",
            "output_tokens",
            "uncosted",
        ),
        0,
    ),
    **dict.fromkeys(("quantiles", "ttft_quantiles", "cache_read", "cost_usd")),
}
"""The figures of a group without a span."""


def stats(
    database: Database,
    index: Index,
    where: Compiled,
    *,
    filter: Node | None,
    by: Sequence[str],
    over: Over | None,
    limit: int | None = None,
    token: CancelToken | None = None,
) -> Stats:
    """The groups of the traces for which `where`, the condition of `filter`, holds. Raises BadInput."""
    fields = group_fields(by)
    times = _times(database, index, over, token) if over is not None else _Times([], {})
    select = _members(index, where, fields, times)
    grouping = _Grouping(database, index, where, fields, over, times.buckets, token)
    if not grouping.worth_a_table(filter is None):
        return grouping.stats(Compiled(f"({select})", where.parameters), filter, limit)
    table = f"memory.main.{database.unique('stats')}"
    try:
        database.execute(f"CREATE TABLE {table} AS {select}", where.parameters, token)
        return grouping.stats(Compiled(table), filter, limit)
    finally:
        database.execute(f"DROP TABLE IF EXISTS {table}")


class _Times(Struct, frozen=True):
    """Stretches of time, and the place of the one that each quarter of an hour belongs to."""

    buckets: list[Bucket]
    of_quarter: dict[int, int]


_QUARTER = f"(t.start_ns - CASE WHEN t.start_ns < 0 THEN {QUARTER_NS - 1} ELSE 0 END) // {QUARTER_NS}"
"""SQL of the quarter of an hour in which a trace began; `//` alone rounds upwards before 1970."""


def _times(database: Database, index: Index, over: Over, token: CancelToken | None) -> _Times:
    quarters = [
        one
        for (one,) in database.fetch(
            f"SELECT DISTINCT {_QUARTER} FROM {index.traces} t WHERE t.start_ns IS NOT NULL", token=token
        )
    ]
    found = buckets(quarters, over)
    starts = [one.start_ns for one in found]
    places = {quarter: bisect_right(starts, quarter * QUARTER_NS) - 1 for quarter in quarters}
    return _Times(found, {quarter: place for quarter, place in places.items() if place >= 0})


def _members(index: Index, where: Compiled, fields: Sequence[GroupField], times: _Times) -> str:
    """SELECT of every trace in every group that it belongs to: `g0`, `g1`, ... and the number of its stretch."""
    columns, joins = [], []
    pair = paired(fields)
    once = next((field for field in fields if field.name in _DISTINCT), None)
    for number, field in enumerate(fields):
        if field.name in SINGLE:
            columns.append(f"nullif(t.{field.name}, '') AS g{number}")
        elif field is once:
            # no join: the list itself is turned into rows, an empty one into a row without a value
            listed = f"list_filter({_DISTINCT[field.name]}, lambda v: v <> '')"
            columns.append(f"unnest(CASE WHEN len({listed}) > 0 THEN {listed} ELSE [NULL] END) AS g{number}")
        elif pair and field.name in ("prompt_name", "prompt_version"):
            columns.append(f"prompt.{field.name} AS g{number}")
        else:
            columns.append(f"x{number}.v AS g{number}")
            joins.append(f"LEFT JOIN ({_values(index, field)}) x{number} ON x{number}.trace_no = t.trace_no")
    if pair:
        joins.append(
            "LEFT JOIN (SELECT DISTINCT trace_no, nullif(p.name, '') AS prompt_name, nullif(p.version, '') "
            f"AS prompt_version FROM (SELECT t.trace_no, unnest(t.prompt_versions) AS p FROM {index.traces} t) "
            "WHERE coalesce(prompt_name, prompt_version) IS NOT NULL) prompt ON prompt.trace_no = t.trace_no"
        )
    at = "NULL::BIGINT"
    if times.of_quarter:
        quarters, places = (
            ", ".join(map(str, times.of_quarter)),
            ", ".join(map(str, times.of_quarter.values())),
        )
        at = "b.place"
        joins.append(
            f"LEFT JOIN (SELECT unnest([{quarters}]::BIGINT[]) AS quarter, unnest([{places}]::BIGINT[]) AS place) b "
            f"ON b.quarter = {_QUARTER}"
        )
    chosen = f"(SELECT t.* FROM {index.traces} t WHERE {where.sql}) t"
    sums = "" if own_fields(fields) else "".join(f", t.{name}" for name in _SUMMED)
    return (
        f"SELECT t.trace_no, {at} AS stretch, {''.join(f'{one}, ' for one in columns)}t.status = 'error' AS failed, "
        f"t.duration_ms, t.ttft_ms, t.start_ns{sums} FROM {chosen} {' '.join(joins)}"
    )


def _values(index: Index, field: GroupField) -> str:
    """SELECT of (trace_no, v): every value that any span of a trace has, as filters see it."""
    if field.name == "attr":
        values = attributes.values(index, field.key or "")
    elif field.name == "session":
        values = (
            f"SELECT t.trace_no, c.session AS v FROM {mirror.TABLE} c JOIN {index.traces} t "
            "ON t.trace_id = c.target_id WHERE c.target_kind = 'trace'"
        )
    elif field.name in _LISTED:
        values = f"SELECT t.trace_no, {_LISTED[field.name]} AS v FROM {index.traces} t"
    elif field.name == "tags":
        values = f"SELECT s.trace_no, unnest(s.tags) AS v FROM {index.spans} s"
    else:
        values = f"SELECT s.trace_no, s.{field.name} AS v FROM {index.spans} s"
    distinct = "" if field.name in _DISTINCT else "DISTINCT "
    return f"SELECT {distinct}trace_no, v FROM ({values}) WHERE v IS NOT NULL AND v <> ''"


class _Grouping:
    """The figures of the groups of members: a FROM item of traces with their groups, and its parameters."""

    def __init__(
        self,
        database: Database,
        index: Index,
        where: Compiled,
        fields: Sequence[GroupField],
        over: Over | None,
        times: Sequence[Bucket],
        token: CancelToken | None,
    ) -> None:
        self._database = database
        self._index = index
        self._where = where
        self._fields = fields
        self._over = over
        self._times = times
        self._token = token
        self._unit = unit_of(fields)
        self._own = own_fields(fields)
        self._names = [f"g{number}" for number in range(len(fields))]
        self._keys = [f"m.{name}" for name in (*self._names, "stretch")]
        self._by = f"GROUP BY {', '.join(self._keys)}"
        self._members = Compiled("")
        self._has_cached = not self._own and self._any(f"{index.spans} WHERE cache_read_tokens IS NOT NULL")
        self._has_scores = self._any(f"{mirror.TABLE} WHERE target_kind = 'trace' AND {_YES_OR_NO}")

    def worth_a_table(self, whole: bool) -> bool:
        """Whether members are looked at more than once and are not found as cheaply as they are read.

        `whole`: no filter chose traces.
        """
        cheap = whole and all(field.name in (*SINGLE, *_LISTED) for field in self._fields)
        return not cheap and bool(self._own or self._has_cached or self._has_scores)

    def stats(self, members: Compiled, filter: Node | None, limit: int | None) -> Stats:
        """Every group, by time and then the largest first."""
        self._members = members
        found, groups, memberships = self._groups(limit)
        sums = [self._of_spans(found, filter is None)] if self._own else []
        if self._has_cached:
            sums.append(self._cached())
        for more in sums:
            for key, figures_of in more.items():
                if key in found:
                    found[key] |= figures_of
        rows = {
            key: figures(
                one,
                self._fields,
                self._over,
                self._times[one["stretch"]] if one["stretch"] is not None else None,
                filter,
            )
            for key, one in found.items()
        }
        if self._has_scores:
            self._score(rows)
        if paired(self._fields):
            known = prompts.templates(self._database, self._index.prompts)
            for row in rows.values():
                version = known.get((row["prompt_name"], row["prompt_version"]), {})
                row["prompt_inferred"], row["template_hash"] = version.get("inferred"), version.get("hash")
        traces = memberships
        if any(field.name not in SINGLE for field in self._fields):
            traces = self._database.fetch(
                f"SELECT count(*) FROM {self._index.traces} t WHERE {self._where.sql}",
                self._where.parameters,
                self._token,
            )[0][0]
        return Stats(tuple(rows.values()), groups, traces, overlapping=memberships > traces)

    def _any(self, rows: str) -> bool:
        """Whether a FROM item with a condition has any row."""
        return bool(self._database.fetch(f"SELECT 1 FROM {rows} LIMIT 1", token=self._token))

    def _key(self, row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in (*self._names, "stretch"))

    def _rows(self, select: str) -> dict[tuple[Any, ...], Row]:
        """Rows of a SELECT from the members, by their group."""
        rows = self._database.rows(select, self._members.parameters, self._token)
        return {self._key(row): row for row in rows}

    def _groups(self, limit: int | None) -> tuple[dict[tuple[Any, ...], Row], int, int]:
        """The first groups, by time and then the largest first; how many there are, and traces in all of them.

        They have their sums where those are of whole traces.
        """
        more = "" if self._own else f", {_TRACE_SUMS}"
        if self._unit == "traces":
            more += f", count(*) AS units, {_quantiles('m', 'true')}"
        order = ", ".join(f"{name} NULLS LAST" for name in self._names)
        rows = self._rows(
            f"""SELECT *, count(*) OVER () AS groups, sum(n) OVER () AS memberships FROM (
                SELECT {", ".join(self._keys)}, count(*) AS n, min(m.start_ns) AS first_seen_ns,
                max(m.start_ns) AS last_seen_ns{more} FROM {self._members.sql} m {self._by}
            ) ORDER BY stretch NULLS FIRST, n DESC{", " * bool(order)}{order}
            {"" if limit is None else f"LIMIT {limit:d}"}"""
        )
        groups = memberships = 0
        for row in rows.values():
            groups, memberships = row.pop("groups"), int(row.pop("memberships"))
        return {key: _NOTHING | row for key, row in rows.items()}, groups, memberships

    def _of_spans(self, found: dict[tuple[Any, ...], Row], whole: bool) -> dict[tuple[Any, ...], Row]:
        """Sums over the spans with the group's values, and the figures of units; `whole`: no filter chose traces."""
        own = [number for number, field in enumerate(self._fields) if field.name in self._own]
        if len(own) < len(self._fields):
            return self._span_figures(self._joined(), self._keys)
        # every span of a chosen trace is in the group of its own values: no look at the groups is needed
        columns = [f"s.{field.name}" for field in self._fields]
        there = " AND ".join(f"{column} <> ''" for column in columns)
        keys = [f"{column} AS g{number}" for number, column in enumerate(columns)]
        if whole and self._over is None:
            rows = self._span_figures(f"WHERE {there}", [*keys, "NULL::BIGINT AS stretch"])
        else:
            chosen = f"(SELECT DISTINCT trace_no, stretch FROM {self._members.sql}) m"
            rows = self._span_figures(f"JOIN {chosen} USING (trace_no) WHERE {there}", [*keys, "m.stretch"])
        if any(None in key[:-1] for key in found):
            # a span without a value counts only where no span of its trace has one
            absent = " OR ".join(f"m.g{number} IS NULL" for number in own)
            if len(own) == 1 and self._over is None:
                without = f"WHERE s.trace_no IN (SELECT m.trace_no FROM {self._members.sql} m WHERE {absent})"
                rows |= self._span_figures(without, ["NULL AS g0", "NULL::BIGINT AS stretch"])
            else:
                rows |= self._span_figures(f"{self._joined()} WHERE {absent}", self._keys)
        return rows

    def _span_figures(self, chosen: str, keys: Sequence[str]) -> dict[tuple[Any, ...], Row]:
        figures_of = ""
        if self._unit != "traces":
            unit = _OF_UNIT[self._unit]
            figures_of = f", count(*) FILTER ({unit}) AS units, {_quantiles('s', unit)}"
        return self._rows(
            f"""SELECT {", ".join(keys)}, count(*) AS spans, count(*) FILTER (s.status = 'error') AS errors,
            coalesce(sum(s.input_tokens) FILTER ({_USAGE}), 0)::BIGINT AS input_tokens,
            coalesce(sum(s.output_tokens) FILTER ({_USAGE}), 0)::BIGINT AS output_tokens,
            sum(s.cache_read_tokens) FILTER ({_USAGE})::BIGINT AS cache_read,
            {span_costs("s")}{figures_of}
            FROM {self._index.spans} s {chosen} GROUP BY ALL"""
        )

    def _cached(self) -> dict[tuple[Any, ...], Row]:
        """Tokens of whole traces that were read from a cache; groups without any knowledge of it are absent."""
        return self._rows(
            f"""SELECT {", ".join(self._keys)}, sum(c.cache_read)::BIGINT AS cache_read
            FROM {self._members.sql} m JOIN (
                SELECT s.trace_no, sum(s.cache_read_tokens) AS cache_read FROM {self._index.spans} s
                WHERE s.cache_read_tokens IS NOT NULL AND {_USAGE} GROUP BY s.trace_no
            ) c USING (trace_no) {self._by}"""
        )

    def _joined(self) -> str:
        own = [
            f"nullif(s.{field.name}, '') IS NOT DISTINCT FROM m.g{number}"
            for number, field in enumerate(self._fields)
            if field.name in self._own
        ]
        return f"JOIN {self._members.sql} m ON {' AND '.join(['s.trace_no = m.trace_no', *own])}"

    def _score(self, rows: dict[tuple[Any, ...], Row]) -> None:
        """Give rows the rates of the yes-or-no scores of their traces, by name and source."""
        found = self._database.rows(
            f"""SELECT {", ".join(self._keys)}, v.name, v.source, count(*) FILTER (v.yes > 0 AND v.no = 0) AS k,
                count(*) FILTER ((v.yes > 0) <> (v.no > 0)) AS n,
                count(*) FILTER (v.yes > 0 AND v.no > 0) AS split,
                count(*) FILTER (v.yes = 0 AND v.no = 0) AS not_applicable
            FROM {self._members.sql} m JOIN {self._index.traces} t USING (trace_no) JOIN (
                SELECT target_id, name, source, count(*) FILTER (json = 'true') AS yes,
                    count(*) FILTER (json = 'false') AS no
                FROM {mirror.TABLE} WHERE target_kind = 'trace' AND json IN ('true', 'false', '"n/a"')
                    AND name IN (SELECT name FROM {mirror.TABLE} WHERE {_YES_OR_NO})
                GROUP BY ALL
            ) v ON v.target_id = t.trace_id {self._by}, v.name, v.source ORDER BY v.name, v.source""",
            self._members.parameters,
            self._token,
        )
        by_key = {(self._key(one), one["name"], one["source"]): one for one in found}
        given = sorted({(one["name"], one["source"]) for one in found})
        for key, row in rows.items():
            for name, source in given:
                one = by_key.get((key, name, source)) or dict.fromkeys(
                    ("k", "n", "split", "not_applicable"), 0
                )
                unscored = row["n"] - one["n"] - one["split"] - one["not_applicable"]
                row["scores"].setdefault(name, {})[source] = rate(
                    one["k"], one["n"], unscored, one["split"], one["not_applicable"]
                )


def _quantiles(alias: str, where: str) -> str:
    failed = "m.failed" if alias == "m" else "s.status = 'error'"
    only = f"FILTER ({where})"
    return (
        f"count(*) FILTER ({failed} AND {where}) AS failed, "
        f"count({alias}.duration_ms) {only} AS timed, count({alias}.ttft_ms) {only} AS ttft_n, "
        f"quantile_cont({alias}.duration_ms, [0.5, 0.95, 0.99]) {only} AS quantiles, "
        f"quantile_cont({alias}.ttft_ms, [0.5, 0.95]) {only} AS ttft_quantiles"
    )
