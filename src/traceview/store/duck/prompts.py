"""Prompt versions of calls that name none, in the tables of an index: what calls said, and what they are told to be.

A build reads the system prompts of such calls once, up to where the conversation begins, and keeps each different text.
What `store.inferring` makes of them can be made anew from the index alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from traceview.definitions.prompt_files import FileVersion
from traceview.sources.system_prompt import head_sql, named_sql
from traceview.store.duck.connection import Database
from traceview.store.duck.reading import Reader
from traceview.store.inferring.forms import Span
from traceview.store.inferring.infer import Inferred, Where, infer
from traceview.store.interface import CancelToken, Row
from traceview.store.source_info import Skipped
from traceview.text.prompt_masks import MOST_CHARACTERS, segments
from traceview.text.prompt_template import template_of_form

PROMPT_VERSIONS = (
    "list_sort(list(DISTINCT {'name': s.prompt_name, 'version': s.prompt_version, 'inferred': s.prompt_inferred}) "
    "FILTER (s.prompt_name IS NOT NULL OR s.prompt_version IS NOT NULL))"
)
"""SQL of the prompt versions of a group of spans `s`."""

LEFT_OUT = "prompt versions not told: more or longer system prompts than are compared"
CUT = f"system prompts compared by their first {MOST_CHARACTERS:,} characters and the hash of the rest"
PUT_TOGETHER = "prompts of one form"
FILES = "prompt files "
"""Names of `facts`: that one of several texts was kept, and by which files versions were told."""
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
        texts = _read(database, work, out, reader, token)
        database.execute(
            f"CREATE TABLE {work}.calls AS SELECT * FROM {work}.called JOIN {work}.said USING (file_no, row_no)",
            token=token,
        )
        if tell:
            told(database, out, texts, f"{work}.calls", token)
            if not whole(database, out):
                _tell_left_out(database, work, out, reader, token)
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


def _tell_left_out(
    database: Database, work: str, out: str, reader: Reader, token: CancelToken | None
) -> None:
    """Tell the calls whose texts were left out the version whose template they match."""
    from traceview.sources.system_prompts import MatchedPrompts

    found = MatchedPrompts(matcher(database, out), _files_of(database.prompt_files.versions))
    for select in _heads(database, work, reader, token):
        with database.cursor(token) as cursor:
            for batch in cursor.sql(select).to_arrow_reader(_BATCH_ROWS):
                found.said(batch)
    _tell_matched(database, out, f"{work}.calls", found.found)
    left_out = database.fetch(
        f"SELECT count(*) FROM {work}.calls c ANTI JOIN {out}.prompt_told t ON {_SAME}", token=token
    )[0][0]
    database.execute(f"UPDATE {out}.facts SET value = ? WHERE name = ?", [left_out, LEFT_OUT])


def _tell_matched(database: Database, out: str, calls: str, found: Mapping[int, tuple[str, str]]) -> None:
    """Note the versions found for keys of texts, for the calls in a table of which nothing is told yet."""
    table = database.unique("memory.main.matched")
    database.execute(f"CREATE TABLE {table} (key BIGINT, prompt_name VARCHAR, prompt_version VARCHAR)")
    try:
        rows = [(key, *version) for key, version in found.items()]
        _insert(database, table, rows, ("BIGINT", "VARCHAR", "VARCHAR"))
        database.execute(
            f"""INSERT INTO {out}.prompt_told
            SELECT DISTINCT c.prompt_given, c.name, c.model, c.prompt_text, m.prompt_name, m.prompt_version, 'text'
            FROM {calls} c JOIN {table} m ON m.key = c.prompt_text ANTI JOIN {out}.prompt_told t ON {_SAME}
            WHERE coalesce(c.prompt_given, m.prompt_name) = m.prompt_name"""
        )
    finally:
        database.execute(f"DROP TABLE {table}")


def matcher(database: Database, schema: str) -> Callable[[str], tuple[str, str] | None]:
    """A function that gives the version whose template a masked text matches; of several the one that says most."""
    templates = [
        (template_of_form(template), (name, version))
        for name, version, template in database.fetch(
            f"SELECT name, version, template FROM {schema}.prompt_versions WHERE inferred = 'text'"
        )
    ]
    templates.sort(key=lambda one: (-one[0].literal, one[1]))

    def match(form: str) -> tuple[str, str] | None:
        plain = " ".join(form.split())
        return next((version for template, version in templates if template.matches(plain)), None)

    return match


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


def may_be_retold(database: Database, schema: str) -> bool:
    """Whether an index has what its prompts can be told by anew.

    With other files than it was built with it has to have every text as it is.
    """
    known = {name for (name,) in database.fetch(f"SELECT name FROM {schema}.facts")}
    return FILES + database.prompt_files.hash in known or not known & {LEFT_OUT, PUT_TOGETHER}


def whole(database: Database, schema: str) -> bool:
    """Whether an index has the text of every system prompt whose version is not recorded."""
    return not database.fetch(f"SELECT count(*) FROM {schema}.facts WHERE name = ?", [LEFT_OUT])[0][0]


def texts_of(database: Database, schema: str) -> dict[int, str]:
    """The texts that an index has."""
    return dict(database.fetch(f"SELECT key, text FROM {schema}.prompt_texts"))


def refused(database: Database, schema: str) -> list[Skipped]:
    """Of how many calls an index tells no version, and why; and how many were told one by part of their text."""
    found = database.fetch(
        f"SELECT name, sum(value)::BIGINT FROM {schema}.facts WHERE name IN (?, ?) OR starts_with(name, ?) "
        "GROUP BY name",
        [LEFT_OUT, CUT, REFUSED],
    )
    return [Skipped(name.removeprefix(REFUSED), count) for name, count in found]


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

    `before` has the tables of that index, `views` gets them with what is new. What was told of calls that say the same
    holds; for any other text everything is inferred anew.
    """
    for table in ("prompt_texts", "prompt_told", "prompt_versions"):
        database.execute(f"INSERT INTO {views}.{table} SELECT * FROM {before}.{table}", token=token)
    about = " OR ".join(
        f"starts_with(name, '{name}')" for name in (LEFT_OUT, CUT, PUT_TOGETHER, FILES, REFUSED)
    )
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
    if not whole(database, views):
        # what was left out cannot be compared again
        match = matcher(database, views)
        matched = {
            key: version
            for key, text in texts_of(database, out).items()
            if (version := match("\n".join(segments(text)))) is not None
        }
        _tell_matched(database, views, calls_of(f"{out}.spans"), matched)
    elif _unknown(database, views, out, token):
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


