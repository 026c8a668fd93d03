"""Label rows as SQLite tuples and as the JSON objects of the command line."""

from __future__ import annotations

import json
import math
import sys
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Any, cast

from traceview.model.errors import BadInput
from traceview.model.labels import (
    SCORE_SOURCES,
    TARGET_KINDS,
    LabelRow,
    LabelValue,
    Op,
    ScoreSource,
    Target,
    TargetKind,
)

JSON_FIELDS: tuple[str, ...] = (
    "id",
    "target_kind",
    "target_id",
    "trace_id",
    "name",
    "value",
    "source",
    "annotator",
    "reason",
    "blind",
    "session",
    "definition_hash",
    "created_at",
)
"""The fields of a row in `labels list --json`, in order."""

HISTORY_FIELDS: tuple[str, ...] = ("op", "ref", "action_id")
"""What `--history` adds."""

_LARGEST = int(sys.float_info.max)
"""Larger integers are no number for DuckDB, Parquet and most that read JSON."""

OPS: tuple[Op, ...] = ("set", "clear", "undo", "redo")

DbRow = tuple[Any, ...]


def from_db(row: DbRow) -> LabelRow:
    """A row of schema.COLUMNS, without its number, as a LabelRow."""
    (_, id, kind, target_id, trace_id, name, value, source, annotator, reason, blind, session) = row[:12]
    definition_hash, created_at, op, ref, action_id = row[12:17]
    return LabelRow(
        id=id,
        target=Target(kind, target_id, trace_id),
        name=name,
        value=None if value is None else _decoded(id, value),
        source=source,
        annotator=annotator,
        created_at=created_at,
        op=op,
        ref=ref,
        reason=reason,
        blind=bool(blind),
        session=session,
        definition_hash=definition_hash,
        action_id=action_id,
    )


def to_db(row: LabelRow) -> DbRow:
    """The columns of a row after its number, without `imported`."""
    target = row.target
    return (
        row.id,
        target.kind,
        target.id,
        target.trace_id,
        row.name,
        encode_value(row.value) if row.op == "set" else None,
        row.source,
        row.annotator,
        row.reason,
        int(row.blind),
        row.session,
        row.definition_hash,
        row.created_at,
        row.op,
        row.ref,
        row.action_id,
    )


def encode_value(value: LabelValue) -> str:
    """A value as JSON text; several choices are an array. Raises ValueError for NaN and infinities."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def decode_value(text: str) -> LabelValue:
    """The value of a JSON text. Raises BadInput for what is none."""
    try:
        return value_of_json(json.loads(text))
    except (ValueError, RecursionError):
        raise BadInput("the value is not JSON that a label can have") from None


def _decoded(id: str, text: str) -> LabelValue:
    try:
        return decode_value(text)
    except BadInput as error:
        hint = "`traceview labels check` lists such rows; take a copy made by `traceview labels backup`"
        raise BadInput(f"cannot read the labels: row {id}: {error.message}", hint=hint) from None


def value_of_json(value: Any) -> LabelValue:
    """A parsed JSON value as a label's value. Raises BadInput for null, objects, and arrays of anything but text."""
    if isinstance(value, list):
        if not all(isinstance(entry, str) for entry in value):
            raise BadInput("a list of values may hold texts only")
        return tuple(value)
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise BadInput(f"a value is true, false, a number, a text or a list of texts, not {type(value).__name__}")


def to_json(row: LabelRow, *, history: bool = False) -> dict[str, Any]:
    """The row as the command line prints it; with `history` also op, ref and action_id."""
    value = list(row.value) if isinstance(row.value, tuple) else row.value
    fields: dict[str, Any] = {
        "id": row.id,
        "target_kind": row.target.kind,
        "target_id": row.target.id,
        "trace_id": row.target.trace_id,
        "name": row.name,
        "value": value,
        "source": row.source,
        "annotator": row.annotator,
        "reason": row.reason,
        "blind": row.blind,
        "session": row.session,
        "definition_hash": row.definition_hash,
        "created_at": row.created_at,
    }
    if history:
        fields |= {"op": row.op, "ref": row.ref, "action_id": row.action_id}
    return fields


