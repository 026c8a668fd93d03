"""The one build: canonical spans in, the tables spans, traces and threads out, with the rules of every source.

The same statements fill an index in memory, one in a file, one of the newest page's traces, and one of the
traces that new parts touch. Traces are numbered by their start and worked off in slices, so that memory does
not grow with the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from traceview.sources.rules import VENDOR_NATIVE_PATTERN
from traceview.store.duck import costs, outcomes, prompts, resolving, schema
from traceview.store.duck.connection import Database, text
from traceview.store.duck.costs import span_costs, summed_costs
from traceview.store.duck.reading import Placed, Reader
from traceview.store.interface import CancelToken

SLICE_SPANS = 300_000
PREVIEW = 160
FEW_FILES = 16
MANY_ROWS = 200_000

Progress = Callable[[float], object]
Infer = Literal["texts", "versions"] | None


@dataclass(frozen=True, slots=True)
class Built:
    """What a build put into its tables."""

    spans: int
    traces: int
    threads: int
    repeated: int
    """Spans that were written more than once; the last one counts."""


class Builder:
    """Builds into the empty schema `out`, with `work` for tables that are dropped afterwards."""

    def __init__(
        self,
        database: Database,
        out: str,
        work: str,
        *,
        token: CancelToken | None = None,
        progress: Progress | None = None,
        first_trace: int = 0,
        first_span: int = 0,
    ) -> None:
        self._database = database
        self._out = out
        self._work = work
        self._token = token
        self._progress = progress or (lambda done: None)
        self._first_trace = first_trace
        self._next_span = first_span
        self._repeated = 0

    def build(self, reader: Reader, base: Iterable[str], *, infer: Infer = None) -> Built:
        """Fill the tables from SELECTs of the index's columns. Raises Cancelled, TraceviewError.

        `infer` says what is made of prompts without a version: nothing, only their texts are noted, or versions.
        """
        for statement in schema.create(self._out):
            self._run(statement)
        self._load(base)
        costs.describe_models(self._database, self._work, self._token)
        self._number()
        if infer is None:
            prompts.without(self._database, self._work, self._token)
        else:
            prompts.find(self._database, self._work, self._out, reader, self._token, tell=infer == "versions")
        slices = self._slices()
        for done, (low, high) in enumerate(slices):
            self._slice(reader, low, high)
            self._progress(0.25 + 0.4 * (done + 1) / len(slices))
        self._previews(reader)
        self._traces(slices)
        self._threads()
        self._run(f"INSERT INTO {self._out}.facts VALUES ('repeated', {self._repeated})")
        self._clean()
        self._progress(1.0)
        counts = [
            self._one(f"SELECT count(*) FROM {self._out}.{name}") for name in ("spans", "traces", "threads")
        ]
        return Built(counts[0], counts[1], counts[2], self._repeated)

    # one step each

    def _load(self, base: Iterable[str]) -> None:
        """Copy the narrow columns of every relation."""
        work = self._work
        for number, select in enumerate(base):
            statement = "CREATE TABLE {0}.base AS {1}" if number == 0 else "INSERT INTO {0}.base {1}"
            self._run(statement.format(work, select))
        self._progress(0.2)

    def _number(self) -> None:
        """Number the traces by start; those without any time come first."""
        self._run(
            f"""CREATE TABLE {self._work}.numbered AS
            SELECT row_number() OVER () - 1 + {self._first_trace} AS trace_no, * FROM (
                SELECT trace_id, min(start_ns) AS low, max(start_ns) AS high, count(*) AS n,
                    bool_or(start_ns IS NULL) AS untimed, min(thread_id) AS thread_id,
                    min(prompt_name) AS one_name, max(prompt_name) AS other_name, max(prompt_version) AS version
                FROM {self._work}.base GROUP BY trace_id
                ORDER BY low NULLS FIRST, trace_id
            )"""
        )
        for statement in (
            f"CREATE TABLE {self._work}.previewed (trace_no BIGINT, role TINYINT, file_no INTEGER, row_no BIGINT)",
            f"CREATE TABLE {self._work}.previews (trace_no BIGINT, role TINYINT, input VARCHAR, output VARCHAR)",
            f"CREATE TABLE {self._work}.traces AS SELECT * EXCLUDE (input_preview, output_preview) "
            f"FROM {self._out}.traces LIMIT 0",
        ):
            self._run(statement)
        self._progress(0.25)

    def _slices(self) -> list[tuple[int, int]]:
        """Ranges of trace numbers, both ends included, of about SLICE_SPANS spans each."""
        return [
            (low, high)
            for low, high in self._database.fetch(
                f"""SELECT min(trace_no), max(trace_no) FROM (
                    SELECT trace_no, (sum(n) OVER (ORDER BY trace_no) - n) // {SLICE_SPANS} AS slice
                    FROM {self._work}.numbered
                ) GROUP BY slice ORDER BY 1""",
                token=self._token,
            )
        ]

    def _slice(self, reader: Reader, low: int, high: int) -> None:
        """Bring the spans of a range of traces in order, apply the rules to them, and sum the traces up."""
        work = self._work
        earliest, latest, untimed = self._row(
            f"SELECT min(low), max(high), bool_or(untimed) FROM {work}.numbered "
            f"WHERE trace_no BETWEEN {low} AND {high}"
        )
        # spans lie roughly in order of time, so the bounds skip most of the table
        bounds = "" if untimed or earliest is None else f"WHERE b.start_ns BETWEEN {earliest} AND {latest}"
        self._run(
            f"""CREATE TABLE {work}.part AS
            SELECT row_number() OVER () - 1 + {self._next_span} AS span_no, * FROM (
                SELECT n.trace_no, b.* FROM {work}.base b
                JOIN (SELECT trace_id, trace_no FROM {work}.numbered WHERE trace_no BETWEEN {low} AND {high}) n
                USING (trace_id) {bounds}
                ORDER BY n.trace_no, b.start_ns NULLS LAST, b.file_no, b.row_no
            )"""
        )
        self._drop_repeated()
        self._facts()
        resolving.apply(self._database, work, reader, self._token)
        self._finish_spans()
        self._sum_up(low, high)
        last = self._one(f"SELECT max(span_no) FROM {work}.part")
        self._next_span = self._next_span if last is None else last + 1
        for table in ("part", "facts", "fixes"):
            self._run(f"DROP TABLE {work}.{table}")

    def _drop_repeated(self) -> None:
        """Of spans written more than once keep the one that was read last."""
        work = self._work
        repeated = self._one(
            f"SELECT count(*) FROM (SELECT hash(trace_no, span_id) h FROM {work}.part GROUP BY h HAVING count(*) > 1)"
        )
        if not repeated:
            return
        before = self._one(f"SELECT count(*) FROM {work}.part")
        self._run(
            f"""DELETE FROM {work}.part WHERE span_no IN (
                SELECT p.span_no FROM {work}.part p JOIN (
                    SELECT trace_no, span_id, max((file_no::HUGEINT << 64) + row_no) AS last
                    FROM {work}.part GROUP BY trace_no, span_id HAVING count(*) > 1
                ) r ON p.trace_no = r.trace_no AND p.span_id = r.span_id
                WHERE (p.file_no::HUGEINT << 64) + p.row_no <> r.last
            )"""
        )
        self._repeated += before - self._one(f"SELECT count(*) FROM {work}.part")

    def _facts(self) -> None:
        """One row per trace: its root, what spans inherit, and whether plain SQL cannot apply the rules.

        The root is the first span without a parent, else the first whose parent is not there, else the first.
        Which traces are hard is what `sources.rules` says of itself, on the safe side; a ring of failing spans has
        at least one parent that does not come before its child.
        """
        work = self._work
        pair = "coalesce(prompt_name, '') || chr(31) || coalesce(prompt_version, '')"
        unpaired = "prompt_name IS NULL AND prompt_version IS NULL"
        own_usage = "coalesce(input_tokens, output_tokens, cost_usd) IS NOT NULL"
        call = "kind IN ('llm', 'embedding')"
        self._run(
            f"""CREATE TABLE {work}.facts AS
            SELECT trace_no, min(span_no) FILTER (parent_id IS NULL) AS root_no, min(span_no) AS first_no,
                min(thread_id) AS one_thread, min(user_id) AS one_user,
                min(prompt_name) FILTER (NOT ({unpaired})) AS one_name,
                min(prompt_version) FILTER (NOT ({unpaired})) AS one_version,
                coalesce(min(thread_id) <> max(thread_id), false)
                    OR coalesce(min(user_id) <> max(user_id) AND bool_or(user_id IS NULL), false)
                    OR coalesce(min({pair}) FILTER (NOT ({unpaired})) <> max({pair}) FILTER (NOT ({unpaired}))
                        AND bool_or({unpaired}), false)
                    OR bool_or(NOT {call} AND {own_usage})
                    OR coalesce(bool_or({call} AND regexp_matches(scope_name, {text(VENDOR_NATIVE_PATTERN)})), false)
                    AS hard
            FROM {work}.part GROUP BY trace_no"""
        )
        self._run(
            f"""UPDATE {work}.facts SET hard = true WHERE NOT hard AND trace_no IN (
                SELECT trace_no FROM {work}.part WHERE {call} AND call_id IS NOT NULL
                GROUP BY trace_no, kind, call_id HAVING count(*) > 1
                UNION ALL
                SELECT c.trace_no FROM {work}.part c
                JOIN (SELECT trace_no, span_id FROM {work}.part WHERE {call}) p
                ON c.trace_no = p.trace_no AND c.parent_id = p.span_id
                UNION ALL
                SELECT c.trace_no FROM {work}.part c JOIN {work}.part p
                ON c.trace_no = p.trace_no AND c.parent_id = p.span_id
                WHERE c.status = 'error' AND p.status = 'error' AND p.span_no >= c.span_no
            )"""
        )
        if self._one(f"SELECT count(*) FROM {work}.facts WHERE root_no IS NULL"):
            self._run(
                f"""UPDATE {work}.facts SET root_no = coalesce(orphan, first_no) FROM (
                    SELECT f.trace_no AS no, min(c.span_no) FILTER (p.span_no IS NULL) AS orphan
                    FROM {work}.facts f JOIN {work}.part c USING (trace_no)
                    LEFT JOIN {work}.part p ON c.trace_no = p.trace_no AND c.parent_id = p.span_id
                    WHERE f.root_no IS NULL GROUP BY f.trace_no
                ) WHERE trace_no = no"""
            )

    def _finish_spans(self) -> None:
        """Write the spans with what they inherit."""
        work = self._work
        computed = {
            name: f"CASE WHEN x.span_no IS NULL THEN {plain} ELSE x.{name} END"
            for name, plain in resolving.PLAIN.items()
        }
        computed["duration_ms"] = (
            "CASE WHEN p.end_ns >= p.start_ns THEN (p.end_ns::HUGEINT - p.start_ns) / 1e6 "
            "WHEN p.duration_ms >= 0 THEN p.duration_ms END"
        )
        computed["cost_usd"], computed["cost_computed"] = costs.with_prices(computed)
        recorded = computed["prompt_version"]
        given = f"({recorded} IS NULL AND ({computed['prompt_name']}) IS NOT DISTINCT FROM i.prompt_given)"
        for name in ("prompt_name", "prompt_version"):
            computed[name] = (
                f"CASE WHEN {given} THEN coalesce(i.{name}, {computed[name]}) ELSE {computed[name]} END"
            )
        for name in ("prompt_inferred", "prompt_given", "prompt_text"):
            computed[name] = f"CASE WHEN {given} THEN i.{name} END"
        computed["outcome"], computed["fallback"] = outcomes.outcome(), outcomes.fallback()
        columns = ", ".join(f"{computed.get(name, 'p.' + name)} AS {name}" for name in schema.SPAN_NAMES)
        self._run(
            f"""INSERT INTO {self._out}.spans
            SELECT {columns} FROM {work}.part p
            JOIN {work}.facts f USING (trace_no)
            LEFT JOIN (
                SELECT DISTINCT p.span_no FROM {work}.part c JOIN {work}.part p
                ON c.trace_no = p.trace_no AND c.parent_id = p.span_id
                WHERE c.status = 'error' AND p.status = 'error'
            ) l ON l.span_no = p.span_no
            LEFT JOIN {work}.fixes x ON x.span_no = p.span_no
            LEFT JOIN {work}.inferred i ON i.file_no = p.file_no AND i.row_no = p.row_no
            LEFT JOIN {work}.models r ON r.model = p.model
            LEFT JOIN {work}.models q ON q.model = p.model_requested
            LEFT JOIN ({outcomes.switched(work)}) b ON b.span_no = p.span_no
            ORDER BY p.span_no"""
        )

    def _sum_up(self, low: int, high: int) -> None:
        """One row per trace without its previews, and the spans whose texts are its previews."""
        work = self._work
        call = "s.is_call AND s.kind = 'llm'"
        spans = f"(SELECT * FROM {self._out}.spans WHERE trace_no BETWEEN {low} AND {high})"
        usage = "s.counted AND s.kind <> 'embedding'"
        self._run(
            f"""INSERT INTO {work}.traces
            SELECT a.* REPLACE (
                CASE WHEN a.end_ns >= a.start_ns THEN (a.end_ns::HUGEINT - a.start_ns) / 1e6
                    ELSE a.duration_ms END AS duration_ms)
            FROM (
            SELECT s.trace_no, min(s.span_no) AS first_span, any_value(s.trace_id) AS trace_id,
                coalesce(any_value(x.trace_thread), any_value(f.one_thread) FILTER (NOT f.hard)) AS thread_id,
                any_value(s.name) FILTER (s.span_no = f.root_no) AS name,
                min(s.start_ns) AS start_ns, max(greatest(s.end_ns, s.start_ns)) AS end_ns,
                coalesce(any_value(s.duration_ms) FILTER (s.span_no = f.root_no), max(s.duration_ms)) AS duration_ms,
                count(*) AS spans, count(*) FILTER (s.status = 'error') AS errors,
                count(*) FILTER (s.leaf_error) AS leaf_errors,
                count(*) FILTER ({call}) AS llm_calls,
                count(*) FILTER (s.kind = 'tool') AS tool_calls,
                CASE WHEN bool_or(s.status = 'error') THEN 'error' WHEN bool_or(s.status = 'ok') THEN 'ok'
                    ELSE 'unset' END AS status,
                sum(s.input_tokens) FILTER ({usage})::BIGINT AS input_tokens,
                sum(s.output_tokens) FILTER ({usage})::BIGINT AS output_tokens,
                {span_costs("s")},
                arg_min(s.ttft_ms, s.span_no) FILTER (s.ttft_ms IS NOT NULL) AS ttft_ms,
                list_sort(list(DISTINCT s.model) FILTER (s.kind IN ('llm', 'embedding') AND s.model IS NOT NULL))
                    AS models,
                {prompts.PROMPT_VERSIONS} AS prompt_versions,
                list_sort(list(DISTINCT s.tool_name) FILTER (s.tool_name IS NOT NULL)) AS tools,
                list_sort(list(DISTINCT s.kind)) AS kinds,
                coalesce(any_value(s.user_id) FILTER (s.span_no = f.root_no), arg_min(s.user_id, s.span_no)) AS user_id,
                coalesce(any_value(s.environment) FILTER (s.span_no = f.root_no),
                    arg_min(s.environment, s.span_no)) AS environment,
                coalesce(any_value(s.tags) FILTER (s.span_no = f.root_no),
                    arg_min(s.tags, s.span_no)) AS tags,
                any_value(s.span_id) FILTER (s.span_no = f.root_no) AS root_span_id
            FROM {spans} s JOIN {work}.facts f USING (trace_no)
            LEFT JOIN (SELECT DISTINCT trace_no, trace_thread FROM {work}.fixes) x USING (trace_no)
            GROUP BY s.trace_no ORDER BY s.trace_no) a"""
        )
        self._run(
            f"""INSERT INTO {work}.previewed
            SELECT trace_no, role, file_no, row_no FROM {spans} JOIN (
                SELECT root_no AS span_no, 0 AS role FROM {work}.facts
                UNION ALL SELECT min(s.span_no), 1 FROM {spans} s WHERE {call} GROUP BY s.trace_no
                UNION ALL SELECT max(s.span_no), 2 FROM {spans} s WHERE {call} GROUP BY s.trace_no
            ) USING (span_no)"""
        )

    def _previews(self, reader: Reader) -> None:
        """Read the beginnings of the texts of roots, first and last calls, and of nothing else."""
        ranges = self._database.fetch(
            f"SELECT file_no, min(row_no), max(row_no) FROM {self._work}.previewed GROUP BY file_no",
            token=self._token,
        )
        for number, placed in enumerate(reader.placed):
            last = placed.first_file + len(placed.relation.files) - 1
            mine = sorted(one for one in ranges if placed.first_file <= one[0] <= last)
            if mine:
                self._previews_of(placed, mine)
            self._progress(0.65 + 0.25 * (number + 1) / len(reader.placed))

    def _previews_of(self, placed: Placed, ranges: Sequence[tuple[int, int, int]]) -> None:
        """Read the previews out of some files of a relation: (file number, first row, last row) each."""
        texts = []
        for column in ("input_text", "output_text"):
            # whitespace is one blank, and only the beginning is looked at
            beginning = f"left(ltrim({placed.expression(column)}), {PREVIEW * 3})"
            texts.append(f"nullif(left(trim(regexp_replace({beginning}, '\\s+', ' ', 'g')), {PREVIEW}), '')")
        files = [file_no for file_no, _, _ in ranges]
        # with few files each is read between its first and last row only
        parted = placed.parquet and 1 < len(files) <= FEW_FILES and max(one[2] for one in ranges) > MANY_ROWS
        for some in [[one] for one in ranges] if parted else [list(ranges)]:
            numbers = [file_no for file_no, _, _ in some]
            bounds = f"BETWEEN {min(one[1] for one in some)} AND {max(one[2] for one in some)}"
            self._run(
                f"""INSERT INTO {self._work}.previews
                SELECT preview_trace, preview_role, {texts[0]}, {texts[1]} FROM {placed.scan(numbers)}
                JOIN (SELECT trace_no AS preview_trace, role AS preview_role, file_no AS preview_file,
                    row_no AS preview_row FROM {self._work}.previewed
                    WHERE file_no BETWEEN {numbers[0]} AND {numbers[-1]})
                ON {placed.row_no} = preview_row AND preview_file = {placed.number_in(numbers)}
                WHERE {placed.row_no} {bounds}"""
            )

    def _traces(self, slices: Sequence[tuple[int, int]]) -> None:
        """Join the previews to the traces, one slice at a time."""
        work = self._work
        for low, high in slices:
            self._run(
                f"""INSERT INTO {self._out}.traces
                SELECT t.*, coalesce(p.i0, p.i1), coalesce(p.o0, p.o2) FROM {work}.traces t LEFT JOIN (
                    SELECT trace_no, any_value(input) FILTER (role = 0) AS i0,
                        any_value(input) FILTER (role = 1) AS i1,
                        any_value(output) FILTER (role = 0) AS o0, any_value(output) FILTER (role = 2) AS o2
                    FROM {work}.previews WHERE trace_no BETWEEN {low} AND {high} GROUP BY trace_no
                ) p USING (trace_no) WHERE t.trace_no BETWEEN {low} AND {high} ORDER BY t.trace_no"""
            )

    def _threads(self) -> None:
        self._run(f"INSERT INTO {self._out}.threads {threads_of(f'{self._out}.traces')}")
        self._progress(0.98)

    def _clean(self) -> None:
        for table in ("base", "inferred", "models", "numbered", "previewed", "previews", "traces"):
            self._run(f"DROP TABLE {self._work}.{table}")

    # small helpers

    def _run(self, statement: str) -> None:
        self._database.execute(statement, token=self._token)

    def _row(self, statement: str) -> tuple[int, ...]:
        return self._database.fetch(statement, token=self._token)[0]

    def _one(self, statement: str) -> int:
        return self._row(statement)[0]


def retell(database: Database, earlier: str, out: str, work: str, *, infer: bool = True) -> None:
    """Fill the empty schema `out` with the index in `earlier`, but for what depends on prices and prompts.

    Costs are computed with the database's prices; versions of prompts are inferred from its files and the texts, or
    taken from what the tables of `earlier` tell. They are those of an index, or views over its segments.
    """
    for statement in schema.create(out):
        database.execute(statement)
    database.execute(f"INSERT INTO {out}.facts SELECT * FROM {earlier}.facts")
    for table in ("prompt_texts", "prompt_told", "prompt_versions"):
        database.execute(f"INSERT INTO {out}.{table} SELECT * FROM {earlier}.{table}")
    if infer:
        prompts.told(database, out, prompts.texts_of(database, out), prompts.calls_of(f"{earlier}.spans"))
    costs.describe_models(database, work, spans=f"{earlier}.spans")
    own = {name: f"p.{name}" for name in (*resolving.PLAIN, "counted")}
    own["cost_usd"] = "CASE WHEN NOT p.cost_computed THEN p.cost_usd END"
    cost, computed = costs.with_prices(own)
    told, same = prompts.told_again("p")
    database.execute(
        f"""INSERT INTO {out}.spans SELECT p.* REPLACE ({cost} AS cost_usd, {computed} AS cost_computed, {told})
        FROM {earlier}.spans p LEFT JOIN {work}.models r ON r.model = p.model
        LEFT JOIN {out}.prompt_told t ON {same} ORDER BY p.span_no"""
    )
    database.execute(
        f"""INSERT INTO {out}.traces SELECT t.* REPLACE (s.cost_usd AS cost_usd, s.uncosted AS uncosted,
            s.prompt_versions AS prompt_versions)
        FROM {earlier}.traces t
        LEFT JOIN (SELECT s.trace_no, {span_costs("s")}, {prompts.PROMPT_VERSIONS} AS prompt_versions
            FROM {out}.spans s GROUP BY s.trace_no) s
        USING (trace_no) ORDER BY t.trace_no"""
    )
    database.execute(f"INSERT INTO {out}.threads {threads_of(f'{out}.traces')}")
    database.execute(f"DROP TABLE {work}.models")


IN_TIME = f"(coalesce(start_ns, {-(1 << 63) + 1}), trace_id)"
"""The order that a build numbers traces in, for tables where later ones have been numbered later."""


def threads_of(
    traces: str, first_thread: int = 0, where: str = "thread_id IS NOT NULL", at: str = IN_TIME
) -> str:
    """SELECT of the rows of the threads table from a table of traces, whose order in time is `at`."""
    return f"""SELECT row_number() OVER () - 1 + {first_thread}, * FROM (
        SELECT thread_id, count(*), sum(spans)::BIGINT, sum(errors)::BIGINT, sum(leaf_errors)::BIGINT,
            arg_min(input_preview, {at}), arg_max(output_preview, {at}), min(start_ns), max(end_ns),
            CASE WHEN max(end_ns) >= min(start_ns) THEN (max(end_ns)::HUGEINT - min(start_ns)) / 1e6 END,
            sum(input_tokens)::BIGINT, sum(output_tokens)::BIGINT, {summed_costs()}, arg_min(user_id, {at})
        FROM {traces} WHERE {where} GROUP BY thread_id ORDER BY min(start_ns) NULLS FIRST, thread_id
    )"""
