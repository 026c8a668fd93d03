"""Filter trees as parametrised SQL conditions over the lists of an index.

A condition that is NULL counts as not matching, and its negation as matching: `-model:x` keeps rows without a
model. On a trace a span field means any of its spans, on a thread any of its traces or spans.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from traceview.filters.ast import (
    And,
    Compare,
    Node,
    Not,
    Number,
    Or,
    Presence,
    Quantified,
    Range,
    Text,
    Value,
    Versioned,
)
from traceview.model.errors import BadInput
from traceview.model.fields import FIELD_BY_NAME
from traceview.model.labels import DOCUMENT_MARK, RESERVED_NAMES
from traceview.store.duck import derived
from traceview.store.duck.conditions import Conditions, absent, either, negated
from traceview.store.duck.texts import TextLeaf, leaf_of
from traceview.store.interface import Level

SPAN_OF = f"split_part(c.target_id, '{DOCUMENT_MARK}', 1)"
"""The span of a score: of a retrieved document's it is the one that retrieved it."""

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
    (
        "unsourced",
        "traces",
    ): f"(SELECT any_value(u.value) FROM {derived.TABLE} u WHERE u.trace_id = {{0}}.trace_id)",
    ("prompt_versions", "traces"): "list_transform({0}.prompt_versions, "
    "lambda p: coalesce(p.name, '') || '@' || coalesce(p.version, ''))",
}

_ON_TRACE_LISTS = {"kind": "t.kinds", "tool_name": "t.tools"}
"""Span fields whose values the trace's row lists, of all spans: no look at the spans is needed."""

_SCORE_FIELDS = ("score", "label", "note", "correction", "mode", "bad", "annotator", "session")


class Tables(Struct, frozen=True):
    """FROM items of an index, and of what was found in the texts of the source.

    `hits(leaf)` names the spans for which a condition over texts holds: a FROM item of (span_no, trace_no).
    """

    spans: str
    traces: str
    threads: str
    scores: str
    hits: Callable[[TextLeaf], str]
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


def own_column(name: str, level: Level) -> str:
    """SQL of a field that stands on the rows of a level."""
    alias = ALIAS[level]
    special = _SPECIAL.get((name, level)) or _SPECIAL.get((name, "*"))
    return special.format(alias) if special else f"{alias}.{name}"


