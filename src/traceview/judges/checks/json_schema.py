"""The keywords of JSON Schema that a check may use. A keyword that is not known is refused, not passed over."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from traceview.model.errors import BadInput

TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
KEYWORDS = (
    "type", "enum", "const", "properties", "required", "additionalProperties", "minProperties", "maxProperties",
    "items", "minItems", "maxItems", "uniqueItems", "minLength", "maxLength", "pattern", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "anyOf", "allOf", "oneOf", "not",
)  # fmt: skip
IGNORED = (
    "$schema",
    "$id",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "format",
    "deprecated",
)
"""Keywords that say nothing of whether a value is valid, or not for sure."""


def check_schema(schema: Any, path: str = "schema") -> None:
    """Raise BadInput for what is no schema, and for a keyword that is not known."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        raise BadInput(f"{path}: expected a table, found {json.dumps(schema, default=str)}")
    for key, value in schema.items():
        place = f"{path}.{key}"
        if key not in KEYWORDS and key not in IGNORED:
            raise BadInput(f"{place}: not a known keyword", hint=f"known: {', '.join(KEYWORDS)}")
        if key in ("anyOf", "allOf", "oneOf"):
            if not isinstance(value, Sequence) or isinstance(value, str) or not value:
                raise BadInput(f"{place}: expected a list of schemas")
            for number, one in enumerate(value):
                check_schema(one, f"{place}[{number}]")
        elif key in ("not", "items", "additionalProperties"):
            check_schema(value, place)
        elif key == "properties":
            if not isinstance(value, Mapping):
                raise BadInput(f"{place}: expected a table")
            for name, one in value.items():
                check_schema(one, f"{place}.{name}")
        else:
            _check_value(key, value, place)


def _check_value(key: str, value: Any, place: str) -> None:
    if key == "type":
        wrong = [one for one in (value if isinstance(value, list | tuple) else [value]) if one not in TYPES]
        if wrong or value in ([], ()):
            raise BadInput(f"{place}: no type of JSON: {wrong}", hint=f"known: {', '.join(TYPES)}")
    elif key in ("enum", "required") and not isinstance(value, list | tuple):
        raise BadInput(f"{place}: expected a list")
    elif key == "pattern":
        try:
            re.compile(value)
        except (re.error, TypeError, RecursionError) as error:
            raise BadInput(f"{place}: not a regular expression: {error}") from error
    elif key.startswith(("min", "max", "exclusive", "multiple")) and (
        isinstance(value, bool) or not isinstance(value, int | float)
    ):
        raise BadInput(f"{place}: expected a number")


def violations(value: Any, schema: Any, path: str = "$") -> Iterator[str]:
    """What of a value is against a schema that `check_schema` took, in words, with the place."""
    if isinstance(schema, bool):
        if not schema:
            yield f"{path}: nothing is allowed here"
        return
    kinds = schema.get("type")
    if kinds is not None:
        wanted = [kinds] if isinstance(kinds, str) else list(kinds)
        if not any(_is(value, kind) for kind in wanted):
            yield f"{path}: expected {' or '.join(wanted)}, found {_kind(value)}"
            return
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{path}: expected {_short(schema['const'])}"
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        yield f"{path}: {_short(value)} is not one of {_short(schema['enum'])}"
    if isinstance(value, dict):
        yield from _object(value, schema, path)
    elif isinstance(value, list):
        yield from _array(value, schema, path)
    elif isinstance(value, str):
        yield from _bounds(len(value), schema, path, ("minLength", "maxLength"), "characters")
        if "pattern" in schema and re.search(schema["pattern"], value) is None:
            yield f"{path}: does not match {schema['pattern']}"
    elif _is(value, "number"):
        yield from _number(value, schema, path)
    yield from _combined(value, schema, path)


def _object(value: dict[str, Any], schema: Mapping[str, Any], path: str) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}: {name} is missing"
    yield from _bounds(len(value), schema, path, ("minProperties", "maxProperties"), "keys")
    for name, one in value.items():
        if name in known:
            yield from violations(one, known[name], f"{path}.{name}")
        elif schema.get("additionalProperties", True) is False:
            yield f"{path}: {name} is not allowed"
        else:
            yield from violations(one, schema.get("additionalProperties", True), f"{path}.{name}")


def _array(value: list[Any], schema: Mapping[str, Any], path: str) -> Iterator[str]:
    yield from _bounds(len(value), schema, path, ("minItems", "maxItems"), "items")
    if schema.get("uniqueItems"):
        texts = [json.dumps(one, sort_keys=True) for one in value]
        if len(set(texts)) < len(texts):
            yield f"{path}: an item stands twice"
    if "items" in schema:
        for number, one in enumerate(value):
            yield from violations(one, schema["items"], f"{path}[{number}]")


def _number(value: float, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{path}: {value} is less than {schema['minimum']}"
    if "maximum" in schema and value > schema["maximum"]:
        yield f"{path}: {value} is more than {schema['maximum']}"
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        yield f"{path}: {value} is not more than {schema['exclusiveMinimum']}"
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        yield f"{path}: {value} is not less than {schema['exclusiveMaximum']}"
    step = schema.get("multipleOf")
    if step and abs(value / step - round(value / step)) > 1e-9:
        yield f"{path}: {value} is no multiple of {step}"


def _bounds(
    size: int, schema: Mapping[str, Any], path: str, names: tuple[str, str], words: str
) -> Iterator[str]:
    least, most = schema.get(names[0]), schema.get(names[1])
    if least is not None and size < least:
        yield f"{path}: {size} {words}, at least {least} wanted"
    if most is not None and size > most:
        yield f"{path}: {size} {words}, at most {most} allowed"


def _combined(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    for one in schema.get("allOf", ()):
        yield from violations(value, one, path)
    if "anyOf" in schema and all(_fails(value, one) for one in schema["anyOf"]):
        yield f"{path}: none of the {len(schema['anyOf'])} alternatives fits"
    if "oneOf" in schema:
        fitting = sum(not _fails(value, one) for one in schema["oneOf"])
        if fitting != 1:
            yield f"{path}: {fitting} of the {len(schema['oneOf'])} alternatives fit, one must"
    if "not" in schema and not _fails(value, schema["not"]):
        yield f"{path}: is what it must not be"


def _fails(value: Any, schema: Any) -> bool:
    return next(violations(value, schema), None) is not None


def _is(value: Any, kind: str) -> bool:
    match kind:
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "integer":
            return not isinstance(value, bool) and isinstance(value, int | float) and value == int(value)
        case _:
            return not isinstance(value, bool) and isinstance(value, int | float)


def _kind(value: Any) -> str:
    return next((kind for kind in TYPES if kind != "integer" and _is(value, kind)), "something else")


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 is 1.0, but true is not 1."""
    return json.dumps(one, sort_keys=True, default=str) == json.dumps(other, sort_keys=True, default=str) or (
        _is(one, "number") and _is(other, "number") and one == other
    )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:79]}…"
