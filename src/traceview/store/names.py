"""Names in a filter that nothing here is called: refused where the names are known, else said when nothing matches."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from traceview.filters.ast import And, Compare, Node, Not, Or, Quantified, Text, Versioned, walk
from traceview.filters.errors import FilterError, nearest, shown
from traceview.filters.printer import to_text
from traceview.model.definitions import FeedbackDefinition
from traceview.model.fields import FIELD_BY_NAME
from traceview.model.labels import NOT_APPLICABLE, RESERVED_NAMES, TargetKind
from traceview.model.schema import KINDS
from traceview.store.interface import CancelToken, Level, ListQuery

if TYPE_CHECKING:
    from traceview.store.interface import Engine

KIND: dict[Level, TargetKind] = {"traces": "trace", "threads": "thread", "spans": "span"}
VERDICTS = ("pass", "fail", "true", "false", "yes", "no")
NAMED = (
    *(
        "prompt_name",
        "prompt_version",
        "prompt_versions",
        "model",
        "models",
        "provider",
        "environment",
        "service",
    ),
    *("user_id", "name", "tool_name", "tags", "annotator", "session", "mode"),
)
"""Fields whose values are names that a source has or has not; numbers, texts and ids are not looked up."""
LABEL_FIELDS = ("score", "label", "bad", "mode", "annotator", "session")
"""Fields whose values come from labels and scores."""
FEW = 8
"""Names that are listed where none is near."""
MANY = 500
"""Names that are looked through for the nearest one."""


class _Checker(Struct, frozen=True):
    """Holds a filter against the definitions and the names that the labels here have."""

    text: str
    definitions: dict[str, FeedbackDefinition]
    given: Collection[str]
    engine: Engine
    token: CancelToken | None

    def node(self, node: Node, level: Level) -> None:
        if isinstance(node, And | Or):
            for child in node.children:
                self.node(child, level)
        elif isinstance(node, Not):
            self.node(node.child, level)
        elif isinstance(node, Quantified):
            self.node(node.child, "spans")
        elif isinstance(node, Compare):
            if node.field == "score" and node.key is not None:
                self._score(node, node.key, level)
            elif node.field in ("label", "bad"):
                for value in node.values:
                    if isinstance(value, Text) and not (node.field == "bad" and self._is_span(value.text)):
                        self._name(node, value.text, "label")

    def _name(self, node: Compare, name: str, what: str) -> None:
        known = {*self.definitions, *self.given, *RESERVED_NAMES}
        if name not in known and (self.definitions or self.given):
            listed = ", ".join(sorted(known - set(RESERVED_NAMES))[:8])
            near = nearest(name, sorted(known))
            more = "" if near else f" (there are {listed})"
            self._fail(f"no {what} here is called {shown(name)}{more}", node, near)

    def _is_span(self, name: str) -> bool:
        """Whether the first bad span may be called so: its kind, its tool or its name."""
        return name in KINDS or any(
            name in _values(self.engine, field, name, self.token) for field in ("tool_name", "name")
        )

    def _score(self, node: Compare, name: str, level: Level) -> None:
        self._name(node, name, "score")
        definition = self.definitions.get(name)
        if definition is None:
            return
        if KIND[level] not in definition.scopes and not (
            level == "spans" and "document" in definition.scopes
        ):
            places = " and ".join(f"{kind}s" for kind in definition.scopes)
            self._fail(f"{name} is said of {places}, not of {level}: filter the list of {places} by it", node)
        if definition.type not in ("boolean", "categorical"):
            return
        values = VERDICTS if definition.type == "boolean" else definition.choices
        usual = VERDICTS[:2] if definition.type == "boolean" else definition.choices
        if node.op not in (":", "!=", "~"):
            self._fail(f"{name} is {' or '.join(usual)}: it cannot be compared with {node.op}", node)
        for value in node.values:
            if not isinstance(value, Text) or value.text in (*values, NOT_APPLICABLE):
                continue
            if definition.type == "categorical" and value.text in _values(
                self.engine, f"score.{name}", value.text, self.token
            ):
                # Given under a choice that the definition no longer has.
                continue
            options = (*values, NOT_APPLICABLE, "any", "none")
            known = ", ".join((*usual, NOT_APPLICABLE))
            near = nearest(value.text, options)
            self._fail(f"{shown(value.text)} is no value of {name} ({known})", node, near)

    def _fail(self, problem: str, node: Compare, near: str | None = None) -> None:
        raise FilterError(problem, self.text, node.start, suggestion=near)


def asks_labels(node: Node | None) -> bool:
    """Whether a filter asks for labels or scores."""
    return any(isinstance(one, Compare) and one.field in LABEL_FIELDS for one in walk(node))


def check_names(
    engine: Engine,
    node: Node | None,
    text: str,
    level: Level,
    definitions: Sequence[FeedbackDefinition],
    token: CancelToken | None = None,
) -> None:
    """Raise FilterError for a score or label that is not called so here, or cannot have this value on this list.

    Nothing is refused where neither definitions nor labels are known. `text` is what `node` was read from.
    """
    asks = [one for one in walk(node) if isinstance(one, Compare) and one.field in ("score", "label", "bad")]
    if not asks or node is None:
        return
    given = engine.complete("score", "", MANY, token)
    by_name = {one.name: one for one in definitions}
    _Checker(text, by_name, given, engine, token).node(node, level)


def why_none(
    engine: Engine, node: Node | None, level: Level, token: CancelToken | None = None
) -> Iterator[str]:
    """For a filter that no row of a list matches: which of its names the source does not have, which scores spans have.

    `no version 'v9' here, did you mean v3?` and `20 spans have it: any(span: score.correct:no)`, one sentence each.
    """
    yield from _unknown_names(engine, node, token)
    if level != "spans":
        for one in _scores_of_rows(node):
            count = len(engine.select(ListQuery("spans", one), token))
            if count:
                have = "1 span has" if count == 1 else f"{count:,} spans have"
                yield f"{have} this score: {to_text(Quantified('any', one))}"


def _scores_of_rows(node: Node | None) -> Iterator[Compare]:
    """The scores that a filter asks of the rows of a list themselves, not of their spans."""
    if isinstance(node, And | Or):
        for child in node.children:
            yield from _scores_of_rows(child)
    elif isinstance(node, Not):
        yield from _scores_of_rows(node.child)
    elif isinstance(node, Compare) and node.field == "score":
        yield node


def _unknown_names(engine: Engine, node: Node | None, token: CancelToken | None) -> Iterator[str]:
    """The names of a filter that the source does not have, in its order, with the nearest one."""
    for one in walk(node):
        if not isinstance(one, Compare) or one.op not in (":", "!=") or one.field not in NAMED:
            continue
        field = FIELD_BY_NAME[one.field]
        for value in one.values:
            if isinstance(value, Text):
                name, wanted = field.name, value.text
            elif (
                isinstance(value, Versioned)
                and isinstance(value.name, Text)
                and isinstance(value.version, Text)
            ):
                name, wanted = "prompt_versions", f"{value.name.text}@{value.version.text}"
            else:
                continue
            if wanted in _values(engine, name, wanted, token):
                continue
            names = engine.complete(name, "", MANY, token)
            near = nearest(wanted, names)
            listed = f", there are {', '.join(sorted(names))}" if 0 < len(names) <= FEW else ""
            more = f", did you mean {near}?" if near else listed
            yield f"no {field.printed} {shown(wanted)} here{more}"


def _values(engine: Engine, name: str, prefix: str, token: CancelToken | None) -> tuple[str, ...]:
    return engine.complete(name, prefix, MANY, token)
