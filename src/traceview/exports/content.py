"""What an exported row holds: the target's content in one shape, and its current labels."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from traceview.model.labels import NOT_APPLICABLE, LabelRow, LabelValue, Target
from traceview.store.labels.rows import encode_value
from traceview.text.human import rfc3339
from traceview.text.safe import safe_line

ExportRow = Mapping[str, Any]
"""One target with its content, as the caller has it.

`target_kind`, `target_id`, `trace_id`, `span_id`, `thread_id`, `name`, `kind`, `start_time` and `end_time` (RFC 3339,
or `start_ns` and `end_ns`), `duration_ms`, `status`, `error_message`, `models` (list), `prompt_versions` (list of
`name@version` or of {name, version}), `input_tokens`, `output_tokens`, `cost_usd`, `user_id`, `tags`, `input`,
`output` (whole texts); of a retrieved document `document_id`, `document_rank` from 1 and `document_score`, with the
query as `input` and its own text as `output`. A missing key is null; other keys are left out.
"""

ColumnType = Literal["text", "time", "float", "int", "bool", "texts"]

CONTENT_COLUMNS: dict[str, ColumnType] = {
    "target_kind": "text",
    "target_id": "text",
    "trace_id": "text",
    "span_id": "text",
    "thread_id": "text",
    "name": "text",
    "kind": "text",
    "start_time": "time",
    "end_time": "time",
    "duration_ms": "float",
    "status": "text",
    "error_message": "text",
    "models": "texts",
    "prompt_versions": "texts",
    "input_tokens": "int",
    "output_tokens": "int",
    "cost_usd": "float",
    "user_id": "text",
    "tags": "texts",
    "document_id": "text",
    "document_rank": "int",
    "document_score": "float",
    "input": "text",
    "output": "text",
}
"""The columns of every export, in order. Times are RFC 3339 texts here."""

ScoreKey = tuple[str, str, str]
"""Definition name, source, annotator."""


class ExportItem(Struct, frozen=True):
    """A target to write: its content by CONTENT_COLUMNS and its current labels."""

    content: dict[str, Any]
    labels: tuple[LabelRow, ...]


class ScoreColumn(Struct, frozen=True):
    """A flat column made from labels: `of` gives its cell from the label of `key` on a target.

    `field` is what it holds: value, na, reason, definition_hash, or value_json where a key has values of several types.
    """

    name: str
    key: ScoreKey
    field: str
    type: ColumnType
    of: Callable[[LabelRow], Any]


class Labels:
    """Current labels by target."""

    def __init__(self, rows: Iterable[LabelRow]) -> None:
        self._by_target: dict[Target, list[LabelRow]] = {}
        self._values: dict[ScoreKey, list[LabelValue]] = {}
        for row in rows:
            self._by_target.setdefault(row.target, []).append(row)
            self._values.setdefault(key_of(row), []).append(row.value)

    def of(self, target: Target) -> tuple[LabelRow, ...]:
        """The labels of a target, by name, source and annotator."""
        return tuple(sorted(self._by_target.get(target, ()), key=key_of))

    def targets(self) -> Collection[Target]:
        """The targets that have a label."""
        return self._by_target.keys()

    def __len__(self) -> int:
        """How many targets have a label."""
        return len(self._by_target)

    def columns(self, *, typed: bool) -> tuple[ScoreColumn, ...]:
        """`score.NAME.SOURCE.ANNOTATOR`, its `.reason` and `.definition_hash`, for every key.

        With `typed` a value that does not apply is null in columns of booleans, numbers and lists, and a column
        `.na` says so; else it is the text n/a. Names are one visible line, and different in more than their case.
        """
        columns: list[ScoreColumn] = []
        for key in sorted(self._values):
            name = safe_line(".".join(("score", *key)))
            kind = value_type(self._values[key])
            if typed and kind != "text":
                columns.append(ScoreColumn(name, key, "value", kind, _value_or_null))
                if NOT_APPLICABLE in self._values[key]:
                    columns.append(
                        ScoreColumn(f"{name}.na", key, "na", "bool", lambda row: row.value == NOT_APPLICABLE)
                    )
            elif is_mixed(self._values[key]):
                columns.append(
                    ScoreColumn(name, key, "value_json", "text", lambda row: encode_value(row.value))
                )
            else:
                columns.append(
                    ScoreColumn(name, key, "value", kind, _value_as_text if kind == "text" else _value)
                )
            columns.append(ScoreColumn(f"{name}.reason", key, "reason", "text", lambda row: row.reason))
            columns.append(
                ScoreColumn(
                    f"{name}.definition_hash",
                    key,
                    "definition_hash",
                    "text",
                    lambda row: row.definition_hash,
                )
            )
        return _with_distinct_names(columns)


def key_of(row: LabelRow) -> ScoreKey:
    """Name, source and annotator of a label."""
    return row.name, row.source, row.annotator


def value_type(values: Sequence[LabelValue]) -> ColumnType:
    """The type of a column that holds these values; text where they are of several types."""
    kinds = {type(value) for value in values if value != NOT_APPLICABLE}
    if kinds == {bool}:
        return "bool"
    if kinds == {int} and all(abs(value) < 1 << 63 for value in values if isinstance(value, int)):
        return "int"
    largest = max((abs(value) for value in values if isinstance(value, int)), default=0)
    if kinds and kinds <= {int, float} and largest <= sys.float_info.max:
        return "float"
    return "texts" if kinds == {tuple} else "text"


def is_mixed(values: Sequence[LabelValue]) -> bool:
    """True if values are of several types, so that as plain text the number 1 and the text 1 would look the same."""
    kinds = {type(value) for value in values if value != NOT_APPLICABLE}
    return len(kinds) > 1 and not kinds <= {int, float}


def target_of(row: ExportRow) -> Target:
    """The target that a row is about."""
    kind, id = row["target_kind"], row["target_id"]
    if kind == "document":
        return Target("span", id, row["trace_id"])
    return Target(kind, id, {"trace": id, "thread": None}.get(kind, row.get("trace_id")))


def content_of(row: ExportRow) -> dict[str, Any]:
    """The row by CONTENT_COLUMNS, in their types; texts are valid Unicode, and what is no number is null."""
    content: dict[str, Any] = {}
    for column, kind in CONTENT_COLUMNS.items():
        value = row.get(column)
        if value is None and kind == "time":
            value = rfc3339(row.get(column.replace("_time", "_ns")))
        elif isinstance(value, datetime):
            value = value.isoformat()
        elif kind == "texts":
            value = [_text(entry) for entry in value or ()]
        elif kind == "float" and value is not None:
            value = float(value) if math.isfinite(value) else None
        elif kind == "int" and value is not None:
            value = int(value) if -(1 << 63) <= value < 1 << 63 else None
        elif isinstance(value, str):
            value = _text(value)
        content[column] = value
    return content


def _text(value: Any) -> str:
    """A value as valid Unicode text; a prompt version as name@version."""
    if isinstance(value, Mapping):
        name, version = value.get("name"), value.get("version")
        value = f"{name or ''}@{version}" if version is not None else str(name or "")
    text = str(value)
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()


def _value(row: LabelRow) -> Any:
    return list(row.value) if isinstance(row.value, tuple) else row.value


def _value_or_null(row: LabelRow) -> Any:
    return None if row.value == NOT_APPLICABLE else _value(row)


def _value_as_text(row: LabelRow) -> str:
    return row.value if isinstance(row.value, str) else encode_value(row.value)


def _with_distinct_names(columns: Sequence[ScoreColumn]) -> tuple[ScoreColumn, ...]:
    """The columns, those that dots or their case alone make look alike numbered (DuckDB ignores case)."""
    taken: set[str] = {column.casefold() for column in CONTENT_COLUMNS}
    distinct = []
    for column in columns:
        name, number = column.name, 2
        while name.casefold() in taken:
            name, number = f"{column.name} ({number})", number + 1
        taken.add(name.casefold())
        distinct.append(replace(column, name=name))
    return tuple(distinct)
