"""One value of a filter against one column, as a parametrised SQL condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from traceview.filters.ast import Last, Number, Pattern, Presence, Range, Regex, Text, Time, Value, Versioned
from traceview.model.errors import BadInput


class Conditions:
    """Writes conditions and keeps the values of their named parameters; `newest_ns` is what `last:` counts from."""

    def __init__(self, newest_ns: int | None) -> None:
        self._newest_ns = newest_ns
        self.parameters: dict[str, Any] = {}

    def bind(self, value: Any) -> str:
        """A named parameter for a value: conditions may repeat it."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def one(self, column: str, kind: str, op: str, value: Value, name: str = "") -> str:
        """One value against one column; `kind` is the type of the field, `name` what the user called it."""
        if isinstance(value, Presence):
            there = f"{column} IS NOT NULL"
            if kind == "list":
                there = f"len(list_filter({column}, lambda v: v <> '')) > 0"
            if kind in ("text", "id", "fulltext"):
                there = f"({column} IS NOT NULL AND {column} <> '')"
            return there if value.present else negated(there)
        if kind == "list":
            if isinstance(value, Text) and op == ":":
                return f"list_contains({column}, {self.bind(value.text)})"
            return f"len(list_filter({column}, lambda v: {self.one('v', 'text', op, value)})) > 0"
        if isinstance(value, Last):
            if self._newest_ns is None:
                return "false"
            return f"{column} >= {self.bind(self._newest_ns - value.duration_ns)}"
        if isinstance(value, Time):
            return self._time(column, op, value, name)
        if isinstance(value, Range):
            bounds = []
            if value.low is not None:
                bounds.append(self.one(column, kind, ">=", value.low))
            if value.high is not None:
                bounds.append(self.one(column, kind, "<=", value.high))
            return "(" + " AND ".join(bounds) + ")"
        if isinstance(value, Number):
            return f"{column} {'=' if op == ':' else op} {self.bind(value.value)}"
        if isinstance(value, Versioned):
            raise BadInput(f"{name or column} takes no name@version", hint="prompt:NAME@VERSION does")
        if kind == "fulltext" and not isinstance(value, Regex):
            return f"regexp_matches({column}, {self.bind(_pattern_of(value))}, 'is')"
        return self.text(column, value)

    def _time(self, column: str, op: str, value: Time, name: str) -> str:
        if name == "since":
            return f"{column} >= {self.bind(value.start_ns)}"
        if name == "until":
            return f"{column} < {self.bind(value.end_ns)}"
        if op == ":":
            low, high = self.bind(value.start_ns), self.bind(value.end_ns)
            return f"({column} >= {low} AND {column} < {high})"
        bound, sign = {
            ">=": (value.start_ns, ">="),
            ">": (value.end_ns, ">="),
            "<=": (value.end_ns, "<"),
            "<": (value.start_ns, "<"),
        }[op]
        return f"{column} {sign} {self.bind(bound)}"

    def text(self, column: str, value: Value) -> str:
        """One text against a column of texts. Raises BadInput for a value that is none."""
        if isinstance(value, Text):
            return f"{column} = {self.bind(value.text)}"
        if isinstance(value, Pattern):
            escaped = [
                part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for part in value.parts
            ]
            return f"{column} LIKE {self.bind('%'.join(escaped))} ESCAPE '\\'"
        if isinstance(value, Regex):
            return (
                f"regexp_matches({column}, {self.bind(value.pattern)}, '{'i' if value.ignore_case else 'c'}')"
            )
        if isinstance(value, Number):
            return f"{column} = {self.bind(_plain(value.value))}"
        raise BadInput("a text cannot be compared with this value")


def absent(values: Sequence[Value]) -> bool:
    """True if all that is asked is that there be no value."""
    return all(isinstance(value, Presence) and not value.present for value in values)


def negated(condition: str) -> str:
    """The opposite of a condition; NULL counts as not matching, so its opposite matches."""
    return f"(NOT coalesce({condition}, false))"


def either(conditions: Sequence[str]) -> str:
    """Conditions joined by OR."""
    return conditions[0] if len(conditions) == 1 else "(" + " OR ".join(conditions) + ")"


def _pattern_of(value: Value) -> str:
    """The RE2 pattern of a text or a text with stars, to be searched ignoring case."""
    if isinstance(value, Pattern):
        return ".*".join(_escape(part) for part in value.parts)
    return _escape(
        value.text if isinstance(value, Text) else _plain(value.value) if isinstance(value, Number) else ""
    )


def _escape(literal: str) -> str:
    """A literal text as an RE2 pattern."""
    return "".join(
        char if char.isalnum() or char in " _" or ord(char) > 127 else "\\" + char for char in literal
    )


def _plain(number: int | float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(number)