def _told(database: Database, schema: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {row[:4]: row[4:] for row in database.fetch(f"FROM {schema}.prompt_told")}


def _read(
    database: Database, work: str, out: str, reader: Reader, token: CancelToken | None
) -> dict[int, str]:
    """Fill the table `said` with the key of every call's system prompt; the texts, which are kept in `out`."""
    from traceview.sources.system_prompts import SystemPrompts

    found = SystemPrompts(_files_of(database.prompt_files.versions))
    for select in _heads(database, work, reader, token):
        with database.cursor(token) as cursor:
            for batch in cursor.sql(select).to_arrow_reader(_BATCH_ROWS):
                _append(database, f"{work}.said", found.said(batch))
    texts = found.kept()
    _insert(database, f"{out}.prompt_texts", list(texts.items()), ("BIGINT", "VARCHAR"))
    facts = {
        LEFT_OUT: found.left_out,
        CUT: found.cut,
        PUT_TOGETHER: int(found.put_together),
        FILES + database.prompt_files.hash: 1,
    }
    for name, value in facts.items():
        if value:
            database.execute(f"INSERT INTO {out}.facts VALUES (?, ?)", [name, value])
    return texts


def _files_of(files: Sequence[FileVersion]) -> Callable[[str], str] | None:
    """A function that tells which of the files' versions a text was made from."""
    if not files:
        return None

    def matching(text: str) -> str:
        plain = " ".join(text.split())
        return ",".join(str(number) for number, one in enumerate(files) if one.matches(plain))

    return matching


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