def normal_target(target: Target) -> Target:
    """The one form of a target: a trace names itself as its trace, a thread none, a span must name one.

    Raises BadInput.
    """
    if not target.id:
        raise BadInput(f"a {target.kind} without an id cannot be labelled")
    if target.kind == "trace":
        if target.trace_id not in (None, target.id):
            raise BadInput(f"trace {target.id}: its trace_id says {target.trace_id}")
        return target if target.trace_id else Target("trace", target.id, target.id)
    if target.kind == "thread":
        return target if target.trace_id is None else Target("thread", target.id)
    if target.kind == "span":
        if not target.trace_id:
            raise BadInput(f"span {target.id}: its trace_id is missing")
        return target
    raise BadInput(f"{target.kind!r} is not a kind of target: {', '.join(TARGET_KINDS)}")


def normal_time(text: str) -> str:
    """An RFC 3339 time in UTC with microseconds and Z, so that texts sort as times. Raises BadInput."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is not a time as in 2026-11-20T17:59:59.123456Z") from None
    if time.tzinfo is None:
        raise BadInput(f"{text!r} has no time zone (Z for UTC)")
    try:
        time = time.astimezone(UTC)
    except OverflowError:
        raise BadInput(f"{text!r} is out of range") from None
    if time.year == MAXYEAR:
        # After the last time of all no label of its key could ever be current.
        raise BadInput(f"{text!r} is out of range")
    return format_time(time)


def format_time(time: datetime) -> str:
    """A UTC datetime as the label store writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.").rjust(20, "0") + f"{time.microsecond:06d}Z"


def now() -> str:
    """The present in the label store's form."""
    return format_time(datetime.now(UTC))


def just_after(text: str) -> str:
    """A microsecond later."""
    try:
        return format_time(datetime.fromisoformat(text) + timedelta(microseconds=1))
    except OverflowError:
        return text


def check_text(text: str) -> None:
    """Raise BadInput for a text that cannot be stored as UTF-8."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise BadInput("a text holds half a character (a lone surrogate) and cannot be stored") from None


def checked(row: LabelRow) -> DbRow:
    """The columns of a row, as `to_db`.

    Raises BadInput if a text cannot be stored as UTF-8, or if op, source or value do not fit.
    """
    if row.source not in SCORE_SOURCES:
        raise BadInput(f"{row.source!r} is not a source: {', '.join(SCORE_SOURCES)}")
    if row.op not in OPS:
        raise BadInput(f"{row.op!r} is not an op: {', '.join(OPS)}")
    if not row.name or not row.annotator:
        raise BadInput("a label needs a name and an annotator")
    if (row.op == "set") != (row.value is not None):
        raise BadInput(
            "a row with op set needs a value" if row.op == "set" else f"a row with op {row.op} has no value"
        )
    if (row.op in ("undo", "redo")) != (row.ref is not None):
        raise BadInput("undo and redo rows, and only they, need a ref")
    if isinstance(row.value, int) and abs(row.value) > _LARGEST:
        raise BadInput("a number is too large")
    columns = to_db(row)
    for text in columns:
        if isinstance(text, str):
            check_text(text)
    return columns


def kind_of(text: Any) -> TargetKind:
    """The target kind of a text. Raises BadInput."""
    if text not in TARGET_KINDS:
        raise BadInput(f"target_kind is {text!r}; expected {', '.join(TARGET_KINDS)}")
    return cast(TargetKind, text)


def source_of(text: Any) -> ScoreSource:
    """The score source of a text. Raises BadInput."""
    if text not in SCORE_SOURCES:
        raise BadInput(f"source is {text!r}; expected {', '.join(SCORE_SOURCES)}")
    return cast(ScoreSource, text)
