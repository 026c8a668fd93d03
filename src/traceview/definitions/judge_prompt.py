"""`[prompt]`, `[variables]` and `[examples]` of a judge file: what a model judge is asked about."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, cast

from traceview.definitions.document import Document, nearest
from traceview.definitions.judge_settings import filled, texts_of, within
from traceview.definitions.path_growth import MOST_GROWTH, growth
from traceview.files.small import small_bytes
from traceview.model.errors import BadInput
from traceview.model.judges import FIXED_KEYS, OBJECT_KEYS, PinnedExample, ScoreShape, Variable
from traceview.model.labels import TargetKind

PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*\}\}")
"""Where a variable goes in a prompt."""
VARIABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOST_CHARACTERS = 2_000_000
MOST_EXAMPLES = 20
_MOST_BYTES_OF_EXAMPLES = 64_000_000
_LONGEST_PATH = 1_000
_BEGIN_INSIDE = (
    "subexpression", "index_expression", "projection", "filter_projection", "value_projection", "pipe", "flatten",
)  # fmt: skip
"""Expressions of JMESPath that begin with what their first child begins with."""
_ASKS_NUMBER = re.compile(
    r"(?i)\b(?:on a scale|(?:score|rate|rating|grade|number|points?)\b[^.\n]{0,40}\b(?:from|between|of|out of|/)\s*\d+"
    r"|\d+\s*(?:-|–|to)\s*(?:5|10|100)\b[^.\n]{0,20}\b(?:scale|points?|score)|out of (?:5|10|100)\b)"
)


def parse_variables(document: Document, scope: TargetKind) -> tuple[Variable, ...]:
    """The variables of a file in its order. Raises BadInput with file and line."""
    keys = ("variables",)
    table = document.typed(document.data.get("variables", {}), keys, dict, "a table [variables]")
    if not table:
        raise document.error((), "[variables] is missing: without any the model sees nothing of a trace")
    return tuple(parse_variable(document, name, value, scope) for name, value in table.items())


def parse_prompt(document: Document, variables: Sequence[Variable], shape: ScoreShape) -> tuple[str, str]:
    """The instructions, and the text with `{{name}}` in it; without one the variables follow one another.

    Raises BadInput with file and line.
    """
    keys = ("prompt",)
    table = document.typed(document.data.get("prompt", {}), keys, dict, "a table [prompt]")
    document.only(table, keys, ("system", "user"))
    if "system" not in table:
        raise document.error(keys if table else (), "[prompt] system is missing: what the model has to check")
    system = filled(document, table["system"], (*keys, "system"), "instructions")
    user = "\n\n".join(f"{{{{{one.name}}}}}" for one in variables)
    if "user" in table:
        user = filled(document, table["user"], (*keys, "user"), "a text with {{name}} in it")
    known = {one.name for one in variables}
    for name in places_of(system):
        raise document.error(
            (*keys, "system"),
            f"{{{{{name}}}}} may not stand in system",
            "instructions are in system and what a trace says in user, so that a trace cannot instruct",
        )
    used = set(places_of(user))
    for name in places_of(user):
        if name not in known:
            raise document.error(
                (*keys, "user"), f"{{{{{name}}}}} has no [variables] {name}", nearest(name, known)
            )
    for one in variables:
        if one.name not in used:
            raise document.error(("variables", one.name), f"{{{{{one.name}}}}} stands nowhere in user")
    if shape.type == "boolean" and (found := _ASKS_NUMBER.search(f"{system}\n{user}")):
        raise document.error(
            (*keys, "system"),
            f"asks for a number ({found[0]!r}), and [score] is pass or fail",
            'ask whether the criterion is met, or set type = "numerical"',
        )
    return system, user


def parse_examples(document: Document) -> tuple[str, ...]:
    """The ids of the examples that the model is shown. Raises BadInput."""
    keys = ("examples",)
    table = document.typed(document.data.get("examples", {}), keys, dict, "a table [examples]")
    document.only(table, keys, ("pinned",))
    given = table.get("pinned", [])
    pinned = texts_of(document, (*keys, "pinned"), given)
    if len(pinned) != len(given):
        raise document.error((*keys, "pinned"), "an example stands there twice")
    if len(pinned) > MOST_EXAMPLES:
        raise document.error((*keys, "pinned"), f"{len(pinned)} examples, {MOST_EXAMPLES} at most")
    return pinned


def places_of(text: str) -> Iterator[str]:
    """The names of the variables in a text, in its order."""
    return (match[1] for match in PLACE.finditer(text))


def examples_file(judge_file: Path) -> Path:
    """Where the contents of a judge's examples are kept: `judges/NAME.examples.json`."""
    return judge_file.with_suffix(".examples.json")


