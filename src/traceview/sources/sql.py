"""SQL expressions by the type of a source column: what turns a foreign value into a canonical one.

Every function takes an SQL expression and the DuckDB type it has, and gives an expression that never fails on
a value: what cannot be read becomes NULL. A column that already has the canonical type comes back bare, so
that DuckDB can skip row groups by its statistics.
"""

from __future__ import annotations

import re
from typing import Literal

TypeClass = Literal[
    "time", "zoned", "interval", "integer", "real", "text", "json", "bool", "blob", "nested", "other"
]

_INTEGERS = frozenset(
    [
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
        "BIGNUM",
    ]
)
_TIMES = frozenset(["TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE"])
_ZONED = frozenset(("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ", "TIMESTAMPTZ_NS"))

NS_PER_UNIT = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}


def type_class(type_name: str) -> TypeClass:
    """What a DuckDB type is, as far as reading it is concerned."""
    name = type_name.upper()
    if name.endswith("]") or name.startswith(("STRUCT(", "MAP(", "UNION(")) or name == "VARIANT":
        return "nested"
    if name in _TIMES:
        return "time"
    if name in _ZONED:
        return "zoned"
    if name in _INTEGERS:
        return "integer"
    if name in ("FLOAT", "DOUBLE") or name.startswith("DECIMAL"):
        return "real"
    simple: dict[str, TypeClass] = {
        "VARCHAR": "text",
        "JSON": "json",
        "BOOLEAN": "bool",
        "BLOB": "blob",
        "INTERVAL": "interval",
    }
    return "text" if name.startswith("ENUM(") else simple.get(name, "other")


def identifier(name: str) -> str:
    """A column or table name as SQL: bare where that is safe, quoted otherwise."""
    quoted = name.replace('"', '""')
    return f'"{quoted}"'


