"""Prompt versions of calls that name none, in the tables of an index: what calls said, and what they are told to be.

A build reads the system prompts of such calls once, up to where the conversation begins, and keeps each different text.
What `store.inferring` makes of them can be made anew from the index alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from traceview.sources.system_prompt import head_sql, key_of, named_sql
from traceview.store.duck.connection import Database
from traceview.store.duck.reading import Reader
from traceview.store.inferring.forms import Span
from traceview.store.inferring.infer import Inferred, Where, infer
from traceview.store.interface import CancelToken, Row, Skipped
from traceview.text.prompt_masks import segments

PROMPT_VERSIONS = (
    "list_sort(list(DISTINCT {'name': s.prompt_name, 'version': s.prompt_version, 'inferred': s.prompt_inferred}) "
    "FILTER (s.prompt_name IS NOT NULL OR s.prompt_version IS NOT NULL))"
)
"""SQL of the prompt versions of a group of spans `s`."""

LEFT_OUT = "prompt versions not told: more different system prompts than are compared"
REFUSED = "refused "
"""What a row of `facts` begins with that says why so many calls have no version."""

_BATCH_ROWS = 8_192

_WHERE = "prompt_given VARCHAR, name VARCHAR, model VARCHAR, prompt_text BIGINT"
_TOLD = f"{_WHERE}, prompt_name VARCHAR, prompt_version VARCHAR, prompt_inferred VARCHAR"
_SAME = " AND ".join(
    f"t.{name} IS NOT DISTINCT FROM c.{name}" for name in ("prompt_given", "name", "model", "prompt_text")
)
_USES = (
    "SELECT prompt_given, name, model, prompt_text, count(*), count(DISTINCT unit), min(coalesce(start_ns, 0)), "
    "max(coalesce(start_ns, 0)) FROM {0} WHERE prompt_text IS NOT NULL GROUP BY ALL"
)


def without(database: Database, work: str, token: CancelToken | None = None) -> None:
    """Make the table `inferred` of a schema with nothing in it: versions are those that were recorded."""
    database.execute(f"CREATE TABLE {work}.inferred (file_no INTEGER, row_no BIGINT, {_TOLD})", token=token)


def find(
    database: Database,
    work: str,
    out: str,
    reader: Reader,
    token: CancelToken | None = None,
    *,
    tell: bool = True,
) -> None:
    """Make the table `inferred` of the schema `work`: the prompts of calls in `base` that have no version.

    The texts go into `out`; without `tell` nothing is made of them yet.
    """
    without(database, work, token)
    database.execute(
        f"""CREATE TABLE {work}.called AS
        SELECT b.file_no, b.row_no, b.name, b.model, b.start_ns, coalesce(n.thread_id, n.trace_id) AS unit,
            coalesce(b.prompt_name, CASE WHEN n.one_name = n.other_name THEN n.one_name END) AS prompt_given
        FROM {work}.base b JOIN {work}.numbered n USING (trace_id)
        WHERE b.kind = 'llm' AND b.prompt_version IS NULL AND (n.version IS NULL OR b.prompt_name IS NOT NULL)""",
        token=token,
    )
    try:
        if not database.fetch(f"SELECT count(*) FROM {work}.called", token=token)[0][0]:
            return
        database.execute(
            f"CREATE TABLE {work}.said (file_no INTEGER, row_no BIGINT, prompt_text BIGINT)", token=token
        )
        texts, left_out = _read(database, work, reader, token)
        keep_texts(database, out, texts, left_out)
        database.execute(
            f"CREATE TABLE {work}.calls AS SELECT * FROM {work}.called JOIN {work}.said USING (file_no, row_no)",
            token=token,
        )
        if tell:
            told(database, out, texts, f"{work}.calls", token)
        database.execute(
            f"""INSERT INTO {work}.inferred
            SELECT c.file_no, c.row_no, c.prompt_given, c.name, c.model, c.prompt_text, t.prompt_name,
                t.prompt_version, t.prompt_inferred
            FROM {work}.calls c LEFT JOIN {out}.prompt_told t ON {_SAME}""",
            token=token,
        )
    finally:
        for table in ("called", "said", "calls"):
            database.execute(f"DROP TABLE IF EXISTS {work}.{table}")


def told(
    database: Database, out: str, texts: Mapping[int, str], calls: str, token: CancelToken | None = None
) -> None:
    """Infer the versions of the calls in a table and note them in `out`."""
    uses = {
        Where(*row[:4]): Span(*row[4:])
        for row in database.fetch(_USES.format(calls), token=token)
        if row[3] in texts
    }
    keep(database, out, infer(texts, uses, database.prompt_files.versions))


def keep(database: Database, out: str, inferred: Inferred) -> None:
    """Write what was inferred into the tables of an index, in place of what stands there."""
    for table in ("prompt_told", "prompt_versions"):
        database.execute(f"DELETE FROM {out}.{table}")
    _insert(
        database,
        f"{out}.prompt_told",
        [
            (*where, *((one.name, one.version, one.basis) if one is not None else (None, None, None)))
            for where, one in inferred.assigned.items()
        ],
        ("VARCHAR", "VARCHAR", "VARCHAR", "BIGINT", "VARCHAR", "VARCHAR", "VARCHAR"),
    )
    _insert(
        database,
        f"{out}.prompt_versions",
        [(one.name, one.version, one.basis, one.hash, one.template, one.path) for one in inferred.versions],
        ("VARCHAR",) * 6,
    )
    database.execute(f"DELETE FROM {out}.facts WHERE starts_with(name, '{REFUSED}')")
    for reason, calls in inferred.refused.items():
        database.execute(f"INSERT INTO {out}.facts VALUES (?, ?)", [REFUSED + reason, calls])


def keep_texts(database: Database, out: str, texts: Mapping[int, str], left_out: int) -> None:
    """Write the texts of system prompts, and how many calls have others."""
    rows = [(key, form_of(text), text) for key, text in texts.items()]
    _insert(database, f"{out}.prompt_texts", rows, ("BIGINT", "BIGINT", "VARCHAR"))
    if left_out:
        database.execute(f"INSERT INTO {out}.facts VALUES (?, ?)", [LEFT_OUT, left_out])


def whole(database: Database, schema: str) -> bool:
    """Whether an index has the text of every system prompt whose version is not recorded."""
    return not database.fetch(f"SELECT count(*) FROM {schema}.facts WHERE name = ?", [LEFT_OUT])[0][0]


def texts_of(database: Database, schema: str) -> dict[int, str]:
    """The texts that an index has."""
    return dict(database.fetch(f"SELECT key, text FROM {schema}.prompt_texts"))


def refused(database: Database, schema: str) -> list[Skipped]:
    """Of how many calls an index tells no version, and why."""
    return [
        Skipped(name.removeprefix(REFUSED), count)
        for name, count in database.fetch(
            f"SELECT name, sum(value)::BIGINT FROM {schema}.facts WHERE name = ? OR starts_with(name, ?) GROUP BY name",
            [LEFT_OUT, REFUSED],
        )
    ]


def templates(database: Database, schema: str) -> dict[tuple[str, str], Row]:
    """What an index knows of the versions that were inferred, by name and version: inferred, hash, template, path."""
    rows = database.rows(f"FROM {schema}.prompt_versions")
    return {(row["name"], row["version"]): row for row in rows}


def calls_of(spans: str) -> str:
    """FROM item of the calls of an index whose version is not recorded, as `told` takes them."""
    return (
        "(SELECT prompt_given, name, model, prompt_text, coalesce(thread_id, trace_id) AS unit, start_ns "
        f"FROM {spans})"
    )


def told_again(alias: str) -> tuple[str, str]:
    """SQL that replaces a span's columns by what is told now, and the condition of its join with `prompt_told` `t`."""
    same = _SAME.replace("c.", f"{alias}.")
    own = f"{alias}.prompt_text IS NULL"
    columns = (
        f"CASE WHEN {own} THEN {alias}.prompt_name ELSE coalesce(t.prompt_name, {alias}.prompt_given) END "
        "AS prompt_name, "
        f"CASE WHEN {own} THEN {alias}.prompt_version ELSE t.prompt_version END AS prompt_version, "
        "t.prompt_inferred AS prompt_inferred"
    )
    return columns, f"{alias}.prompt_text IS NOT NULL AND {same}"


