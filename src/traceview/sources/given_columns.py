"""Whether the columns that `--map` names hold what its fields need: a look at the first rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import Struct

from traceview.model.errors import BadInput
from traceview.model.schema import COLUMN_BY_NAME
from traceview.sources.base import Probe
from traceview.sources.field_source import FieldSource
from traceview.sources.locate import shown
from traceview.sources.look import row_of_first
from traceview.sources.sql import identifier, parsed_json, type_class
from traceview.text.safe import safe_line

ROWS = 4096
"""Rows that are looked at."""
_EARLIEST_NS = int(datetime(1980, 1, 1, tzinfo=UTC).timestamp()) * 10**9
"""Numbers that are earlier times are counts or prices: there was nothing to trace yet."""
_TYPED = {"TIMESTAMP_NS": "a time", "BIGINT": "a number", "DOUBLE": "a number"}
_FIRST = 60
"""Characters that are shown of a value."""


class Given(Struct, frozen=True):
    """One `--map`: the words, the field's source, and the column with its type where a key inside it is meant."""

    field: str
    words: str
    source: FieldSource
    within: tuple[str, str] | None = None


def check(
    probe: Probe, given: list[Given], expressions: Mapping[str, str], shared: Mapping[str, str]
) -> dict[str, str]:
    """What has no value in the first rows, as a sentence for each field: another file or a later row may have one.

    `expressions` and `shared` are those of the mapping. Raises BadInput where the column has values and none can be the
    field's: texts as times, numbers as times of 1970, keys inside texts that are no JSON.
    """
    found: dict[str, str] = {}
    for one in given:
        sentence = _check(probe, one, expressions, shared)
        if sentence is not None:
            found[one.field] = sentence
    return found


def _check(probe: Probe, one: Given, expressions: Mapping[str, str], shared: Mapping[str, str]) -> str | None:
    column = "duration_ms" if one.field == "latency" else one.field
    schema = COLUMN_BY_NAME.get(column)
    wanted = "a duration" if column == "duration_ms" else _TYPED.get(schema.type if schema else "")
    read = expressions.get(column, "NULL") if wanted is not None else one.source.sql
    time = f"max(epoch_ns({read}))" if wanted == "a time" else "NULL"
    raw, (holder, kind) = one.source.sql, one.within or ("", "")
    held_sql = identifier(holder) if one.within else "NULL"
    parsed = parsed_json(identifier(holder), kind) if one.within else "NULL"
    keyed = f"json_type({parsed}) IN ('OBJECT', 'ARRAY')" if one.within else "false"
    rows, there, readable, first, latest, held, objects, keys, text = row_of_first(
        probe,
        ROWS,
        f"count(*), count({raw}), count({read}), first(CAST({raw} AS VARCHAR)) FILTER ({raw} IS NOT NULL), {time}, "
        f"count({held_sql}), count(*) FILTER ({keyed}), "
        f"first(json_keys({parsed})) FILTER ({keyed}), "
        f"first(CAST({held_sql} AS VARCHAR)) FILTER ({held_sql} IS NOT NULL)",
        shared,
    )
    name, among = (
        shown(probe.origin or probe.path),
        f"the first {rows:,} rows" if rows == ROWS else "the rows",
    )
    if held and not objects:
        raise BadInput(
            f"{one.words}: {holder} has no keys in {name}; its first value is {_short(text)}",
            hint=f"a whole column is read with {one.words.removesuffix(one.source.words)}{holder}",
        )
    if not rows:
        return None
    if not there:
        told = f"; the keys in {holder} are {safe_line(', '.join(keys))}" if keys else ""
        return f"{one.words}: none of {among} has a value there{told}"
    if wanted in ("a number", "a duration") and (
        type_class(one.source.type) == "bool" or (one.source.type == "JSON" and first in ("true", "false"))
    ):
        raise BadInput(
            f"{one.words}: the values in {name} are true and false, which is not {wanted}",
            hint=_columns(probe),
        )
    if not readable:
        raise BadInput(
            f"{one.words}: no value in {among} of {name} is {wanted}; the first is {_short(first)}",
            hint=_columns(probe),
        )
    if latest is not None and latest < _EARLIEST_NS and _is_number(first):
        raise BadInput(
            f"{one.words}: the numbers in {name} are no times, {_short(first)} would be in "
            f"{datetime.fromtimestamp(latest / 1e9, UTC):%Y}",
            hint=_columns(probe),
        )
    return None


def _columns(probe: Probe) -> str:
    return f"the columns are {', '.join(map(safe_line, probe.columns))}"


def _short(value: str) -> str:
    line = safe_line(value)
    return f"'{line[:_FIRST]}{'…' if len(line) > _FIRST else ''}'"


def _is_number(text: str) -> bool:
    try:
        float(text.strip('"'))
    except ValueError:
        return False
    return True