def read_pinned(path: Path, pinned: Sequence[str]) -> tuple[PinnedExample, ...]:
    """What the file of examples holds of those that are pinned, in their order. Raises BadInput."""
    if not pinned or not path.exists():
        return ()
    try:
        data = json.loads(small_bytes(path, _MOST_BYTES_OF_EXAMPLES).decode("utf-8"))
        listed = data["examples"]
        known = {
            str(one["id"]): PinnedExample(
                str(one["id"]),
                {str(name): str(text) for name, text in one["variables"].items()},
                one["value"],
                str(one.get("explanation", "")),
                tuple(map(str, one.get("evidence", []))),
            )
            for one in listed
        }
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(
            f"{path}: not a file of examples: {error}",
            hint="`traceview judge examples SOURCE NAME --write` makes it anew",
        ) from error
    return tuple(known[one] for one in pinned if one in known)


def check_path(document: Document, keys: tuple[str, ...], path: str, scope: TargetKind) -> None:
    """Raise BadInput if a path is no JMESPath, or begins where the object of this scope has nothing."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    if len(path) > _LONGEST_PATH:
        raise document.error(keys, f"a path has {_LONGEST_PATH:,} characters at most")
    try:
        parsed = jmespath.compile(path).parsed
    except (JMESPathError, RecursionError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())[:300]
        raise document.error(
            keys, f"{path!r} is no JMESPath: {reason}", "such as trace.output.text"
        ) from error
    times = growth(cast(dict[str, Any], parsed))
    if times > MOST_GROWTH:
        raise document.error(
            keys,
            f"{path!r} can give back what it looks at {times:,} times, {MOST_GROWTH} at most",
            "ask for each thing once",
        )
    begin = _names(cast(dict[str, Any], parsed))
    known = OBJECT_KEYS[scope]
    if begin and begin[0] not in known:
        raise document.error(keys, f"a {scope} has no {begin[0]!r}", nearest(begin[0], known))
    for place in range(1, len(begin)):
        parent = ".".join(begin[:place])
        if parent in FIXED_KEYS and begin[place] not in FIXED_KEYS[parent]:
            raise document.error(
                keys, f"{parent} has no {begin[place]!r}", nearest(begin[place], FIXED_KEYS[parent])
            )


def fields_of(path: str) -> frozenset[str]:
    """The names that stand in a path as fields: what it may look at begins among them."""
    import jmespath

    found: set[str] = set()
    open_: list[Any] = [jmespath.compile(path).parsed]
    while open_:
        node = open_.pop()
        if node["type"] == "field":
            found.add(node["value"])
        open_ += node.get("children", [])
    return frozenset(found)


def keys_of(path: str, name: str) -> frozenset[str] | None:
    """The keys of a field that a path asks for; None where it asks for the field as a whole."""
    import jmespath

    found: set[str] = set()
    open_: list[Any] = [jmespath.compile(path).parsed]
    while open_:
        node = open_.pop()
        children = [one for one in node.get("children", []) if isinstance(one, dict)]
        if node["type"] == "field" and node["value"] == name:
            return None
        if (
            node["type"] == "subexpression"
            and children[0].get("value") == name
            and children[0]["type"] == "field"
        ):
            key = _beginning(children[1])
            if key is None:
                return None
            found.add(key)
            children = children[1:]
        open_ += children
    return frozenset(found)


def _beginning(node: dict[str, Any]) -> str | None:
    """The name with which a path begins; None where it begins otherwise."""
    while node["type"] in _BEGIN_INSIDE and node["children"]:
        node = node["children"][0]
    return str(node["value"]) if node["type"] == "field" else None


def _names(node: dict[str, Any]) -> list[str]:
    """The names with which a path begins, each a key of what the one before finds."""
    while node["type"] in _BEGIN_INSIDE and node["type"] != "subexpression" and node["children"]:
        node = node["children"][0]
    if node["type"] != "subexpression":
        return [str(node["value"])] if node["type"] == "field" else []
    names = _names(node["children"][0])
    for before, one in pairwise(node["children"]):
        key = _beginning(one)
        if before["type"] not in ("field", "subexpression") or key is None:
            break
        names.append(key)
    return names


def parse_variable(document: Document, name: str, value: Any, scope: TargetKind) -> Variable:
    """One variable. Raises BadInput with file and line."""
    keys = ("variables", name)
    if not VARIABLE_NAME.fullmatch(name):
        raise document.error(
            keys, f"{name!r}: a variable's name has a-z, 0-9 and _, and begins with a letter"
        )
    table = {"path": value} if isinstance(value, str) else value
    document.typed(table, keys, dict, 'a path in quotes, or a table like { path = "trace.output.text" }')
    document.only(table, keys, ("path", "required", "max_chars", "on_missing"))
    place = keys if isinstance(value, str) else (*keys, "path")
    path = filled(document, table.get("path", ""), place, "a path such as trace.output.text")
    check_path(document, place, path, scope)
    required = bool(document.typed(table.get("required", True), (*keys, "required"), bool, "true or false"))
    most = table.get("max_chars")
    on_missing = document.one_of(
        table.get("on_missing", "skip" if required else "empty"), (*keys, "on_missing"), ("skip", "empty")
    )
    return Variable(
        name,
        path,
        required,
        None if most is None else within(document, most, (*keys, "max_chars"), 20, MOST_CHARACTERS),
        cast(Literal["skip", "empty"], on_missing),
    )