def extend(
    database: Database, views: str, out: str, before: str, spans: str, token: CancelToken | None = None
) -> bool:
    """Tell the versions of the calls in `out`, which came to the index with the `spans`; True if others changed too.

    `before` has the tables of that index, `views` gets them with what is new. A text whose masked form is known is told
    what others of this form are; for any other everything is inferred anew.
    """
    for table in ("prompt_texts", "prompt_told", "prompt_versions"):
        database.execute(f"INSERT INTO {views}.{table} SELECT * FROM {before}.{table}", token=token)
    about = f"name = '{LEFT_OUT}' OR starts_with(name, '{REFUSED}')"
    database.execute(
        f"INSERT INTO {views}.facts SELECT name, sum(value)::BIGINT FROM (FROM {before}.facts UNION ALL "
        f"FROM {out}.facts) WHERE {about} GROUP BY name",
        token=token,
    )
    database.execute(
        f"INSERT INTO {views}.prompt_texts SELECT * FROM {out}.prompt_texts "
        f"WHERE key NOT IN (SELECT key FROM {views}.prompt_texts)",
        token=token,
    )
    others = False
    if _unknown(database, views, out, token):
        _tell_known_forms(database, views, out, token)
    if _unknown(database, views, out, token) and whole(database, views):
        told_before = _told(database, views)
        both = f"(SELECT * FROM {calls_of(spans)} UNION ALL SELECT * FROM {calls_of(f'{out}.spans')})"
        told(database, views, texts_of(database, views), both, token)
        now = _told(database, views)
        others = any(now.get(where) != version for where, version in told_before.items())
    columns, same = told_again("s")
    database.execute(
        f"""UPDATE {out}.spans SET prompt_name = n.prompt_name, prompt_version = n.prompt_version,
            prompt_inferred = n.prompt_inferred
        FROM (SELECT s.span_no, {columns} FROM {out}.spans s JOIN {views}.prompt_told t ON {same}) n
        WHERE {out}.spans.span_no = n.span_no""",
        token=token,
    )
    database.execute(
        f"""UPDATE {out}.traces SET prompt_versions = n.listed FROM (
            SELECT s.trace_no, {PROMPT_VERSIONS} AS listed FROM {out}.spans s
            WHERE s.trace_no IN (SELECT trace_no FROM {out}.spans WHERE prompt_text IS NOT NULL) GROUP BY s.trace_no
        ) n WHERE {out}.traces.trace_no = n.trace_no""",
        token=token,
    )
    return others


