"""`[feedback.NAME]`: validated, with the hash of its meaning."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Sequence
from typing import Any, cast, get_args

from msgspec.structs import replace

from traceview.definitions.document import Document, nearest
from traceview.model.definitions import FeedbackDefinition, FeedbackType
from traceview.model.labels import NOT_APPLICABLE, RESERVED_NAMES, SCOPES, Scope

TYPES: tuple[FeedbackType, ...] = get_args(FeedbackType)
DIRECTIONS = ("higher", "lower", "none")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")

_FIELDS: dict[str, tuple[FeedbackType, ...]] = {
    "type": TYPES,
    "scope": TYPES,
    "description": TYPES,
    "allow_na": TYPES,
    "required": TYPES,
    "direction": ("numerical", "categorical"),
    "pass_means": ("boolean",),
    "fail_means": ("boolean",),
    "choices": ("categorical",),
    "multi": ("categorical",),
    "ordered": ("categorical",),
    "min": ("numerical",),
    "max": ("numerical",),
    "keys": ("boolean", "categorical"),
}
"""The keys of a definition, and the types that may have them."""


def parse_feedback(document: Document) -> tuple[FeedbackDefinition, ...]:
    """The definitions of a file in its order. Raises BadInput with file, line and what was expected."""
    tables = document.data.get("feedback", {})
    document.typed(tables, ("feedback",), dict, "tables [feedback.NAME]")
    return tuple(_parse_one(document, name, table) for name, table in tables.items())


def meaning_hash(definition: FeedbackDefinition) -> str:
    """The first 16 hex digits of the SHA-256 of what the definition asks; fields that are not set take no part."""
    meaning = {
        "type": definition.type,
        "scope": sorted(definition.scopes),
        "pass_means": definition.pass_means,
        "fail_means": definition.fail_means,
        "description": definition.description,
        "choices": list(definition.choices),
        "multi": definition.multi,
        # 1 and 1.0 ask the same.
        "min": None if definition.minimum is None else [float(definition.minimum)],
        "max": None if definition.maximum is None else [float(definition.maximum)],
    }
    given = {key: value for key, value in meaning.items() if value not in (None, False, [])}
    text = json.dumps(given, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def hashed(definition: FeedbackDefinition) -> FeedbackDefinition:
    """The definition with the hash of its meaning."""
    return replace(definition, hash=meaning_hash(definition))


VERDICT = hashed(
    FeedbackDefinition(
        name="verdict",
        type="boolean",
        scopes=("trace", "thread"),
        hash="",
        pass_means="The answer is acceptable.",
        fail_means="Something is wrong with it.",
        required=True,
    )
)

RELEVANT = hashed(
    FeedbackDefinition(
        name="relevant",
        type="boolean",
        scopes=("document",),
        hash="",
        pass_means="The document helps to answer what was asked.",
        fail_means="It does not.",
        required=True,
    )
)
"""What is asked of retrieved documents where a project defines nothing for them."""


def with_relevance(definitions: Sequence[FeedbackDefinition]) -> tuple[FeedbackDefinition, ...]:
    """The definitions, and the built-in one for documents unless one of them is for documents, or has its name."""
    known = any("document" in one.scopes or one.name == RELEVANT.name for one in definitions)
    return tuple(definitions) if known else (*definitions, RELEVANT)


"""What can be labelled without any traceview.toml."""


def _parse_one(document: Document, name: str, table: Any) -> FeedbackDefinition:
    keys = ("feedback", name)
    document.typed(table, keys, dict, "a table")
    if not NAME.fullmatch(name):
        raise document.error(keys, "a name has letters, digits, _ and -, 64 at most")
    if name in RESERVED_NAMES:
        raise document.error(keys, "this name is kept for the app", f"kept: {', '.join(RESERVED_NAMES)}")
    document.only(table, keys, _FIELDS)
    if "type" not in table:
        raise document.error(keys, f"type is missing; expected {', '.join(TYPES)}")
    type = cast(FeedbackType, document.one_of(table["type"], (*keys, "type"), TYPES))
    for key in table:
        if type not in _FIELDS[key]:
            raise document.error(
                (*keys, key), f"does not go with type {type}, only with {', '.join(_FIELDS[key])}"
            )
    choices = _choices(document, keys, table, type)
    minimum, maximum = (_number(document, (*keys, key), table.get(key)) for key in ("min", "max"))
    if minimum is not None and maximum is not None and minimum > maximum:
        raise document.error((*keys, "min"), f"min {minimum} is above max {maximum}")
    flags = {
        key: bool(document.typed(table.get(key, default), (*keys, key), bool, "true or false"))
        for key, default in (("multi", False), ("ordered", False), ("allow_na", True), ("required", False))
    }
    if flags["multi"] and flags["ordered"]:
        raise document.error((*keys, "ordered"), "several choices at once have no order")
    direction = document.one_of(table.get("direction", "none"), (*keys, "direction"), DIRECTIONS)
    definition = FeedbackDefinition(
        name=name,
        type=type,
        scopes=_scopes(document, (*keys, "scope"), table.get("scope", "trace")),
        hash="",
        pass_means=_text(document, (*keys, "pass_means"), table.get("pass_means")),
        fail_means=_text(document, (*keys, "fail_means"), table.get("fail_means")),
        description=_text(document, (*keys, "description"), table.get("description")),
        choices=choices,
        minimum=minimum,
        maximum=maximum,
        direction=cast(Any, direction),
        keys=_own_keys(document, (*keys, "keys"), table.get("keys", {}), type, choices, flags["allow_na"]),
        **flags,
    )
    return hashed(definition)


def _text(document: Document, keys: tuple[str, ...], value: Any) -> str | None:
    return None if value is None else str(document.typed(value, keys, str, "a text"))


def _number(document: Document, keys: tuple[str, ...], value: Any) -> float | None:
    if value is None:
        return None
    number = document.typed(value, keys, (int, float), "a number")
    if not -sys.float_info.max <= number <= sys.float_info.max:
        found = number if isinstance(number, float) else "a number that is too large"
        raise document.error(keys, f"expected a finite number, found {found}")
    return cast(float, number)


def _scopes(document: Document, keys: tuple[str, ...], value: Any) -> tuple[Scope, ...]:
    given = value if isinstance(value, list) else [value]
    if not given:
        raise document.error(keys, f"expected one or more of {', '.join(SCOPES)}")
    scopes = [document.one_of(scope, keys, SCOPES) for scope in given]
    return cast(tuple[Scope, ...], tuple(kind for kind in SCOPES if kind in scopes))


def _choices(
    document: Document, keys: tuple[str, ...], table: dict[str, Any], type: FeedbackType
) -> tuple[str, ...]:
    if type != "categorical":
        return ()
    place = (*keys, "choices")
    if "choices" not in table:
        raise document.error(keys, 'choices are missing; expected choices = ["...", "..."]')
    choices = document.typed(table["choices"], place, list, "an array of texts")
    if not choices:
        raise document.error(place, "expected at least one choice")
    seen: set[str] = set()
    for choice in choices:
        document.typed(choice, place, str, "texts")
        if not choice.strip() or choice != choice.strip():
            raise document.error(place, f"{choice!r}: a choice is a text without blanks around it")
        if not choice.isprintable():
            raise document.error(place, f"{choice!r}: a choice has printable characters only")
        if choice.lower() in (NOT_APPLICABLE, "na"):
            raise document.error(place, f"{choice!r} is kept for 'does not apply'", "use allow_na = true")
        if table.get("multi") is True and "," in choice:
            raise document.error(place, f"{choice!r}: with multi = true a choice has no comma")
        if choice in seen:
            raise document.error(place, f"{choice!r} stands there twice")
        seen.add(choice)
    return tuple(choices)


def _own_keys(
    document: Document,
    place: tuple[str, ...],
    table: Any,
    type: FeedbackType,
    choices: tuple[str, ...],
    allow_na: bool,
) -> dict[str, str]:
    document.typed(table, place, dict, 'a table like { rude = "D" }')
    known = ("pass", "fail") if type == "boolean" else choices
    if allow_na:
        known = (*known, NOT_APPLICABLE)
    taken: dict[str, str] = {}
    for value, key in table.items():
        if value not in known:
            raise document.error((*place, value), "is not a value of this definition", nearest(value, known))
        document.typed(key, (*place, value), str, "a key")
        if len(key) != 1 or not key.isprintable() or key.isspace():
            raise document.error((*place, value), f"{key!r}: a key is one printable character")
        if key in "0123456789=":
            raise document.error((*place, value), f"{key!r}: digits and = have a meaning already")
        if key in taken:
            raise document.error((*place, value), f"{key!r} is the key of {taken[key]} too")
        taken[key] = value
    return dict(table)
