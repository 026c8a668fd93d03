"""Filter trees as parametrised SQL conditions over the lists of an index.

A condition that is NULL counts as not matching, and its negation as matching: `-model:x` keeps rows without a
model. On a trace a span field means any of its spans, on a thread any of its traces or spans.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from traceview.filters.ast import (
    And,
    Compare,
    FullText,
    Last,
    Node,
    Not,
    Number,
    Or,
    Pattern,
    Presence,
    Quantified,
    Range,
    Regex,
    Text,
    Time,
    Value,
    Versioned,
)
from traceview.model.errors import BadInput
from traceview.model.fields import FIELD_BY_NAME, FIELDS, Field
from traceview.model.labels import RESERVED_NAMES
from traceview.store.interface import Level, SortKey

ALIAS: dict[Level, str] = {"traces": "t", "threads": "h", "spans": "s"}

_TOKENS = "coalesce({0}.input_tokens, 0) + coalesce({0}.output_tokens, 0)"

_SPECIAL: dict[tuple[str, str], str] = {
    ("tokens", "traces"): _TOKENS,
    ("tokens", "threads"): _TOKENS,
    ("tokens", "spans"): _TOKENS,
    ("start_time", "*"): "{0}.start_ns",
    ("end_time", "*"): "{0}.end_ns",
    ("since", "*"): "{0}.start_ns",
    ("until", "*"): "{0}.start_ns",
    ("last", "*"): "{0}.start_ns",
    ("prompt_versions", "traces"): "list_transform({0}.prompt_versions, "
    "lambda p: coalesce(p.name, '') || '@' || coalesce(p.version, ''))",
}

_ON_TRACE_LISTS = {"kind": "t.kinds", "tool_name": "t.tools"}
"""Span fields whose values the trace's row lists, of all spans: no look at the spans is needed."""

_SCORE_FIELDS = ("score", "label", "note", "correction", "mode", "bad", "annotator", "session")


_NO_COLUMN = ("since", "until", "last", "signal", *_SCORE_FIELDS)


@dataclass(frozen=True, slots=True)
class Tables:
    """FROM items of an index, and how texts of the source are searched.

    `searched(columns, condition)` gives SELECTs of (file_no, row_no) of the source's rows for which a condition
    over the SQL of canonical columns holds.
    """

    spans: str
    traces: str
    threads: str
    scores: str
    searched: Callable[[Sequence[str], Callable[[Sequence[str]], str]], str]
    newest_ns: int | None = None


@dataclass
class Compiled:
    """A condition and its named parameters."""

    sql: str
    parameters: dict[str, Any] = field(default_factory=dict)


def compile_filter(node: Node | None, level: Level, tables: Tables) -> Compiled:
    """The WHERE condition of a list, over the alias of its level. Raises BadInput."""
    if node is None:
        return Compiled("true")
    compiler = _Compiler(tables)
    return Compiled(compiler.node(node, level), compiler.parameters)


def order_by(sort: Sequence[SortKey], level: Level) -> str:
    """The ORDER BY list: the keys, then newest first. Raises BadInput for a field that rows cannot be sorted by."""
    alias = ALIAS[level]
    keys = []
    for key in sort:
        known = FIELD_BY_NAME.get(key.field)
        if known is None or not _sortable(known, level):
            names = sorted(one.name for one in FIELDS if _sortable(one, level))
            raise BadInput(f"{level} cannot be sorted by {key.field!r}", hint=f"sort by {', '.join(names)}")
        column = own_column(known.name, level)
        keys.append(f"{column} {'DESC' if key.descending else 'ASC'} NULLS LAST")
    keys += [f"{alias}.start_ns DESC NULLS LAST", f"{alias}.{level[:-1]}_no DESC"]
    return ", ".join(keys)


def _sortable(known: Field, level: Level) -> bool:
    if level not in known.levels or known.name in _NO_COLUMN:
        return False
    return known.type not in ("list", "score", "fulltext", "structured") or known.name == "prompt_name"


def own_column(name: str, level: Level) -> str:
    """SQL of a field that stands on the rows of a level."""
    alias = ALIAS[level]
    special = _SPECIAL.get((name, level)) or _SPECIAL.get((name, "*"))
    return special.format(alias) if special else f"{alias}.{name}"