def _unknown(database: Database, views: str, out: str, token: CancelToken | None) -> bool:
    """Whether calls of the new segment say what no call said before."""
    found = database.fetch(
        f"SELECT count(*) FROM {out}.spans c ANTI JOIN {views}.prompt_told t ON {_SAME} "
        "WHERE c.prompt_text IS NOT NULL",
        token=token,
    )
    return bool(found[0][0])


def _tell_known_forms(database: Database, views: str, out: str, token: CancelToken | None) -> None:
    """Tell calls the version that others of the same span and masked form have."""
    database.execute(
        f"""INSERT INTO {views}.prompt_told
        SELECT n.prompt_given, n.name, n.model, n.prompt_text, k.prompt_name, k.prompt_version, k.prompt_inferred FROM (
            SELECT DISTINCT c.prompt_given, c.name, c.model, c.prompt_text, x.form
            FROM (SELECT * FROM {out}.spans WHERE prompt_text IS NOT NULL) c
            JOIN {views}.prompt_texts x ON x.key = c.prompt_text ANTI JOIN {views}.prompt_told t ON {_SAME}
        ) n JOIN (
            SELECT t.prompt_given, t.name, t.model, x.form, any_value(t.prompt_name) AS prompt_name,
                any_value(t.prompt_version) AS prompt_version, any_value(t.prompt_inferred) AS prompt_inferred
            FROM {views}.prompt_told t JOIN {views}.prompt_texts x ON x.key = t.prompt_text
            WHERE t.prompt_inferred = 'text' GROUP BY t.prompt_given, t.name, t.model, x.form
        ) k ON k.form = n.form AND k.name = n.name AND k.prompt_given IS NOT DISTINCT FROM n.prompt_given
            AND k.model IS NOT DISTINCT FROM n.model""",
        token=token,
    )


