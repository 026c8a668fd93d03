"""The rules of every source where plain SQL is not exact: those traces go through `sources.rules`, one by one."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import Any

from traceview.store.duck.connection import Database
from traceview.store.interface import CancelToken

_UNPAIRED = "p.prompt_name IS NULL AND p.prompt_version IS NULL"

PLAIN: dict[str, str] = {
    "duplicate_of": "NULL",
    "counted": "p.kind IN ('llm', 'embedding')",
    "prompt_name": f"CASE WHEN {_UNPAIRED} THEN f.one_name ELSE p.prompt_name END",
    "prompt_version": f"CASE WHEN {_UNPAIRED} THEN f.one_version ELSE p.prompt_version END",
    "user_id": "coalesce(p.user_id, f.one_user)",
    "input_tokens": "p.input_tokens",
    "output_tokens": "p.output_tokens",
    "cache_read_tokens": "p.cache_read_tokens",
    "cache_write_tokens": "p.cache_write_tokens",
    "reasoning_tokens": "p.reasoning_tokens",
    "cost_usd": "p.cost_usd",
}
"""What the rules set, as SQL over a trace that `facts` does not call hard (p: the span, f: the facts)."""

_TYPES: dict[str, str] = {
    "duplicate_of": "VARCHAR",
    "counted": "BOOLEAN",
    "prompt_name": "VARCHAR",
    "prompt_version": "VARCHAR",
    "user_id": "VARCHAR",
    "cost_usd": "DOUBLE",
}

_INPUTS = (
    "trace_no", "span_no", "trace_id", "span_id", "parent_id", "thread_id", "name", "kind", "start_ns", "end_ns",
    "status", "model", "provider", "prompt_name", "prompt_version", "input_tokens", "output_tokens",
    "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_usd", "ttft_ms", "user_id", "call_id",
    "scope_name", "source",
)  # fmt: skip

_BATCH = 20_000


def apply(database: Database, work: str, token: CancelToken | None) -> None:
    """Fill the table `fixes` with a row for every span of the hard traces of the slice."""
    columns = ", ".join(f"{name} {_TYPES.get(name, 'BIGINT')}" for name in PLAIN)
    database.execute(f"CREATE TABLE {work}.fixes (span_no BIGINT, {columns})", token=token)
    if not database.fetch(f"SELECT count(*) FROM {work}.facts WHERE hard", token=token)[0][0]:
        return
    from traceview.sources.rules import resolve

    pending: list[list[Any]] = [[] for _ in range(1 + len(PLAIN))]
    with database.cursor(token) as cursor:
        cursor.execute(
            f"SELECT {', '.join(_INPUTS)} FROM {work}.part "
            f"WHERE trace_no IN (SELECT trace_no FROM {work}.facts WHERE hard) ORDER BY span_no"
        )

        def spans() -> Any:
            while batch := cursor.fetchmany(2048):
                for row in batch:
                    yield dict(zip(_INPUTS, row, strict=True))

        for _, trace in groupby(spans(), key=itemgetter("trace_no")):
            rows = list(trace)
            for row, resolved in zip(rows, resolve(rows), strict=True):
                pending[0].append(row["span_no"])
                for column, name in zip(pending[1:], PLAIN, strict=True):
                    column.append(resolved[name])
            if len(pending[0]) >= _BATCH:
                _insert(database, work, pending, token)
    _insert(database, work, pending, token)


def _insert(database: Database, work: str, pending: list[list[Any]], token: CancelToken | None) -> None:
    if pending[0]:
        types = ["BIGINT", *(_TYPES.get(name, "BIGINT") for name in PLAIN)]
        values = ", ".join(f"unnest(?::{kind}[])" for kind in types)
        database.execute(f"INSERT INTO {work}.fixes SELECT {values}", pending, token=token)
        for column in pending:
            column.clear()
