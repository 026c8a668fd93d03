"""What a dialect is, and how attribute values of doubtful type are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from traceview.sources.dialects.shape import Shape, Step, Table
from traceview.sources.jsontext import as_text, decoded

Attributes = Mapping[str, Any]
Fields = dict[str, Any]
"""Canonical columns that a dialect knows, None or absent otherwise. Messages and documents are plain lists here.

Beside the columns: `excludes_cache` (input_tokens is without cached ones), `level_error` (the writer says that
the span failed), `texts_in` (texts that are the input in a person's words).
"""


class RawSpan(NamedTuple):
    """A span as its writer stored it, whatever the file format. `status` is ok, error or unset."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    start_ns: int | None
    end_ns: int | None
    status: str
    status_message: str | None
    attributes: dict[str, Any]
    events: list[dict[str, Any]]
    links: list[dict[str, Any]]
    resource: dict[str, Any]
    resource_json: str
    scope_name: str | None
    source: str


class Dialect(NamedTuple):
    """One attribute family: it is asked for spans with an attribute whose first word is one of `families`.

    `table` says which attributes fill which columns; `more` adds to the fields what takes more than one value:
    messages, documents, usage maps. `prefixes` are those of all keys that `more` reads where the table has none;
    without them it is asked always.
    """

    name: str
    families: frozenset[str]
    table: Table
    more: Callable[[RawSpan, Shape, Fields], None]
    prefixes: tuple[str, ...] | None = None


def filled(table: Table, attributes: Attributes, shape: Shape) -> Fields:
    """The columns of a table, each of the first key whose value says something."""
    return of_steps(shape.steps(table), attributes)


def of_steps(steps: Iterable[Step], attributes: Attributes) -> Fields:
    """The same of steps whose keys all occur."""
    fields: Fields = {}
    for column, reader, keys in steps:
        for key in keys:
            value = attributes[key]
            if reader is text and value.__class__ is str:
                # nearly all are texts that are taken as they are
                if value:
                    fields[column] = value
                    break
            elif (value := reader(value)) is not None:
                fields[column] = value
                break
    return fields


def text(value: Any) -> str | None:
    """A text, or the JSON text of what is none; nothing for an empty one."""
    if value.__class__ is str:
        return value or None
    return as_text(value)


def word(words: Mapping[str, str]) -> Callable[[Any], str | None]:
    """A reader of one of these words, whatever its case, as what it stands for."""

    def read_word(value: Any) -> str | None:
        return words.get(value.lower()) if isinstance(value, str) else None

    return read_word


def first(attributes: Attributes, keys: Iterable[str]) -> Any:
    """The value of the first key that has one."""
    for key in keys:
        value = attributes.get(key)
        if value is not None and value != "":
            return value
    return None


def first_text(attributes: Attributes, keys: Iterable[str]) -> str | None:
    """The same as text; what is no text becomes JSON text."""
    return as_text(first(attributes, keys))


def first_count(attributes: Attributes, keys: Iterable[str]) -> int | None:
    """The same as a count; numbers in text and whole doubles are read too."""
    for key in keys:
        value = as_count(attributes.get(key))
        if value is not None:
            return value
    return None


def first_float(attributes: Attributes, keys: Iterable[str]) -> float | None:
    """The same as a number."""
    for key in keys:
        value = as_float(attributes.get(key))
        if value is not None:
            return value
    return None


def as_count(value: Any) -> int | None:
    """A whole number from 0 up within 64 bits, or None: nothing that is counted is negative."""
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            value = as_float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = int(value)
    return value if 0 <= value < 1 << 63 else None


def as_float(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def temperature_in(value: Any) -> float | None:
    """The temperature among the parameters of a call, an object or its JSON text."""
    if value.__class__ is str:
        if "temperature" not in value:
            return None
        return _temperature(value) if len(value) <= REPEATED else _temperature.__wrapped__(value)
    return as_float(value.get("temperature")) if isinstance(value, dict) else None


REPEATED = 2000
"""Characters of a text up to which it is remembered what it says: the next spans often have the same."""


@lru_cache(maxsize=1000)
def _temperature(text: str) -> float | None:
    parameters = decoded(text)
    return as_float(parameters.get("temperature")) if isinstance(parameters, dict) else None


def of_seconds(value: Any) -> float | None:
    """A number of seconds as milliseconds."""
    return milliseconds(as_float(value))


def milliseconds(seconds: float | None) -> float | None:
    """Seconds as milliseconds."""
    return None if seconds is None else seconds * 1000