def literal(text: str) -> str:
    """A text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def json_path(*keys: str) -> str:
    """A JSON path of object keys as an SQL literal; dots inside a key stay part of it."""
    return literal("$" + "".join('."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"' for key in keys))


def as_text(expression: str, type_name: str) -> str:
    """Text of any value: bytes as lower-case hex, nested values as JSON text."""
    kind = type_class(type_name)
    if kind == "text":
        return expression if type_name.upper() == "VARCHAR" else f"CAST({expression} AS VARCHAR)"
    if kind == "json":
        return f"({expression} ->> '$')"
    if kind == "blob":
        return f"lower(hex({expression}))"
    if kind == "nested":
        return f"CAST(to_json({expression}) AS VARCHAR)"
    if kind == "real":
        # 3.0 is how pandas writes the integer 3 as soon as one value of the column is missing
        return (
            f"CASE WHEN isfinite({expression}) THEN CASE WHEN {expression} = trunc({expression}) "
            f"AND abs({expression}) < 1e15 THEN CAST(CAST({expression} AS BIGINT) AS VARCHAR) "
            f"ELSE CAST({expression} AS VARCHAR) END END"
            if not type_name.upper().startswith("DECIMAL")
            else f"CAST({expression} AS VARCHAR)"
        )
    if kind == "zoned":
        return f"strftime({expression} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"
    return f"CAST({expression} AS VARCHAR)"


def as_id(expression: str, type_name: str) -> str:
    """An id: text, and the empty text is none."""
    text = as_text(expression, type_name)
    return text if text == expression else f"nullif({text}, '')"


def as_json(expression: str, type_name: str) -> str:
    """JSON text: text is taken for JSON already, nested values are written as JSON."""
    kind = type_class(type_name)
    if kind == "text":
        return as_text(expression, type_name)
    if kind == "json":
        return f"CAST({expression} AS VARCHAR)"
    return f"CAST(to_json({expression}) AS VARCHAR)"


def parsed_json(expression: str, type_name: str) -> str:
    """A value of type JSON; a text that is no JSON becomes a JSON string."""
    kind = type_class(type_name)
    if kind == "json":
        return expression
    if kind == "text":
        text = as_text(expression, type_name)
        return f"CASE WHEN json_valid({text}) THEN CAST({text} AS JSON) ELSE to_json({text}) END"
    return f"to_json({expression})"


def as_integer(expression: str, type_name: str) -> str:
    """A BIGINT; NaN, infinity and text that is no number are NULL."""
    if type_name.upper() == "BIGINT":
        return expression
    kind = type_class(type_name)
    if kind == "integer":
        return f"TRY_CAST({expression} AS BIGINT)"
    return f"TRY_CAST(round({as_real(expression, type_name)}) AS BIGINT)"


def as_real(expression: str, type_name: str) -> str:
    """A finite DOUBLE, else NULL; `$1,234.50` is read too."""
    kind = type_class(type_name)
    if kind == "integer" or type_name.upper().startswith("DECIMAL"):
        return f"CAST({expression} AS DOUBLE)"
    if kind == "text":
        number = f"TRY_CAST(replace(ltrim(trim({expression}), '$'), ',', '') AS DOUBLE)"
    elif kind == "json":
        number = f"TRY_CAST({expression} ->> '$' AS DOUBLE)"
    elif kind == "real":
        number = expression
    elif kind == "bool":
        return f"CAST({expression} AS DOUBLE)"
    else:
        return "CAST(NULL AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def as_time(expression: str, type_name: str, unit: str | None = None) -> str:
    """A TIMESTAMP_NS in UTC from timestamps of any precision and zone, ISO texts, or epoch numbers.

    Naive values are UTC. `unit` (s, ms, us, ns) says what an epoch number counts; None decides by magnitude.
    """
    kind = type_class(type_name)
    if type_name.upper() == "TIMESTAMP_NS":
        return expression
    if kind == "time":
        return f"TRY_CAST({expression} AS TIMESTAMP_NS)"
    if kind == "zoned":
        # Through the epoch: half the time of AT TIME ZONE.
        if "NS" in type_name.upper():
            return f"make_timestamp_ns(epoch_ns({expression}))"
        # Times outside 1677 to 2262 have no nanoseconds; epoch_ns raises for them, also inside TRY.
        return f"make_timestamp_ns(TRY_CAST(epoch_us({expression})::HUGEINT * 1000 AS BIGINT))"
    if kind in ("integer", "real"):
        return _epoch(expression, kind == "integer", unit)
    if kind in ("text", "json"):
        text = f"trim({expression} ->> '$')" if kind == "json" else f"trim({as_text(expression, type_name)})"
        number = f"TRY_CAST({text} AS BIGINT)"
        real = f"TRY_CAST({text} AS DOUBLE)"
        return (
            f"CASE WHEN {real} IS NULL THEN CASE "
            rf"WHEN regexp_matches({text}, '\d:\d\d.*(Z|z|UTC|GMT|[+-]\d\d(:?\d\d)?)$') "
            f"THEN TRY_CAST({text} AS TIMESTAMPTZ_NS) AT TIME ZONE 'UTC' "
            f"ELSE TRY_CAST({text} AS TIMESTAMP_NS) END "
            f"WHEN {number} IS NOT NULL AND NOT contains({text}, '.') THEN {_epoch(number, True, unit)} "
            f"ELSE {_epoch(real, False, unit)} END"
        )
    return "CAST(NULL AS TIMESTAMP_NS)"


def _epoch(number: str, whole: bool, unit: str | None) -> str:
    def scaled(factor: int) -> str:
        if whole:
            return f"TRY_CAST({number} AS HUGEINT) * {factor}"
        # a double holds seconds to the microsecond only: rounding there gives back the digits that were written
        rounded = f"TRY_CAST(round({number} * {max(1, factor // 1000)}) AS HUGEINT)"
        return f"{rounded} * 1000" if factor >= 1000 else rounded

    if unit is not None:
        nanoseconds = scaled(NS_PER_UNIT[unit])
    else:
        # 1e11 s is the year 5138, 1e11 ms is 1973: real traces lie well inside one of the ranges
        nanoseconds = (
            f"CASE WHEN abs({number}) < 1e11 THEN {scaled(NS_PER_UNIT['s'])} "
            f"WHEN abs({number}) < 1e14 THEN {scaled(NS_PER_UNIT['ms'])} "
            f"WHEN abs({number}) < 1e17 THEN {scaled(NS_PER_UNIT['us'])} "
            f"ELSE {scaled(NS_PER_UNIT['ns'])} END"
        )
    return f"TRY(make_timestamp_ns(TRY_CAST({nanoseconds} AS BIGINT)))"


def as_nanoseconds(expression: str, type_name: str, unit: str) -> str:
    """A duration in nanoseconds as BIGINT; negative ones are NULL."""
    if type_class(type_name) == "interval":
        return f"epoch_ns({expression})"
    value = as_real(expression, type_name)
    return f"TRY_CAST(round(CASE WHEN {value} >= 0 THEN {value} END * {NS_PER_UNIT[unit]}) AS BIGINT)"


def as_tags(expression: str, type_name: str) -> str:
    """A VARCHAR[] from a list, a JSON list or a text with commas."""
    if type_name.upper() == "VARCHAR[]":
        return expression
    if re.fullmatch(r".*\[\d*\]", type_name) and not type_name.upper().startswith(("STRUCT(", "MAP(")):
        return f"CAST({expression} AS VARCHAR[])"
    if type_class(type_name) not in ("text", "json"):
        return f"json_extract_string(to_json({expression}), '$[*]')"
    text = as_json(expression, type_name)
    split = f"list_filter(list_transform(string_split({text}, ','), lambda tag: trim(tag)), lambda tag: tag <> '')"
    return (
        f"CASE WHEN {text} IS NULL THEN NULL WHEN starts_with(ltrim({text}), '[') AND json_valid({text}) "
        f"THEN json_extract_string({text}, '$[*]') ELSE {split} END"
    )


def first_of(*expressions: str) -> str:
    """The first that is not NULL."""
    return expressions[0] if len(expressions) == 1 else f"coalesce({', '.join(expressions)})"


def inside(parsed: str, paths: list[list[str]]) -> str:
    """The first value that is there and not null under several key paths of a JSON value, as JSON."""
    return first_there(f"json_extract({parsed}, [{', '.join(json_path(*path) for path in paths)}])")


def first_there(values: str) -> str:
    """The first of a list of JSON values that is there and not null."""
    return f"list_filter({values}, lambda item: item IS NOT NULL AND json_type(item) <> 'NULL')[1]"


def first_of_json(*expressions: str) -> str:
    """The first JSON value that is there and not null: a third of the time of a filter of their list."""
    return first_of(*(f"nullif({one}, 'null')" for one in expressions))


def extracted(expression: str, type_name: str, paths: list[str]) -> str:
    """The values under several JSON paths, as a list of JSON; a text that is no JSON has none."""
    kind = type_class(type_name)
    listed = ", ".join(paths)
    if kind == "json":
        return f"json_extract({expression}, [{listed}])"
    if kind == "text":
        text = as_text(expression, type_name)
        return f"CASE WHEN json_valid({text}) THEN json_extract({text}, [{listed}]) END"
    return f"json_extract(to_json({expression}), [{listed}])"
