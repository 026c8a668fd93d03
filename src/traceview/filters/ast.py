"""The typed syntax tree of the filter language: frozen, hashable, with the source column of every node.

Columns (`start`, `end`: offsets into the parsed text) take no part in equality. Values are already typed by
their field: durations are milliseconds, money US dollars, times UTC nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Literal, TypeAlias

from msgspec import Struct

from traceview.model.labels import ScoreSource

Op = Literal[":", ">", ">=", "<", "<=", "~"]
"""`:` matches any of the values; `~` searches a regular expression; `=` is read as `:`, `!=` as not `:`."""

Quantifier = Literal["any", "all", "none"]


class Text(Struct, frozen=True):
    """A text as it is: the whole value of a text field, a part (ignoring case) of a fulltext field."""

    text: str


class Pattern(Struct, frozen=True):
    """A text with `*` for any characters: the literal parts between the stars, at least two of them."""

    parts: tuple[str, ...]


class Regex(Struct, frozen=True):
    """A regular expression that both Python's `re` and RE2 accept, searched anywhere; slashes unescaped."""

    pattern: str
    ignore_case: bool = False


class Number(Struct, frozen=True):
    """A number in the unit of its field: milliseconds, US dollars, a count, or a bare number."""

    value: int | float


class Time(Struct, frozen=True):
    """A time as precise as it was written: the half-open interval [start_ns, end_ns), UTC nanoseconds.

    A day covers its 24 hours, `12:30` one minute, `7d` (back from now) one instant. The operators follow:
    `:` is inside, `>=` from start, `>` from end, `<=` before end, `<` before start. `text` is as written.
    """

    text: str
    start_ns: int
    end_ns: int


class Last(Struct, frozen=True):
    """A span of time back from the newest trace of the source (`last:7d`), in nanoseconds."""

    duration_ns: int


class Range(Struct, frozen=True):
    """`low..high` of numbers or times, both ends included, None where open; at least one end is given."""

    low: Number | Time | None
    high: Number | Time | None


class Presence(Struct, frozen=True):
    """`any` (a value is there) or `none` (it is absent)."""

    present: bool


class Versioned(Struct, frozen=True):
    """`name@version` of a prompt: both hold on the same span. An empty name is a version without one."""

    name: Text | Pattern
    version: Text | Pattern


Value: TypeAlias = Text | Pattern | Regex | Number | Time | Last | Range | Presence | Versioned


@dataclass(frozen=True, slots=True)
class Compare:
    """A field against one or more values (any of them).

    `field` is the canonical name in `model.fields`. `key` is the attribute of `attr.KEY` or the name of
    `score.NAME[.SOURCE]`; `source` only for scores. `>`, `>=`, `<`, `<=` have one Number or Time, `~` one
    Regex, `since`, `until`, `last` one value with `:`.
    """

    field: str
    op: Op
    values: tuple[Value, ...]
    key: str | None = None
    source: ScoreSource | None = None
    start: int = dataclass_field(default=0, compare=False)
    end: int = dataclass_field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class FullText:
    """A text anywhere in input, output or error message, ignoring case."""

    value: Text | Pattern
    start: int = dataclass_field(default=0, compare=False)
    end: int = dataclass_field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Quantified:
    """`any(span: ...)`, `all(span: ...)`, `none(span: ...)`: over the spans of a trace, each on its own."""

    quantifier: Quantifier
    child: Node
    start: int = dataclass_field(default=0, compare=False)
    end: int = dataclass_field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """The rows that do not match: on a trace with a span field, no span matches."""

    child: Node
    start: int = dataclass_field(default=0, compare=False)
    end: int = dataclass_field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """All children match; at least two, none of them an And."""

    children: tuple[Node, ...]
    start: int = dataclass_field(default=0, compare=False)
    end: int = dataclass_field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """At least one child matches; at least two, none of them an Or."""

    children: tuple[Node, ...]
    start: int = dataclass_field(default=0, compare=False)
    end: int = dataclass_field(default=0, compare=False)


Node: TypeAlias = And | Or | Not | Compare | FullText | Quantified


def all_of(*nodes: Node | None) -> Node | None:
    """The conjunction of nodes, flattened; None stands for no condition."""
    children: list[Node] = []
    for node in nodes:
        if isinstance(node, And):
            children.extend(node.children)
        elif node is not None:
            children.append(node)
    if not children:
        return None
    return children[0] if len(children) == 1 else And(tuple(children), children[0].start, children[-1].end)


def any_of(*nodes: Node) -> Node:
    """The disjunction of at least one node, flattened."""
    children: list[Node] = []
    for node in nodes:
        children.extend(node.children if isinstance(node, Or) else (node,))
    return children[0] if len(children) == 1 else Or(tuple(children), children[0].start, children[-1].end)


def walk(node: Node | None) -> Iterator[Node]:
    """The node and everything below it, parents first."""
    stack = [node] if node is not None else []
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, And | Or):
            stack.extend(reversed(current.children))
        elif isinstance(current, Not | Quantified):
            stack.append(current.child)


TEXT_FIELDS = ("input", "output", "attr")
"""Fields whose values stand in the texts of spans alone: those have to be searched."""


def asks_texts(node: Node | None) -> bool:
    """Whether a filter can only be answered by searching texts."""
    return any(
        isinstance(one, FullText) or (isinstance(one, Compare) and one.field in TEXT_FIELDS)
        for one in walk(node)
    )
