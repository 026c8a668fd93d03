"""Parquet and DuckDB tables read in place: the canonical schema, and any table with recognisable columns."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from msgspec.structs import replace

from traceview.model.errors import BadInput
from traceview.model.schema import COLUMN_BY_NAME, COLUMNS, CORE_COLUMNS
from traceview.sources import given_columns, table_sql
from traceview.sources.base import ColumnMapping, Probe
from traceview.sources.duckdb_file import has_row_ids
from traceview.sources.field_source import FieldSource
from traceview.sources.given_columns import Given
from traceview.sources.locate import shown
from traceview.sources.look import columns_with_nulls, recorded_unit, typical_value
from traceview.sources.names import ATTRIBUTE_KEYS, FIELD_ALIASES, FIELDS, choose, tell_of_spans
from traceview.sources.sql import (
    extracted,
    first_of_json,
    identifier,
    inside,
    json_path,
    literal,
    parsed_json,
    type_class,
)

_UNITS = {
    "ms": ("_ms", "_millis", "_msec", "_milliseconds"),
    "us": ("_us", "_micros", "_microseconds"),
    "ns": ("_ns", "_nano", "_nanos", "_nanoseconds"),
    "s": ("_s", "_sec", "_secs", "_seconds", "time_to_first_chunk"),
}


class CanonicalTables:
    """Our own schema: every expression is the bare column."""

    name = "traceview"

    def recognise(self, probe: Probe) -> bool:
        """True if the table has the canonical columns with their types, and no others."""
        columns = probe.columns
        return (
            probe.container in ("parquet", "duckdb")
            and columns.keys() >= set(CORE_COLUMNS)
            and all(name in COLUMN_BY_NAME and COLUMN_BY_NAME[name].type == columns[name] for name in columns)
        )

    def mapping(self, probe: Probe, overrides: Mapping[str, str]) -> ColumnMapping:
        """The identity; with overrides the table is mapped as any other."""
        if overrides:
            return replace(RecognisableTables().mapping(probe, overrides), format=self.name)
        return canonical_mapping(tuple(probe.columns))


def canonical_mapping(columns: tuple[str, ...] | None = None) -> ColumnMapping:
    """The identity mapping of a canonical table with these columns (all of them by default)."""
    names = [column.name for column in COLUMNS if columns is None or column.name in columns]
    return ColumnMapping(
        format=CanonicalTables.name,
        expressions={name: identifier(name) for name in names},
        from_columns={name: name for name in names},
        start_column="start_time",
        start_type="TIMESTAMP_NS",
    )


class RecognisableTables:
    """Any table whose columns have names that tools use for spans (`names.NAMES`)."""

    name = "table"

    def recognise(self, probe: Probe) -> bool:
        """True if the names of the columns tell of spans."""
        return probe.container in ("parquet", "duckdb") and tell_of_spans(probe.columns)

    def mapping(self, probe: Probe, overrides: Mapping[str, str]) -> ColumnMapping:
        """The mapping by names, types and overrides.

        Raises BadInput naming the nearest field or column if an override names one that does not exist, or whose values
        the field cannot be.
        """
        fields, unit = _fields(probe, overrides)
        _refuse_reserved(probe)
        sources = {field: _column(name, probe.columns[name]) for field, name in fields.items()}
        used = set(fields.values())
        _add_paths(sources, used, probe, overrides)
        latency = sources.get("latency")
        if latency is not None:
            unit = unit or _unit(probe, latency)
            sources["latency"] = replace(latency, unit=unit, words=f"{latency.words} ({unit})")
        if "ttft_ms" in sources:
            first = sources["ttft_ms"]
            sources["ttft_ms"] = replace(first, unit=_suffix_unit(first.words) or "s")
        for field in ("start_time", "end_time"):
            if field in sources:
                sources[field] = replace(sources[field], unit=_suffix_unit(sources[field].words, epoch=True))
        shared = _add_attribute_keys(sources, overrides)
        unmapped = tuple(name for name in probe.columns if name not in used)
        row_id = _row_id(probe)
        missing = columns_with_nulls(
            probe, [fields[field] for field in ("trace_id", "span_id") if field in fields]
        )
        expressions, words = table_sql.expressions(
            sources,
            {name: probe.columns[name] for name in unmapped},
            row_id,
            trace_may_miss=fields.get("trace_id") in missing,
            span_may_miss=fields.get("span_id") in missing,
        )
        without = given_columns.check(probe, _given(sources, probe, overrides), expressions, shared)
        start = fields.get("start_time")
        return ColumnMapping(
            format=self.name,
            expressions=expressions,
            from_columns=words,
            unmapped=unmapped,
            start_column=start,
            start_type=probe.columns[start] if start else None,
            shared=shared,
            without=without,
        )


_NUMBERS = frozenset(("file_row_number", "file_index"))


def _refuse_reserved(probe: Probe) -> None:
    """Raises BadInput for a Parquet column that hides the number by which DuckDB finds a row again."""
    hidden = [name for name in probe.columns if name.lower() in _NUMBERS]
    if hidden and probe.container == "parquet":
        raise BadInput(
            f"{shown(probe.origin or probe.path)} has a column {hidden[0]}, a name by which DuckDB numbers rows itself",
            hint=f"rename it: COPY (SELECT * RENAME ({hidden[0]} AS {hidden[0]}_1) FROM 'file') TO 'spans.parquet'",
        )


def _column(name: str, kind: str) -> FieldSource:
    """A column as a source; one that holds nothing but nulls has no type, and is read as text."""
    if kind == '"NULL"':
        return FieldSource(f"CAST({identifier(name)} AS VARCHAR)", "VARCHAR", name)
    return FieldSource(identifier(name), kind, name)


def _fields(probe: Probe, overrides: Mapping[str, str]) -> tuple[dict[str, str], str | None]:
    """Field to column after the overrides, and the unit that the user gave for the latency."""
    fields = choose(probe.columns)
    asked = {field_of(given) for given, column in overrides.items() if column}
    unit = None
    for given, column in overrides.items():
        field = field_of(given)
        if field is None:
            continue
        previous = fields.pop(field, None)
        if column in probe.columns:
            for other in [name for name, used in fields.items() if used == column and name not in asked]:
                del fields[other]
            fields[field] = column
        elif column and not _path_of(probe, column):
            raise BadInput(
                f"--map {given}={column}: {shown(probe.origin or probe.path)} has no column {column!r}",
                hint=_nearest(column, list(probe.columns), "the columns are"),
            )
        elif not column and previous is None and field not in ATTRIBUTE_KEYS:
            raise BadInput(
                f"--map {given}=: {given} is not mapped", hint=_nearest(given, list(fields), "mapped are")
            )
        if field == "latency":
            unit = _suffix_unit(given)
    return fields, unit


def field_of(given: str) -> str | None:
    """The field that a name of `--map` means; None for `table`, which chooses a DuckDB table.

    Raises BadInput with the nearest name.
    """
    if given == "table":
        return None
    field = FIELD_ALIASES.get(given, given)
    if field not in FIELDS:
        raise BadInput(
            f"--map {given}=...: there is no field {given!r}",
            hint=_nearest(given, list(dict.fromkeys((*FIELDS, *FIELD_ALIASES))), "the fields are"),
        )
    return field


def _nearest(name: str, names: list[str], otherwise: str) -> str:
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"{otherwise} {', '.join(names)}"


def _path_of(probe: Probe, text: str) -> tuple[str, list[str]] | None:
    """A column and keys inside it, of `column.key.key`."""
    for name in sorted(probe.columns, key=len, reverse=True):
        if text.startswith(name + ".") and type_class(probe.columns[name]) in ("nested", "json", "text"):
            return name, text[len(name) + 1 :].split(".")
    return None


def _add_paths(
    sources: dict[str, FieldSource], used: set[str], probe: Probe, overrides: Mapping[str, str]
) -> None:
    """Overrides that name a value inside a column; the column itself stays what it was."""
    for given, column in overrides.items():
        field = field_of(given)
        if field is None or not column or column in probe.columns:
            continue
        found = _path_of(probe, column)
        if found is not None:
            name, keys = found
            # the whole rest as one key comes first: attribute keys have dots in them
            value = inside(
                parsed_json(identifier(name), probe.columns[name]),
                [[".".join(keys)], keys] if len(keys) > 1 else [keys],
            )
            sources[field] = FieldSource(value, "JSON", column)


def _given(sources: Mapping[str, FieldSource], probe: Probe, overrides: Mapping[str, str]) -> list[Given]:
    """The overrides that name a column or a key inside one."""
    found = []
    for given, column in overrides.items():
        field = field_of(given)
        if field is not None and column:
            path = None if column in probe.columns else _path_of(probe, column)
            within = (path[0], probe.columns[path[0]]) if path else None
            found.append(Given(field, f"--map {given}={column}", sources[field], within))
    return found


_SHARED = "traceview attributes"
"""The name of the column that holds the values of an attributes column for all fields."""


def _add_attribute_keys(sources: dict[str, FieldSource], overrides: Mapping[str, str]) -> dict[str, str]:
    """Values of an attributes column for fields without a column of their own; the columns that are shared.

    The JSON is parsed once for all of the fields.
    """
    attributes = sources.get("attributes")
    if attributes is None:
        return {}
    unmapped = {field_of(given) for given, column in overrides.items() if not column}
    paths: list[str] = []
    for field, keys in ATTRIBUTE_KEYS.items():
        if field not in sources and field not in unmapped:
            first = len(paths) + 1
            paths += [json_path(key) for key in keys]
            value = first_of_json(
                *(f"{identifier(_SHARED)}[{number}]" for number in range(first, len(paths) + 1))
            )
            sources[field] = FieldSource(value, "JSON", f"{attributes.words}: {keys[0]} ...", inside=True)
    return {_SHARED: extracted(attributes.sql, attributes.type, paths)} if paths else {}


def _suffix_unit(name: str, *, epoch: bool = False) -> str | None:
    lowered = name.lower()
    for unit, endings in _UNITS.items():
        # an epoch column that ends in _s is as likely a plural, so only the unmistakable units count there
        if lowered.endswith(endings) and not (epoch and unit == "s"):
            return unit
    return None


def _unit(probe: Probe, latency: FieldSource) -> str:
    """The unit of a duration column: as its writer recorded, by its name, else by what its values usually are."""
    own_column = latency.words in probe.columns
    told = recorded_unit(probe, latency.words) if own_column and latency.type == "BIGINT" else None
    told = told or _suffix_unit(latency.words)
    if told is not None:
        return told
    typical = typical_value(probe, latency.words) if own_column else None
    if type_class(latency.type) == "integer":
        return "ns" if typical is not None and typical >= 1e7 else "ms"
    # model calls take 0.1 to 100 seconds
    return "ms" if typical is not None and typical >= 100 else "s"


def _row_id(probe: Probe) -> str:
    """An id for rows that have none: stable as long as the file is not rewritten."""
    if probe.container == "duckdb":
        if has_row_ids(probe.path, probe.table or ""):
            return f"{literal((probe.table or 'row') + ':')} || CAST(rowid AS VARCHAR)"
        # rows of a view have no number, only their content
        pairs = ", ".join(f"{literal(name)}, {identifier(name)}" for name in probe.columns)
        return f"md5(CAST(json_object({pairs}) AS VARCHAR))"
    if any(name.lower() == "filename" for name in probe.columns):
        # a column of that name hides DuckDB's own
        return f"{literal(probe.path.stem + ':')} || CAST(file_row_number AS VARCHAR)"
    return "parse_filename(filename, true) || ':' || CAST(file_row_number AS VARCHAR)"