class _Compiler:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.parameters: dict[str, Any] = {}

    def _bind(self, value: Any) -> str:
        """A named parameter for a value: conditions may repeat it."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def node(self, node: Node, level: Level) -> str:
        if isinstance(node, And):
            return "(" + " AND ".join(self.node(child, level) for child in node.children) + ")"
        if isinstance(node, Or):
            return "(" + " OR ".join(self.node(child, level) for child in node.children) + ")"
        if isinstance(node, Not):
            return f"(NOT coalesce({self.node(node.child, level)}, false))"
        if isinstance(node, Quantified):
            return self._quantified(node, level)
        if isinstance(node, FullText):
            return self._full_text(node, level)
        return self._compare(node, level)

    # from spans and traces to the rows of a level

    def _lift(self, condition: str, of: Level, to: Level) -> str:
        """A condition over spans or traces as one over rows of another level: any of theirs."""
        tables = self._tables
        if of == to:
            return condition
        if of == "spans":
            traces = f"(SELECT s.trace_no FROM {tables.spans} s WHERE {condition})"
            if to == "traces":
                return f"t.trace_no IN {traces}"
            return f"h.thread_id IN (SELECT t.thread_id FROM {tables.traces} t WHERE t.trace_no IN {traces})"
        if to == "threads":
            return f"h.thread_id IN (SELECT t.thread_id FROM {tables.traces} t WHERE {condition})"
        if of == "threads":
            return f"{ALIAS[to]}.thread_id IN (SELECT h.thread_id FROM {tables.threads} h WHERE {condition})"
        return f"s.trace_no IN (SELECT t.trace_no FROM {tables.traces} t WHERE {condition})"

    def _quantified(self, node: Quantified, level: Level) -> str:
        inner = self.node(node.child, "spans")
        if node.quantifier == "all":
            inner = f"NOT coalesce({inner}, false)"
        if level == "spans":
            some = f"s.trace_no IN (SELECT s.trace_no FROM {self._tables.spans} s WHERE {inner})"
        else:
            some = self._lift(inner, "spans", level)
        return some if node.quantifier == "any" else f"(NOT coalesce({some}, false))"

    # fields

    def _compare(self, node: Compare, level: Level) -> str:
        name = node.field
        if name == "attr":
            return self._attribute(node, level)
        if name in ("input", "output"):
            return self._searched((f"{name}_text",), node.op, node.values, level)
        if name in _SCORE_FIELDS:
            return self._score(node, level)
        if name == "signal":
            raise BadInput(
                "signal: is not known yet in this version",
                hint='search the words themselves: input:"no, I meant"',
            )
        known = FIELD_BY_NAME[name]
        if level in known.levels:
            return self._values(own_column(name, level), known.type, node)
        listed = _ON_TRACE_LISTS.get(name)
        if listed is not None and level in ("traces", "threads"):
            return self._lift(self._values(listed, "list", node), "traces", level)
        if name == "prompt_name" and level in ("traces", "threads"):
            return self._lift(self._prompts(node), "traces", level)
        if name == "prompt_version" and level in ("traces", "threads"):
            versions = "list_transform(t.prompt_versions, lambda p: p.version)"
            return self._lift(self._values(versions, "list", node), "traces", level)
        of: Level = next(found for found in ("spans", "traces", "threads") if found in known.levels)
        if level == "threads" and "traces" in known.levels:
            of = "traces"
        if all(isinstance(value, Presence) and not value.present for value in node.values):
            some = Compare(node.field, node.op, (Presence(True),), node.key, node.source)
            return f"(NOT coalesce({self._lift(self._own(some, of), of, level)}, false))"
        return self._lift(self._own(node, of), of, level)

    def _own(self, node: Compare, level: Level) -> str:
        return self._values(own_column(node.field, level), FIELD_BY_NAME[node.field].type, node)

    def _prompts(self, node: Compare) -> str:
        """A prompt on a trace: one of its (name, version) pairs."""
        conditions = []
        for value in node.values:
            if isinstance(value, Presence):
                some = "len(list_filter(t.prompt_versions, lambda p: p.name IS NOT NULL)) > 0"
                conditions.append(some if value.present else f"(NOT coalesce({some}, false))")
                continue
            if isinstance(value, Versioned):
                name = self._text("p.name", value.name)
                inner = f"{name} AND {self._text('p.version', value.version)}"
            else:
                inner = self._one("p.name", "text", node.op, value)
            conditions.append(f"len(list_filter(t.prompt_versions, lambda p: {inner})) > 0")
        return _either(conditions)

    def _values(self, column: str, kind: str, node: Compare) -> str:
        if node.field == "prompt_name":
            conditions = []
            for value in node.values:
                if isinstance(value, Versioned):
                    name = self._text("s.prompt_name", value.name)
                    conditions.append(f"({name} AND {self._text('s.prompt_version', value.version)})")
                else:
                    conditions.append(self._one(column, "text", node.op, value))
            return _either(conditions)
        texts = [value.text for value in node.values if isinstance(value, Text)]
        if len(texts) == len(node.values) > 1 and kind in ("text", "enum", "id") and node.op == ":":
            return f"{column} IN ({', '.join(map(self._bind, texts))})"
        return _either([self._one(column, kind, node.op, value, node.field) for value in node.values])

    def _one(self, column: str, kind: str, op: str, value: Value, name: str = "") -> str:
        """One value against one column."""
        if isinstance(value, Presence):
            there = f"len({column}) > 0" if kind == "list" else f"{column} IS NOT NULL"
            if kind in ("text", "id", "fulltext"):
                there = f"({column} IS NOT NULL AND {column} <> '')"
            return there if value.present else f"(NOT coalesce({there}, false))"
        if kind == "list":
            if isinstance(value, Text) and op == ":":
                return f"list_contains({column}, {self._bind(value.text)})"
            return f"len(list_filter({column}, lambda v: {self._one('v', 'text', op, value)})) > 0"
        if isinstance(value, Last):
            if self._tables.newest_ns is None:
                return "false"
            return f"{column} >= {self._bind(self._tables.newest_ns - value.duration_ns)}"
        if isinstance(value, Time):
            return self._time(column, op, value, name)
        if isinstance(value, Range):
            bounds = []
            if value.low is not None:
                bounds.append(self._one(column, kind, ">=", value.low))
            if value.high is not None:
                bounds.append(self._one(column, kind, "<=", value.high))
            return "(" + " AND ".join(bounds) + ")"
        if isinstance(value, Number):
            return f"{column} {'=' if op == ':' else op} {self._bind(value.value)}"
        if isinstance(value, Versioned):
            raise BadInput(f"{name or column} takes no name@version", hint="prompt:NAME@VERSION does")
        if kind == "fulltext" and not isinstance(value, Regex):
            return f"regexp_matches({column}, {self._bind(pattern_of(value))}, 'is')"
        return self._text(column, value)

    def _time(self, column: str, op: str, value: Time, name: str) -> str:
        if name == "since":
            return f"{column} >= {self._bind(value.start_ns)}"
        if name == "until":
            return f"{column} < {self._bind(value.end_ns)}"
        if op == ":":
            low, high = self._bind(value.start_ns), self._bind(value.end_ns)
            return f"({column} >= {low} AND {column} < {high})"
        bound, sign = {
            ">=": (value.start_ns, ">="),
            ">": (value.end_ns, ">="),
            "<=": (value.end_ns, "<"),
            "<": (value.start_ns, "<"),
        }[op]
        return f"{column} {sign} {self._bind(bound)}"

    def _text(self, column: str, value: Value) -> str:
        if isinstance(value, Text):
            return f"{column} = {self._bind(value.text)}"
        if isinstance(value, Pattern):
            escaped = [
                part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for part in value.parts
            ]
            return f"{column} LIKE {self._bind('%'.join(escaped))} ESCAPE '\\'"
        if isinstance(value, Regex):
            return f"regexp_matches({column}, {self._bind(value.pattern)}, '{'i' if value.ignore_case else 'c'}')"
        if isinstance(value, Number):
            return f"{column} = {self._bind(_plain(value.value))}"
        raise BadInput("a text cannot be compared with this value")

    # texts and attributes of the source

    def _full_text(self, node: FullText, level: Level) -> str:
        return self._searched(("input_text", "output_text", "error_message"), ":", (node.value,), level)

    def _searched(self, columns: Sequence[str], op: str, values: Sequence[Value], level: Level) -> str:
        def condition(expressions: Sequence[str]) -> str:
            return _either(
                [self._one(column, "fulltext", op, value) for column in expressions for value in values]
            )

        absent = all(isinstance(value, Presence) and not value.present for value in values)
        if absent:
            some = self._searched(columns, op, (Presence(True),), level)
            return f"(NOT coalesce({some}, false))"
        found = self._tables.searched(columns, condition)
        return self._lift(f"(s.file_no, s.row_no) IN ({found})", "spans", level)

    def _attribute(self, node: Compare, level: Level) -> str:
        key = node.key or ""
        paths = ['$."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"']
        if "." in key:
            paths.append("$" + "".join(f'."{part}"' for part in key.replace('"', '\\"').split(".")))

        def condition(expressions: Sequence[str]) -> str:
            conditions = []
            for value in node.values:
                found = []
                for column in expressions:
                    for path in paths:
                        # the quick test for the key's name spares most rows the parsing
                        name, where = self._bind(key.rpartition(".")[2]), self._bind(path)
                        parsed = f"TRY(json_extract_string({column}, {where}))"
                        extracted = f"(CASE WHEN contains({column}, {name}) THEN {parsed} END)"
                        found.append(self._attribute_value(extracted, node.op, value))
                conditions.append(_either(found))
            return _either(conditions)

        if all(isinstance(value, Presence) and not value.present for value in node.values):
            some = self._attribute(Compare("attr", ":", (Presence(True),), key), level)
            return f"(NOT coalesce({some}, false))"
        found = self._tables.searched(("attributes", "metadata", "resource"), condition)
        return self._lift(f"(s.file_no, s.row_no) IN ({found})", "spans", level)

    def _attribute_value(self, extracted: str, op: str, value: Value) -> str:
        if isinstance(value, Number | Range) or op in (">", ">=", "<", "<="):
            return self._one(f"TRY_CAST({extracted} AS DOUBLE)", "count", op, value)
        return self._one(extracted, "text", op, value)

    # scores

    def _score(self, node: Compare, level: Level) -> str:
        target = {"traces": "trace", "threads": "thread", "spans": "span"}[level]
        wheres = [f"c.target_kind = '{target}'"]
        absent = all(isinstance(value, Presence) and not value.present for value in node.values)
        values = (Presence(True),) if absent else node.values
        reserved = ", ".join(f"'{name}'" for name in RESERVED_NAMES)
        if node.field == "score":
            # without a name any score counts; notes and the like are no scores
            named = f"c.name NOT IN ({reserved})" if node.key is None else f"c.name = {self._bind(node.key)}"
            wheres.append(named)
            if node.source is not None:
                wheres.append(f"c.source = {self._bind(node.source)}")
            wheres.append(_either([self._score_value(node.op, value) for value in values]))
        elif node.field in ("note", "correction"):
            wheres.append(f"c.name = '{node.field}'")
            wheres.append(_either([self._one("c.value", "fulltext", node.op, value) for value in values]))
        elif node.field == "mode":
            wheres.append("c.name = 'mode'")
            wheres.append(_either([self._one("c.items", "list", node.op, value) for value in values]))
        else:
            column = {"label": "c.name", "bad": "c.name", "annotator": "c.annotator", "session": "c.session"}[
                node.field
            ]
            if node.field == "label":
                wheres.append(f"c.source = 'human' AND c.name NOT IN ({reserved})")
            if node.field == "bad":
                wheres.append("c.bad")
            wheres.append(_either([self._one(column, "text", node.op, value) for value in values]))
        alias = ALIAS[level]
        where = " AND ".join(wheres)
        if level == "spans":
            scored = f"(SELECT c.trace_id, c.target_id FROM {self._tables.scores} c WHERE {where})"
            some = f"(s.trace_id, s.span_id) IN {scored}"
        else:
            some = f"{alias}.{target}_id IN (SELECT c.target_id FROM {self._tables.scores} c WHERE {where})"
        return f"(NOT coalesce({some}, false))" if absent else some

    def _score_value(self, op: str, value: Value) -> str:
        if isinstance(value, Presence):
            return "c.value IS NOT NULL" if value.present else "c.value IS NULL"
        if isinstance(value, Number):
            return self._one("c.number", "count", op, value)
        if isinstance(value, Range):
            return self._one("c.number", "count", op, value)
        return self._one("c.items", "list", op, value)


def pattern_of(value: Value) -> str:
    """The RE2 pattern of a text or a text with stars, to be searched ignoring case."""
    if isinstance(value, Pattern):
        return ".*".join(escape(part) for part in value.parts)
    return escape(
        value.text if isinstance(value, Text) else _plain(value.value) if isinstance(value, Number) else ""
    )


def escape(literal: str) -> str:
    """A literal text as an RE2 pattern."""
    return "".join(
        char if char.isalnum() or char in " _" or ord(char) > 127 else "\\" + char for char in literal
    )


def _plain(number: int | float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(number)


def _either(conditions: Sequence[str]) -> str:
    return conditions[0] if len(conditions) == 1 else "(" + " OR ".join(conditions) + ")"