def _told(database: Database, schema: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {row[:4]: row[4:] for row in database.fetch(f"FROM {schema}.prompt_told")}


def form_of(text: str) -> int:
    """What all texts are known by that are the same once they are masked."""
    return key_of("\n".join(segments(text)))


def _read(
    database: Database, work: str, reader: Reader, token: CancelToken | None
) -> tuple[dict[int, str], int]:
    """Fill the table `said` with the key of every call's system prompt; the texts, and how many calls have others."""
    from traceview.sources.system_prompts import SystemPrompts

    found = SystemPrompts()
    for select in _heads(database, work, reader, token):
        with database.cursor(token) as cursor:
            for batch in cursor.sql(select).to_arrow_reader(_BATCH_ROWS):
                _append(database, f"{work}.said", found.said(batch))
    return found.kept()


def _append(database: Database, table: str, rows: Any) -> None:
    with database.cursor() as cursor:
        cursor.register("said_rows", rows)
        cursor.execute(f"INSERT INTO {table} SELECT * FROM said_rows WHERE key IS NOT NULL")
        cursor.unregister("said_rows")


def _heads(database: Database, work: str, reader: Reader, token: CancelToken | None) -> Iterator[str]:
    """SELECTs of (file_no, row_no, hash, head) of the calls in `called` that may have a system prompt."""
    for placed in reader.placed:
        last = placed.first_file + len(placed.relation.files) - 1
        wanted = (
            f"SELECT file_no AS called_file, row_no AS called_row FROM {work}.called "
            f"WHERE file_no BETWEEN {placed.first_file} AND {last}"
        )
        files = [
            number
            for (number,) in database.fetch(
                f"SELECT DISTINCT called_file FROM ({wanted}) ORDER BY 1", token=token
            )
        ]
        written = [
            f"nullif(CAST({placed.relation.mapping.expressions[name]} AS VARCHAR), '')"
            for name in ("input_messages", "input")
            if name in placed.relation.mapping.expressions
        ]
        if not files or not written:
            continue
        low, high = database.fetch(f"SELECT min(called_row), max(called_row) FROM ({wanted})", token=token)[0]
        yield (
            f"""SELECT called_file, called_row, hash(head) AS h, head FROM (
                SELECT called_file, called_row, {head_sql("m")} AS head FROM (
                    SELECT called_file, called_row, coalesce({", ".join(written)}) AS m FROM {placed.scan(files)}
                    JOIN ({wanted}) ON {placed.row_no} = called_row AND {placed.number_in(files)} = called_file
                    WHERE {placed.row_no} BETWEEN {low} AND {high}
                )
            ) WHERE {named_sql("head")}"""
        )


def _insert(database: Database, table: str, rows: Sequence[tuple[Any, ...]], types: Sequence[str]) -> None:
    if rows:
        values = ", ".join(f"unnest(?::{one}[])" for one in types)
        columns = [list(column) for column in zip(*rows, strict=True)]
        database.execute(f"INSERT INTO {table} SELECT {values}", columns)
