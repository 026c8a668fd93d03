"""The one build: canonical spans in, the tables spans, traces and threads out, with the rules of every source.

The same statements fill an index in memory, one in a file, one of the newest page's traces, and one of the
traces that new parts touch. Traces are numbered by their start and worked off in slices, so that memory does
not grow with the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from msgspec import Struct

from traceview.sources.rules import VENDOR_NATIVE_PATTERN
from traceview.store.duck import costs, in_place, loading, outcomes, previews, prompts, resolving, schema
from traceview.store.duck.connection import Database, quote, text
from traceview.store.duck.reading import Reader
from traceview.store.duck.summing import IN_TIME, previewed_of, threads_of, traces_of
from traceview.store.interface import CancelToken

SLICE_SPANS = 240_000
"""Two blocks of a table in memory: as many as threads, where there are few."""
FEW_SLICES = 8
"""So many passes over all spans take less time than sorting them."""
_BLOCK_ROWS = 122_880
_SCATTERED = 4
"""How many blocks of a table hold spans of one moment, on average, if it is in no order of time."""

Progress = Callable[[float], object]
Infer = Literal["texts", "versions"] | None


class Built(Struct, frozen=True):
    """What a build put into its tables."""

    spans: int
    traces: int
    threads: int
    repeated: int
    """Spans that were written more than once; the last one counts."""


class Builder:
    """Builds into the empty schema `out`, with `work` for tables that are dropped afterwards.

    Those of one slice are in the schema `near`, if given; with `lean`, columns of spans that hold nothing are not
    written, and the database is the build's alone.
    """

    def __init__(
        self,
        database: Database,
        out: str,
        work: str,
        *,
        near: str | None = None,
        lean: bool = False,
        token: CancelToken | None = None,
        progress: Progress | None = None,
        first_trace: int = 0,
        first_span: int = 0,
    ) -> None:
        self._database = database
        self._out = out
        self._work = work
        self._near = work if near is None else near
        self._lean = lean
        self._token = token
        self._progress = progress or (lambda done: None)
        self._first_trace = first_trace
        self._next_span = first_span
        self._repeated = 0
        self._filled: tuple[str, ...] = ()
        """Columns of the spans that a slice is made of."""
        self._empty: set[str] = set()
        """Columns of the spans that are not written."""

    def build(self, reader: Reader, base: Iterable[str], *, infer: Infer = None) -> Built:
        """Fill the tables from SELECTs of the index's columns. Raises Cancelled, TraceviewError.

        `infer` says what is made of prompts without a version: nothing, only their texts are noted, or versions.
        """
        for statement in schema.create_others(self._out):
            self._run(statement)
        selects = list(base)
        again = self._lean and in_place.possible(reader)
        if again:
            self._filled = loading.view(self._database, self._work, reader, selects, self._token)
        else:
            self._load(reader, selects)
        self._number()
        slices = self._slices()
        places = (
            in_place.places(self._database, self._work, slices, self._token) if again and slices else None
        )
        if again and places is None:
            self._load(reader, selects)
        self._progress(0.05 if places else 0.25)
        costs.describe_models(self._database, self._work, self._token)
        if infer is None:
            prompts.without(self._database, self._work, self._token)
        else:
            prompts.find(self._database, self._work, self._out, reader, self._token, tell=infer == "versions")
        self._create_spans(loading.ALWAYS if places else self._filled)
        if places is None and len(slices) > FEW_SLICES and self._scattered():
            self._gather()
        for done, (low, high) in enumerate(slices):
            self._slice(reader, low, high, places[done] if places else None)
            begun = 0.05 if places else 0.3
            self._progress(begun + (0.6 - begun) * (done + 1) / len(slices))
        previews.read(
            self._database, self._work, reader, self._token, lambda done: self._progress(0.6 + 0.25 * done)
        )
        for done, (low, high) in enumerate(slices):
            self._traces(low, high)
            self._progress(0.85 + 0.12 * (done + 1) / len(slices))
        # traces were numbered by the starts of all spans, those written again too
        at = IN_TIME if self._repeated else "trace_no"
        self._run(f"INSERT INTO {self._out}.threads {threads_of(f'{self._out}.traces', at=at)}")
        self._run(f"INSERT INTO {self._out}.facts VALUES ('repeated', {self._repeated})")
        self._clean()
        self._progress(1.0)
        counts = [
            self._one(f"SELECT count(*) FROM {self._out}.{name}") for name in ("spans", "traces", "threads")
        ]
        return Built(counts[0], counts[1], counts[2], self._repeated)

    # one step each

    def _load(self, reader: Reader, selects: Iterable[str]) -> None:
        self._filled = loading.load(
            self._database, self._work, reader, selects, self._token, alone=self._lean
        )

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
            # read once: to compress texts that differ takes longer than to write them
            f"CREATE TABLE {self._work}.previews (trace_no BIGINT, role TINYINT, "
            "input VARCHAR USING COMPRESSION uncompressed, output VARCHAR USING COMPRESSION uncompressed)",
            f"CREATE TABLE {self._work}.roots (trace_no BIGINT, root_no BIGINT, thread_id VARCHAR)",
        ):
            self._run(statement)

    def _create_spans(self, filled: Iterable[str]) -> None:
        """Make the empty table of spans; a lean one has only columns that will hold something, as far as is known."""
        if not self._lean:
            self._run(schema.SPANS.format(out=self._out))
            return
        self._empty = set(loading.COLUMNS) - {*filled, "duration_ms", "cost_usd"}
        if self._one(f"SELECT count(*) FROM {self._work}.inferred"):
            self._empty -= {"prompt_name", "prompt_version"}
        else:
            self._empty |= {"prompt_inferred", "prompt_given", "prompt_text"}
        for statement in schema.create_lean(self._out, self._empty):
            self._run(statement)

    def _add_columns(self) -> None:
        """Give the lean table of spans the columns that hold something in this slice for the first time."""
        unknown = [name for name in self._filled if name in self._empty]
        added = loading.holding(self._database, f"{self._near}.ordered", unknown, self._token)
        if added:
            self._empty -= set(added)
            for statement in schema.add_lean(self._out, added, self._empty):
                self._run(statement)

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

    def _scattered(self) -> bool:
        """Whether the spans lie in no order of time, so that every slice would look at all of them."""
        return bool(
            self._one(
                f"""SELECT coalesce(sum(high - low) > {_SCATTERED}::HUGEINT * (max(high) - min(low)), false) FROM (
                    SELECT min(start_ns)::HUGEINT AS low, max(start_ns)::HUGEINT AS high
                    FROM {self._work}.loaded GROUP BY rowid // {_BLOCK_ROWS}
                )"""
            )
        )

    def _gather(self) -> None:
        """Bring the spans in the order of their traces, so that a slice lies in few blocks."""
        work = self._work
        for statement in (
            f"CREATE TABLE {work}.gathered AS SELECT b.* FROM {work}.loaded b "
            f"JOIN {work}.numbered n USING (trace_id) ORDER BY n.trace_no",
            f"DROP TABLE {work}.loaded",
            f"ALTER TABLE {work}.gathered RENAME TO loaded",
        ):
            self._run(statement)

    def _slice(self, reader: Reader, low: int, high: int, places: Sequence[in_place.Place] | None) -> None:
        """Bring the spans of a range of traces in order, apply the rules to them, and sum the traces up."""
        near = self._near
        spans = self._copied(low, high) if places is None else in_place.select(reader, self._filled, places)
        self._database.execute_large(
            f"""CREATE TABLE {near}.ordered AS
            SELECT n.trace_no, {", ".join(f"b.{quote(name)}" for name in self._filled)} FROM ({spans}) b
            JOIN (SELECT trace_id, trace_no FROM {self._work}.numbered WHERE trace_no BETWEEN {low} AND {high}) n
            USING (trace_id)
            ORDER BY n.trace_no, b.start_ns NULLS LAST, b.file_no, b.row_no""",
            token=self._token,
        )
        if places is not None:
            self._add_columns()
        # rows are numbered as they were inserted: a row_number() would take one thread after the sort
        columns = loading.columns(self._filled)
        self._run(
            f"CREATE VIEW {near}.part AS SELECT rowid + {self._next_span} AS span_no, trace_no, {columns} "
            f"FROM {near}.ordered"
        )
        self._drop_repeated()
        self._facts()
        resolving.apply(self._database, near, reader, self._token)
        self._finish_spans()
        self._note_roots()
        self._run(
            f"INSERT INTO {self._work}.previewed {previewed_of(self._spans(low, high), f'{near}.facts')}"
        )
        last = self._one(f"SELECT max(span_no) FROM {near}.part")
        self._next_span = self._next_span if last is None else last + 1
        self._run(f"DROP VIEW {near}.part")
        for table in ("ordered", "facts", "fixes"):
            self._run(f"DROP TABLE {near}.{table}")

    def _copied(self, low: int, high: int) -> str:
        """SELECT of the spans that were copied, of a range of traces and some more."""
        earliest, latest, untimed = self._row(
            f"SELECT min(low), max(high), bool_or(untimed) FROM {self._work}.numbered "
            f"WHERE trace_no BETWEEN {low} AND {high}"
        )
        # spans lie roughly in order of time, so the bounds skip most of the table
        bounds = "" if untimed or earliest is None else f"WHERE start_ns BETWEEN {earliest} AND {latest}"
        return f"SELECT {loading.listed(self._filled)} FROM {self._work}.loaded {bounds}"

    def _drop_repeated(self) -> None:
        """Of spans written more than once keep the one that was read last."""
        near = self._near
        repeated = self._one(
            f"SELECT count(*) FROM (SELECT hash(trace_no, span_id) h FROM {near}.part GROUP BY h HAVING count(*) > 1)"
        )
        if not repeated:
            return
        before = self._one(f"SELECT count(*) FROM {near}.part")
        self._run(
            f"""DELETE FROM {near}.ordered WHERE rowid + {self._next_span} IN (
                SELECT p.span_no FROM {near}.part p JOIN (
                    SELECT trace_no, span_id, max((file_no::HUGEINT << 64) + row_no) AS last
                    FROM {near}.part GROUP BY trace_no, span_id HAVING count(*) > 1
                ) r ON p.trace_no = r.trace_no AND p.span_id = r.span_id
                WHERE (p.file_no::HUGEINT << 64) + p.row_no <> r.last
            )"""
        )
        self._repeated += before - self._one(f"SELECT count(*) FROM {near}.part")

    def _facts(self) -> None:
        """One row per trace: its root, what spans inherit, and whether plain SQL cannot apply the rules.

        The root is the first span without a parent, else the first whose parent is not there, else the first.
        Which traces are hard is what `sources.rules` says of itself, on the safe side; a ring of failing spans has
        at least one parent that does not come before its child.
        """
        near = self._near
        pair = "coalesce(prompt_name, '') || chr(31) || coalesce(prompt_version, '')"
        unpaired = "prompt_name IS NULL AND prompt_version IS NULL"
        own_usage = "coalesce(input_tokens, output_tokens, cost_usd) IS NOT NULL"
        call = "kind IN ('llm', 'embedding')"
        self._run(
            f"""CREATE TABLE {near}.facts AS
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
            FROM {near}.part GROUP BY trace_no"""
        )
        self._run(
            f"""UPDATE {near}.facts SET hard = true WHERE NOT hard AND trace_no IN (
                SELECT trace_no FROM {near}.part WHERE {call} AND call_id IS NOT NULL
                GROUP BY trace_no, kind, call_id HAVING count(*) > 1
                UNION ALL
                SELECT c.trace_no FROM {near}.part c
                JOIN (SELECT trace_no, span_id FROM {near}.part WHERE {call}) p
                ON c.trace_no = p.trace_no AND c.parent_id = p.span_id
                UNION ALL
                SELECT c.trace_no FROM {near}.part c JOIN {near}.part p
                ON c.trace_no = p.trace_no AND c.parent_id = p.span_id
                WHERE c.status = 'error' AND p.status = 'error' AND p.span_no >= c.span_no
            )"""
        )
        if self._one(f"SELECT count(*) FROM {near}.facts WHERE root_no IS NULL"):
            self._run(
                f"""UPDATE {near}.facts SET root_no = coalesce(orphan, first_no) FROM (
                    SELECT f.trace_no AS no, min(c.span_no) FILTER (p.span_no IS NULL) AS orphan
                    FROM {near}.facts f JOIN {near}.part c USING (trace_no)
                    LEFT JOIN {near}.part p ON c.trace_no = p.trace_no AND c.parent_id = p.span_id
                    WHERE f.root_no IS NULL GROUP BY f.trace_no
                ) WHERE trace_no = no"""
            )

    def _finish_spans(self) -> None:
        """Write the spans with what they inherit."""
        near = self._near
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
        names = [name for name in schema.SPAN_NAMES if name not in self._empty]
        columns = ", ".join(f"{computed.get(name, 'p.' + name)} AS {name}" for name in names)
        self._run(
            f"""INSERT INTO {self._out}.{"filled" if self._lean else "spans"} BY NAME
            SELECT {columns} FROM {near}.part p
            JOIN {near}.facts f USING (trace_no)
            LEFT JOIN (
                SELECT DISTINCT p.span_no FROM {near}.part c JOIN {near}.part p
                ON c.trace_no = p.trace_no AND c.parent_id = p.span_id
                WHERE c.status = 'error' AND p.status = 'error'
            ) l ON l.span_no = p.span_no
            LEFT JOIN {near}.fixes x ON x.span_no = p.span_no
            LEFT JOIN {self._work}.inferred i ON i.file_no = p.file_no AND i.row_no = p.row_no
            LEFT JOIN {self._work}.models r ON r.model = p.model
            LEFT JOIN {self._work}.models q ON q.model = p.model_requested
            LEFT JOIN ({outcomes.switched(f"{near}.part", f"{self._work}.models")}) b ON b.span_no = p.span_no"""
        )

    def _note_roots(self) -> None:
        """Keep the root and the thread of every trace of the slice."""
        near = self._near
        self._run(
            f"""INSERT INTO {self._work}.roots
            SELECT f.trace_no, f.root_no, CASE WHEN f.hard THEN x.trace_thread ELSE f.one_thread END
            FROM {near}.facts f LEFT JOIN (SELECT DISTINCT trace_no, trace_thread FROM {near}.fixes) x
            USING (trace_no)"""
        )

    def _traces(self, low: int, high: int) -> None:
        """Sum up a range of traces, with their previews."""
        roots, beginnings = (
            f"(SELECT * FROM {self._work}.{name} WHERE trace_no BETWEEN {low} AND {high})"
            for name in ("roots", "previews")
        )
        self._run(f"INSERT INTO {self._out}.traces {traces_of(self._spans(low, high), roots, beginnings)}")

    def _spans(self, low: int, high: int) -> str:
        """FROM item of the finished spans of a range of traces."""
        return f"(SELECT * FROM {self._out}.spans WHERE trace_no BETWEEN {low} AND {high})"

    def _clean(self) -> None:
        self._run(f"DROP VIEW {self._work}.base")
        for table in ("loaded", "inferred", "models", "numbered", "previewed", "previews", "roots"):
            self._run(f"DROP TABLE IF EXISTS {self._work}.{table}")

    # small helpers

    def _run(self, statement: str) -> None:
        self._database.execute(statement, token=self._token)

    def _row(self, statement: str) -> tuple[int, ...]:
        return self._database.fetch(statement, token=self._token)[0]

    def _one(self, statement: str) -> int:
        return self._row(statement)[0]