class _Compiler:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._conditions = Conditions(tables.newest_ns)

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of the named parameters so far."""
        return self._conditions.parameters

    def node(self, node: Node, level: Level) -> str:
        if isinstance(node, And):
            return "(" + " AND ".join(self.node(child, level) for child in node.children) + ")"
        if isinstance(node, Or):
            return "(" + " OR ".join(self.node(child, level) for child in node.children) + ")"
        if isinstance(node, Not):
            return negated(self.node(node.child, level))
        if isinstance(node, Quantified):
            return self._quantified(node, level)
        text = leaf_of(node)
        if text is not None:
            leaf, none = text
            found = self._texts(leaf, level)
            return negated(found) if none else found
        assert isinstance(node, Compare)
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
        return some if node.quantifier == "any" else negated(some)

    # fields

    def _compare(self, node: Compare, level: Level) -> str:
        name = node.field
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
        if absent(node.values):
            some = Compare(node.field, node.op, (Presence(True),), node.key, node.source)
            return negated(self._lift(self._own(some, of), of, level))
        return self._lift(self._own(node, of), of, level)

    def _own(self, node: Compare, level: Level) -> str:
        return self._values(own_column(node.field, level), FIELD_BY_NAME[node.field].type, node)

    def _prompts(self, node: Compare) -> str:
        """A prompt on a trace: one of its (name, version) pairs."""
        conditions = []
        for value in node.values:
            if isinstance(value, Presence):
                some = "len(list_filter(t.prompt_versions, lambda p: p.name <> '')) > 0"
                conditions.append(some if value.present else negated(some))
                continue
            if isinstance(value, Versioned):
                name = self._conditions.text("coalesce(p.name, '')", value.name)
                inner = f"{name} AND {self._conditions.text('p.version', value.version)}"
            else:
                inner = self._conditions.one("p.name", "text", node.op, value)
            conditions.append(f"len(list_filter(t.prompt_versions, lambda p: {inner})) > 0")
        return either(conditions)

    def _values(self, column: str, kind: str, node: Compare) -> str:
        if node.field == "prompt_name":
            conditions = []
            for value in node.values:
                if isinstance(value, Versioned):
                    name = self._conditions.text("coalesce(s.prompt_name, '')", value.name)
                    conditions.append(
                        f"({name} AND {self._conditions.text('s.prompt_version', value.version)})"
                    )
                else:
                    conditions.append(self._conditions.one(column, "text", node.op, value))
            return either(conditions)
        texts = [value.text for value in node.values if isinstance(value, Text)]
        if len(texts) == len(node.values) > 1 and kind in ("text", "enum", "id") and node.op == ":":
            return f"{column} IN ({', '.join(map(self._conditions.bind, texts))})"
        return either(
            [self._conditions.one(column, kind, node.op, value, node.field) for value in node.values]
        )

    # texts and attributes of the source

    def _texts(self, leaf: TextLeaf, level: Level) -> str:
        """A condition over texts: any span of the row that a search has found."""
        hits = self._tables.hits(leaf)
        if level == "spans":
            return f"s.span_no IN (SELECT span_no FROM {hits})"
        return self._lift(f"t.trace_no IN (SELECT trace_no FROM {hits})", "traces", level)

    # scores

    def _score(self, node: Compare, level: Level) -> str:
        target = {"traces": "trace", "threads": "thread", "spans": "span"}[level]
        wheres = [f"c.target_kind = '{target}'"]
        none = absent(node.values)
        values = (Presence(True),) if none else node.values
        reserved = ", ".join(f"'{name}'" for name in RESERVED_NAMES)
        if node.field == "score":
            # without a name any score counts; notes and the like are no scores
            named = (
                f"c.name NOT IN ({reserved})"
                if node.key is None
                else f"c.name = {self._conditions.bind(node.key)}"
            )
            wheres.append(named)
            if node.source is not None:
                wheres.append(f"c.source = {self._conditions.bind(node.source)}")
            wheres.append(either([self._score_value(node.op, value) for value in values]))
        elif node.field in ("note", "correction"):
            wheres.append(f"c.name = '{node.field}'")
            wheres.append(
                either([self._conditions.one("c.value", "fulltext", node.op, value) for value in values])
            )
        elif node.field == "mode":
            wheres.append("c.name = 'mode'")
            wheres.append(
                either([self._conditions.one("c.items", "list", node.op, value) for value in values])
            )
        else:
            column = {"label": "c.name", "bad": "c.name", "annotator": "c.annotator", "session": "c.session"}[
                node.field
            ]
            if node.field == "label":
                wheres.append(f"c.source = 'human' AND c.name NOT IN ({reserved})")
            named = either([self._conditions.one(column, "text", node.op, value) for value in values])
            if node.field == "bad":
                named = f"(c.bad AND {named} OR {self._first_bad(node.op, values)})"
            wheres.append(named)
        alias = ALIAS[level]
        where = " AND ".join(wheres)
        if level == "spans":
            scored = f"(SELECT c.trace_id, {SPAN_OF} FROM {self._tables.scores} c WHERE {where})"
            some = f"(s.trace_id, s.span_id) IN {scored}"
            if node.field == "bad":
                some = f"({some} OR {self._is_first_bad(node.op, values)})"
        else:
            some = f"{alias}.{target}_id IN (SELECT c.target_id FROM {self._tables.scores} c WHERE {where})"
        return negated(some) if none else some

    def _first_bad(self, op: str, values: Sequence[Value]) -> str:
        """A mark on the span that went wrong first, of such a kind, name or tool."""
        which = self._span_called("b", op, values)
        return (
            f"(c.name = 'first_bad' AND (c.trace_id, c.value) IN "
            f"(SELECT b.trace_id, b.span_id FROM {self._tables.spans} b WHERE {which}))"
        )

    def _is_first_bad(self, op: str, values: Sequence[Value]) -> str:
        """A span that is marked as the one that went wrong first, of such a kind, name or tool."""
        marked = f"SELECT c.trace_id, c.value FROM {self._tables.scores} c WHERE c.name = 'first_bad'"
        return f"((s.trace_id, s.span_id) IN ({marked}) AND {self._span_called('s', op, values)})"

    def _span_called(self, alias: str, op: str, values: Sequence[Value]) -> str:
        columns = [f"{alias}.{name}" for name in ("kind", "name", "tool_name")]
        if op == "!=":
            return negated(self._span_called(alias, ":", values))
        return either(
            [self._conditions.one(column, "text", op, value) for column in columns for value in values]
        )

    def _score_value(self, op: str, value: Value) -> str:
        if isinstance(value, Presence):
            return "c.value IS NOT NULL" if value.present else "c.value IS NULL"
        if isinstance(value, Number):
            return self._conditions.one("c.number", "count", op, value)
        if isinstance(value, Range):
            return self._conditions.one("c.number", "count", op, value)
        return self._conditions.one("c.items", "list", op, value)
