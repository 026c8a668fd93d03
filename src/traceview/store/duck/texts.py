"""What a filter asks of the texts of the source: its leaves, and what holds whatever the texts are. Pure.

Indexed conditions are answered at once, those over texts only once the source was searched. A bound of a filter has
its text conditions (and those that may change while a search goes on, of labels) replaced by what is sure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from traceview.filters.ast import (
    And,
    Compare,
    FullText,
    Node,
    Not,
    Number,
    Or,
    Presence,
    Quantified,
    Range,
    Value,
    walk,
)
from traceview.store.duck import attributes
from traceview.store.duck.conditions import Conditions, absent, either

FULL_TEXT = ("input_text", "output_text", "error_message")
CHANGING = (
    *("score", "label", "note", "correction", "mode", "bad", "annotator", "session"),
    "unsourced",
)
"""Fields whose values are not the source's: a search stays right when they change."""


class TextLeaf(Struct, frozen=True):
    """A condition over texts of one span: any of the columns holds any of the values, or the attribute `key` does."""

    columns: tuple[str, ...]
    op: str
    values: tuple[Value, ...]
    key: str | None = None


def leaf_of(node: Node) -> tuple[TextLeaf, bool] | None:
    """The text condition that a node is, and whether the node says that no span fulfils it; None for another node."""
    if isinstance(node, FullText):
        return TextLeaf(FULL_TEXT, ":", (node.value,)), False
    if not isinstance(node, Compare):
        return None
    columns: tuple[str, ...]
    if node.field in ("input", "output"):
        columns, key = (f"{node.field}_text",), None
    elif node.field == "attr":
        columns, key = attributes.COLUMNS, node.key or ""
    else:
        return None
    if absent(node.values):
        return TextLeaf(columns, ":", (Presence(True),), key), True
    return TextLeaf(columns, node.op, node.values, key), False


def leaves_of(node: Node | None) -> tuple[TextLeaf, ...]:
    """The different text conditions of a filter, in its order."""
    found = (leaf_of(one) for one in walk(node))
    return tuple(dict.fromkeys(one[0] for one in found if one is not None))


def leaf_condition(leaf: TextLeaf, expressions: Sequence[str], conditions: Conditions) -> str:
    """A text condition over the SQL of those of its columns that there are."""
    test: Callable[[str, Value], str]
    if leaf.key is None:

        def test(column: str, value: Value) -> str:
            return conditions.one(column, "fulltext", leaf.op, value)

        return either([test(column, value) for column in expressions for value in leaf.values])
    found = []
    for value in leaf.values:
        for column in expressions:
            for path in attributes.paths(leaf.key):
                # the quick test for the key's name spares most rows the parsing
                name, where = conditions.bind(leaf.key.rpartition(".")[2]), conditions.bind(path)
                parsed = f"TRY(json_extract_string({column}, {where}))"
                extracted = f"(CASE WHEN contains({column}, {name}) THEN {parsed} END)"
                found.append(_attribute_value(extracted, leaf.op, value, conditions))
    return either(found)


def _attribute_value(extracted: str, op: str, value: Value, conditions: Conditions) -> str:
    if isinstance(value, Number | Range) or op in (">", ">=", "<", "<="):
        return conditions.one(f"TRY_CAST({extracted} AS DOUBLE)", "count", op, value)
    return conditions.one(extracted, "text", op, value)


def at_most(node: Node | None) -> Node | None:
    """A filter over the index alone that finds whatever `node` may find; None if that may be everything."""
    found = _bound(node, upper=True) if node is not None else None
    return found if not isinstance(found, bool) else None


def may_hold_without_texts(node: Node) -> bool:
    """Whether a row may match though no text of its spans does."""
    return _bound(node, upper=False) is not False


def only_grows(node: Node | None, *, positive: bool = True) -> bool:
    """True if a row that matches goes on matching when more texts are known to match."""
    if node is None:
        return True
    if isinstance(node, And | Or):
        return all(only_grows(child, positive=positive) for child in node.children)
    if isinstance(node, Not):
        return only_grows(node.child, positive=not positive)
    if isinstance(node, Quantified):
        return only_grows(node.child, positive=positive != (node.quantifier == "none"))
    leaf = leaf_of(node)
    return leaf is None or leaf[1] != positive


def _bound(node: Node, *, upper: bool) -> Node | bool:
    """The least that holds wherever the node may (`upper`), or the most that holds only where it surely does.

    A bool where the bound does not depend on the row.
    """
    if isinstance(node, Not):
        inner = _bound(node.child, upper=not upper)
        return not inner if isinstance(inner, bool) else Not(inner)
    if isinstance(node, And | Or):
        neutral = isinstance(node, And)
        children: list[Node] = []
        for child in node.children:
            found = _bound(child, upper=upper)
            if not isinstance(found, bool):
                children.append(found)
            elif found is not neutral:
                return found
        if len(children) > 1:
            return And(tuple(children)) if neutral else Or(tuple(children))
        return children[0] if children else neutral
    if isinstance(node, Quantified):
        inner = _bound(node.child, upper=upper != (node.quantifier == "none"))
        # a trace may have any spans: what is sure of each says nothing of there being one
        return upper if isinstance(inner, bool) else Quantified(node.quantifier, inner)
    if leaf_of(node) is not None or (isinstance(node, Compare) and node.field in CHANGING):
        return upper
    return node
