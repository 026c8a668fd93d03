"""The named queries over one index: lists, totals, one trace, one thread, figures, completions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from traceview.filters.ast import Node
from traceview.model.errors import BadInput
from traceview.model.labels import Target, TargetKind
from traceview.model.span_rows import SpanRows
from traceview.store.duck import completions, mirror
from traceview.store.duck.compile import ALIAS, Compiled, Tables, compile_filter
from traceview.store.duck.connection import Database
from traceview.store.duck.costs import span_costs, summed_costs
from traceview.store.duck.extra import Extra
from traceview.store.duck.indexes import ID, NUMBER, Index
from traceview.store.duck.ordering import order_by
from traceview.store.duck.text_search import Progress, Walks, stream
from traceview.store.duck.text_walk import TextWalk
from traceview.store.duck.texts import TextLeaf, leaves_of
from traceview.store.interface import CancelToken, Level, ListQuery, Row, Totals
from traceview.store.source_info import ModelCost

SPANS_AT_ONCE = 8_192
"""Spans that are taken over with one question: some hundredths of a second in which nothing else runs."""

_USAGE = "FILTER (s.counted AND s.kind <> 'embedding')"

LEVEL_OF: dict[TargetKind, Level] = {"trace": "traces", "thread": "threads", "span": "spans"}

TOTALS: dict[Level, str] = {
    "traces": "count(*) FILTER (t.status = 'error'), sum(t.input_tokens), sum(t.output_tokens), "
    + summed_costs("t"),
    "threads": "count(*) FILTER (h.errors > 0), sum(h.input_tokens), sum(h.output_tokens), "
    + summed_costs("h"),
    "spans": f"count(*) FILTER (s.status = 'error'), sum(s.input_tokens) {_USAGE}, sum(s.output_tokens) {_USAGE}, "
    + span_costs("s"),
}


class Queries:
    """Every SELECT over one index. Methods may be called from any thread; a token interrupts them.

    `extra` keeps the attributes that were read, `walks` what was found in texts; the indexes of one source share them.
    """

    def __init__(
        self, database: Database, index: Index, extra: Extra | None = None, walks: Walks | None = None
    ) -> None:
        self.index = index
        self._database = database
        self.extra = extra or Extra(database)
        self._walks = walks or Walks(database)
        self._counts: dict[Level, int] = {}
        self._newest: int | None = None

    # lists

    def condition(self, node: Node | None, level: Level, token: CancelToken | None = None) -> Compiled:
        """The WHERE condition of a filter on a list; texts that it asks for are searched first. Raises BadInput."""
        if node is None or not leaves_of(node):
            return self._condition(node, level, None, token)
        walk = self._walk(node, level, token)
        walk.finish(token)
        return self._condition(node, level, walk, token)

    def search(self, query: ListQuery, token: CancelToken | None = None) -> Iterator[Progress]:
        """The rows of a query as they are found, at last all of them. Raises BadInput."""
        node = query.filter
        if node is None or not leaves_of(node):
            yield Progress(self.keys(query, token), 1.0, True)
            return
        walk = self._walk(node, query.level, token)
        yield from stream(
            self._database,
            self.index,
            query,
            walk,
            lambda: self._condition(node, query.level, walk, token),
            lambda: self.keys(query, token),
            token,
        )

    def _walk(self, node: Node, level: Level, token: CancelToken | None) -> TextWalk:
        """The pass over the texts that a filter asks for."""
        return self._walks.of(
            self.index, node, level, lambda bound, of: self._condition(bound, of, None, token)
        )

    def _condition(
        self, node: Node | None, level: Level, walk: TextWalk | None, token: CancelToken | None
    ) -> Compiled:
        """The WHERE condition of a filter over the index and what a pass over the texts has found so far."""
        if self._newest is None:
            self._newest = self._database.fetch(
                f"SELECT max(start_ns) FROM {self.index.traces}", token=token
            )[0][0]

        def hits(leaf: TextLeaf) -> str:
            assert walk is not None
            return walk.hits(leaf)

        tables = Tables(
            spans=self.index.spans,
            traces=self.index.traces,
            threads=self.index.threads,
            scores=mirror.TABLE,
            hits=hits,
            newest_ns=self._newest,
        )
        return compile_filter(node, level, tables)

    def keys(self, query: ListQuery, token: CancelToken | None = None) -> Any:
        """The numbers of all rows of a query in order, as a numpy array of int64."""
        alias, number = ALIAS[query.level], NUMBER[query.level]
        where = self.condition(query.filter, query.level, token)
        return self._database.numbers(
            f"SELECT {alias}.{number} FROM {self.index.table(query.level)} {alias} "
            f"WHERE {where.sql} ORDER BY {self._order(query, token)}",
            where.parameters,
            token,
        )

    def first(self, query: ListQuery, limit: int, token: CancelToken | None = None) -> list[Row]:
        """The first rows of a query."""
        if query.level != "threads" and not query.sort and leaves_of(query.filter):
            for found in self.search(query, token):
                if found.complete or len(found.keys) >= limit:
                    return self.by_number(query.level, [int(one) for one in found.keys[:limit]], token)
        alias = ALIAS[query.level]
        where = self.condition(query.filter, query.level, token)
        table, number, order = self.index.table(query.level), NUMBER[query.level], self._order(query, token)
        chosen = f"{where.sql} ORDER BY {order} LIMIT {int(limit)}"
        if query.filter is not None:
            # which rows match is found without the rest of them
            numbers = f"SELECT {alias}.{number} FROM {table} {alias} WHERE {chosen}"
            chosen = f"{alias}.{number} IN ({numbers}) ORDER BY {order}"
        rows = self._database.rows(
            f"SELECT {alias}.* FROM {table} {alias} WHERE {chosen}", where.parameters, token
        )
        return finished(rows)

    def _order(self, query: ListQuery, token: CancelToken | None) -> str:
        """The ORDER BY list of a query; attributes that it sorts by are read first."""
        tables = self.extra.tables(self.index, query.sort, token)
        return order_by(
            query.sort, query.level, scores=mirror.TABLE, traces=self.index.traces, attributes=tables
        )

    def by_number(self, level: Level, numbers: Sequence[int], token: CancelToken | None = None) -> list[Row]:
        """Rows by their numbers, in that order."""
        if not numbers:
            return []
        number, low, high = NUMBER[level], min(numbers), max(numbers)
        # without gaps the ends say it all
        gaps = high - low + 1 > len(set(numbers))
        rows = self._database.rows(
            f"SELECT * FROM {self.index.table(level)} WHERE {number} BETWEEN {low} AND {high}"
            + (f" AND {number} IN (SELECT unnest(?::BIGINT[]))" if gaps else ""),
            [list(numbers)] if gaps else (),
            token,
        )
        place = {row[number]: row for row in finished(rows)}
        return [place[one] for one in numbers if one in place]

    def number_of(self, level: Level, row_id: str, token: CancelToken | None = None) -> list[int]:
        """The numbers of the rows with this id."""
        return [
            number
            for (number,) in self._database.fetch(
                f"SELECT {NUMBER[level]} FROM {self.index.table(level)} WHERE {ID[level]} = ?",
                [row_id],
                token,
            )
        ]

    def count(self, level: Level, token: CancelToken | None = None) -> int:
        """All rows of a list."""
        if level not in self._counts:
            self._counts[level] = self._database.fetch(
                f"SELECT count(*) FROM {self.index.table(level)}", token=token
            )[0][0]
        return self._counts[level]

    def totals(self, query: ListQuery, token: CancelToken | None = None) -> Totals:
        """Totals over all rows of a query."""
        level, alias = query.level, ALIAS[query.level]
        where = self.condition(query.filter, level, token)
        count, errors, tokens_in, tokens_out, cost, uncosted, p50, p95, p95_cost = self._database.fetch(
            f"SELECT count(*), {TOTALS[level]}, quantile_cont({alias}.duration_ms, 0.5), "
            f"quantile_cont({alias}.duration_ms, 0.95), quantile_cont({alias}.cost_usd, 0.95) "
            f"FROM {self.index.table(level)} {alias} WHERE {where.sql}",
            where.parameters,
            token,
        )[0]
        return Totals(
            count,
            self.count(level, token),
            errors,
            int(tokens_in or 0),
            int(tokens_out or 0),
            cost,
            p50,
            p95,
            p95_cost,
            uncosted=uncosted,
        )

    # one item

    def trace(
        self, trace_id: str, token: CancelToken | None = None, start_ns: int | None = None
    ) -> tuple[Row, SpanRows] | None:
        """The row and the spans of a trace, in order of start; None if there is none of that id.

        With its start only rows of that time are looked at; one that is not right costs nothing but time.
        """
        query = f"SELECT * FROM {self.index.traces} WHERE trace_id = ?"
        traces: list[Row] = []
        if start_ns is not None:
            traces = self._database.rows(f"{query} AND start_ns = {start_ns:d}", [trace_id], token)
        if not traces:
            traces = self._database.rows(query, [trace_id], token)
        if not traces:
            return None
        return finished(traces)[0], SpanRows(self._spans(traces[0], token))

    def _spans(self, trace: Row, token: CancelToken | None) -> dict[str, list[Any]]:
        """The spans of a trace by column, in order of start."""
        mine = f"FROM {self.index.spans} WHERE trace_no = {trace['trace_no']}"
        if trace["spans"] <= SPANS_AT_ONCE:
            return self._database.columns(f"SELECT * {mine} ORDER BY span_no", token=token)
        whole: dict[str, list[Any]] = {}
        [(last,)] = self._database.fetch(f"SELECT max(span_no) {mine}", token=token)
        for low in range(trace["first_span"], last + 1, SPANS_AT_ONCE):
            some = self._database.columns(
                f"SELECT * {mine} AND span_no BETWEEN {low} AND {low + SPANS_AT_ONCE - 1} ORDER BY span_no",
                token=token,
            )
            for name, values in some.items():
                whole.setdefault(name, []).extend(values)
        return whole

    def traces(
        self, trace_ids: Sequence[str], token: CancelToken | None = None
    ) -> dict[str, tuple[Row, SpanRows]]:
        """What `trace` gives of each of the traces that are there, by id, with two questions for all of them."""
        traces = self._database.rows(
            f"SELECT * FROM {self.index.traces} WHERE trace_id IN (SELECT unnest(?::VARCHAR[])) ORDER BY trace_no",
            [list(trace_ids)],
            token,
        )
        if not traces:
            return {}
        numbers = [trace["trace_no"] for trace in finished(traces)]
        columns = self._database.columns(
            f"SELECT * FROM {self.index.spans} WHERE trace_no BETWEEN {numbers[0]} AND {numbers[-1]} "
            "AND trace_no IN (SELECT unnest(?::BIGINT[])) ORDER BY trace_no, span_no",
            [numbers],
            token,
        )
        ends = [bisect_right(columns["trace_no"], number) for number in numbers]
        return {
            trace["trace_id"]: (
                trace,
                SpanRows({name: values[begin:end] for name, values in columns.items()}),
            )
            for trace, begin, end in zip(traces, [0, *ends], ends, strict=False)
        }

    def thread(self, thread_id: str, token: CancelToken | None = None) -> tuple[Row, list[Row]] | None:
        """The row and the traces of a thread, in order of time; None if there is none of that id."""
        threads = self._database.rows(
            f"SELECT * FROM {self.index.threads} WHERE thread_id = ?", [thread_id], token
        )
        if not threads:
            return None
        traces = self._database.rows(
            f"SELECT * FROM {self.index.traces} WHERE thread_id = ? ORDER BY start_ns NULLS FIRST, trace_no",
            [thread_id],
            token,
        )
        return finished(threads)[0], finished(traces)

    def ends(self, trace_ids: Sequence[str], token: CancelToken | None = None) -> list[Row]:
        """The first root and the first and last model call of each trace, in order of start."""
        return self._database.rows(
            f"""WITH mine AS MATERIALIZED (
                SELECT s.trace_no, s.span_no, s.parent_id IS NULL AS root, s.kind = 'llm' AS call
                FROM {self.index.spans} s WHERE s.trace_no IN (
                    SELECT trace_no FROM {self.index.traces} WHERE trace_id IN (SELECT unnest(?::VARCHAR[]))
                )
            )
            SELECT s.* FROM {self.index.spans} s WHERE s.span_no IN (
                SELECT unnest([min(span_no) FILTER (root), min(span_no) FILTER (call), max(span_no) FILTER (call)])
                FROM mine GROUP BY trace_no
            ) ORDER BY s.span_no""",
            [list(trace_ids)],
            token,
        )

    def missing(self, targets: Sequence[Target], token: CancelToken | None = None) -> list[Target]:
        """Those of the targets that are not in the source, in their order."""
        absent: set[tuple[TargetKind, str]] = set()
        for kind, level in LEVEL_OF.items():
            wanted = [target.span_id or target.id for target in targets if target.kind == kind]
            if wanted:
                found = self._database.fetch(
                    f"SELECT DISTINCT id FROM (SELECT unnest(?::VARCHAR[]) AS id) "
                    f"ANTI JOIN {self.index.table(level)} ON {ID[level]} = id",
                    [wanted],
                    token,
                )
                absent.update((kind, id) for (id,) in found)
        return [target for target in targets if (target.kind, target.span_id or target.id) in absent]

    # figures

    def facts(self, token: CancelToken | None = None) -> Row:
        """Counts and ranges of everything: the fields of SourceInfo that the index knows."""
        index = self.index
        found = self._database.rows(
            f"""SELECT count(*) AS traces, coalesce(sum(spans), 0)::BIGINT AS spans,
                coalesce(sum(errors), 0)::BIGINT AS error_spans, count(*) FILTER (status = 'error') AS error_traces,
                coalesce(sum(leaf_errors), 0)::BIGINT AS leaf_errors,
                coalesce(sum(llm_calls), 0)::BIGINT AS llm_calls,
                coalesce(sum(input_tokens), 0)::BIGINT AS input_tokens,
                coalesce(sum(output_tokens), 0)::BIGINT AS output_tokens, {summed_costs()},
                min(start_ns) AS start_ns, max(end_ns) AS end_ns,
                (SELECT list_sort(list(DISTINCT m)) FROM (SELECT unnest(models) AS m FROM {index.traces})) AS models,
                (SELECT list_sort(list(DISTINCT p)) FROM (SELECT unnest(prompt_versions) AS p FROM {index.traces}))
                    AS prompt_versions
            FROM {index.traces}""",
            token=token,
        )[0]
        found["spans_by_kind"] = dict(
            self._database.fetch(
                f"SELECT kind, count(*) FROM {index.spans} GROUP BY kind ORDER BY 2 DESC", token=token
            )
        )
        found["model_costs"] = costs = self._model_costs(token)
        found["calls"] = sum(one.calls for one in costs)
        found["cost_calls"] = found["calls"] - sum(one.unknown for one in costs)
        found["threads"] = self.count("threads", token)
        found["thread_ids"] = tuple(
            one
            for (one,) in self._database.fetch(
                f"SELECT thread_id FROM {index.threads} ORDER BY thread_no LIMIT 100", token=token
            )
        )
        found["models"] = tuple(found["models"] or ())
        found["prompt_versions"] = tuple(
            (pair["name"], pair["version"], pair["inferred"]) for pair in found["prompt_versions"] or ()
        )
        return found

    def _model_costs(self, token: CancelToken | None) -> tuple[ModelCost, ...]:
        """What the calls of each model cost, and how that is known."""
        rows = self._database.rows(
            f"""SELECT model, count(*) AS calls, coalesce(sum(input_tokens), 0)::BIGINT AS input_tokens,
                coalesce(sum(output_tokens), 0)::BIGINT AS output_tokens, sum(cost_usd) AS cost_usd,
                count(*) FILTER (cost_computed) AS computed, count(*) FILTER (cost_usd IS NULL) AS unknown
            FROM {self.index.spans} WHERE is_call GROUP BY model ORDER BY calls DESC, model""",
            token=token,
        )
        prices = {row["model"]: self._database.prices.of(row["model"]) for row in rows}
        names = {model: None if price is None else price.model for model, price in prices.items()}
        return tuple(ModelCost(**row, price_of=names[row["model"]]) for row in rows)

    def values(self, name: str, prefix: str, limit: int, token: CancelToken | None = None) -> tuple[str, ...]:
        """Values of a field that start with, then contain a prefix, the most frequent first."""
        return completions.values(self._database, self.index, name, prefix, limit, token)

    def resolve(self, target: str, token: CancelToken | None = None) -> Target:
        """The span, trace or thread with this id, else with this unique prefix. Raises BadInput."""
        looks: tuple[tuple[TargetKind, str, str], ...] = (
            ("trace", f"SELECT trace_id, trace_id FROM {self.index.traces} WHERE ", "trace_id"),
            ("thread", f"SELECT thread_id, NULL FROM {self.index.threads} WHERE ", "thread_id"),
            ("span", f"SELECT span_id, trace_id FROM {self.index.spans} WHERE ", "span_id"),
        )
        tests: tuple[Callable[[str], str], ...] = (
            lambda column: f"{column} = ?",
            lambda column: f"starts_with({column}, ?)",
        )
        for test in tests:
            found: list[Target] = []
            for kind, select, column in looks:
                for one, trace_id in self._database.fetch(f"{select}{test(column)} LIMIT 6", [target], token):
                    found.append(Target(kind, one, trace_id))
                if found and test is tests[0]:
                    break
            if found:
                return one_target(target, found)
        raise no_target(target)


def one_target(target: str, found: Sequence[Target]) -> Target:
    """The only one of what was found. Raises BadInput naming several."""
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"{one.kind} {one.id}" for one in found[:5])
    more = " and more" if len(found) > 5 else ""
    raise BadInput(f"{target!r} is not unique: {names}{more}", hint="give more of the id")


def no_target(target: str) -> BadInput:
    """The error for an id that the source does not have."""
    return BadInput(
        f"there is no trace, thread or span {target!r}",
        hint="ids come from the lists: traces, spans, threads",
    )


def finished(rows: list[Row]) -> list[Row]:
    """Rows with the figures that are computed from others."""
    for row in rows:
        row["tokens"] = (row.get("input_tokens") or 0) + (row.get("output_tokens") or 0)
    return rows
