"""Textual's style sheet, which computes each look once instead of for every widget at every change.

Textual asks every rule again for a widget and for each of its parts whenever a class or a size changes, and reads every
source again when one comes in. What a rule can see of a widget is little: its type, its classes, its id, some pseudo
classes, and the same of what it stands in. Widgets of which all of that is equal have the same rules.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct
from textual.css.model import RuleSet, Selector, SelectorType
from textual.css.styles import RenderStyles, RulesMap
from textual.css.stylesheet import CssSource, Stylesheet
from textual.css.types import CSSLocation
from textual.dom import DOMNode

SOURCES_KEPT = 512
"""Sources whose rules are kept; textual keeps fewer than one screen has, and so reads all of them again each time."""
PLACES_KEPT = 20_000
STEP_SECONDS = 0.01
"""Seconds for which something that need not be done at once may keep the event loop."""
SHORTLY = 0.001
"""Seconds until the next such step. A message would not do: those that wait are taken in one turn of the loop."""
_SIGNS = {SelectorType.CLASS: ".", SelectorType.ID: "#", SelectorType.TYPE: ""}
_FLAGS = ("_has_hover_style", "_has_focus_within", "_has_order_style", "_has_odd_or_even")
_MISSING = object()


Own = tuple[type[DOMNode], frozenset[str], str | None]
"""What rules can see of a widget itself but for pseudo classes: type, classes and id, those that rules name."""
Place = tuple[Any, ...]
"""All that the rules for a widget can see from it."""


class _Names(Struct, frozen=True):
    """What rules say about all widgets of the same type, classes and id."""

    rules: list[RuleSet]
    """Those whose last selector names such a widget."""
    asked: dict[str, frozenset[str]]
    """The names in any selector of these rules, and the pseudo classes asked of what has the name."""
    above: dict[Own, tuple[frozenset[str], tuple[str, ...]]]
    """Which of these names something has in which such widgets stand, and the pseudo classes to look at there."""


class _Matched(Struct, frozen=True):
    """What textual found for a place: the rules (None if none holds), and what they depend on."""

    rules: RulesMap | None
    flags: tuple[bool, ...]


class _Known:
    """What has been found out with one list of rules."""

    def __init__(self, rules: list[RuleSet]) -> None:
        self.rules = rules
        self.named = {".-textual-system"}
        """The names in selectors, and what a universal selector looks at."""
        for rule in rules:
            for selectors in rule.selector_set:
                self.named.update(_name(selector) for selector in selectors.selectors)
        self.names: dict[Own, _Names] = {}
        self.matched: dict[Place, _Matched] = {}

    def place(self, node: DOMNode, cache: dict[tuple[Any, ...], Any]) -> tuple[Place, _Names]:
        """The place of a widget; `cache` keeps what is seen of each widget while a group of them is updated."""
        own = self._own(node, cache)
        names = self.names.get(own)
        if names is None:
            names = self.names[own] = self._look_up(node)
        seen: list[Any] = [own]
        at: Any = node
        while isinstance(at, DOMNode):
            own = self._own(at, cache)
            shown = names.above.get(own)
            if shown is None:
                shown = names.above[own] = _shown(at, names.asked)
            has, pseudo = shown
            seen.append(has)
            if pseudo:
                checks: dict[str, Any] = at._PSEUDO_CLASSES
                seen.extend([bool(checks[name](at)) for name in pseudo])
            at = at._parent
        return tuple(seen), names

    def _own(self, node: DOMNode, cache: dict[tuple[Any, ...], Any]) -> Own:
        kept: Own | None = cache.get((self, node))
        if kept is None:
            named = self.named
            kept = cache[(self, node)] = (
                type(node),
                frozenset([name for name in node._classes if f".{name}" in named]),
                node._id if f"#{node._id}" in named else None,
            )
        return kept

    def _look_up(self, node: DOMNode) -> _Names:
        own = node._selector_names
        rules = [rule for rule in self.rules if not own.isdisjoint(rule.selector_names)]
        asked: dict[str, set[str]] = {}
        for rule in rules:
            for selectors in rule.selector_set:
                for selector in selectors.selectors:
                    asked.setdefault(_name(selector), set()).update(selector.pseudo_classes)
        return _Names(rules, {name: frozenset(pseudo) for name, pseudo in asked.items()}, {})


def _with_parts(root: DOMNode) -> Iterator[DOMNode]:
    """A widget and all that is in it, with the parts that have styles."""
    for node in root.walk_children(with_self=True):
        yield node
        for styles in node._component_styles.values():
            if styles.node is not None:
                yield styles.node


def _name(selector: Selector) -> str:
    sign = _SIGNS.get(selector.type)
    return "*" if sign is None else f"{sign}{selector.name}"


def _shown(node: DOMNode, asked: dict[str, frozenset[str]]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Which of the names a widget has that are asked for, and the pseudo classes that are asked of it then."""
    has = frozenset((node._selector_names | node._css_type_names | {"*"}) & asked.keys())
    if node.has_class("-textual-system"):
        has |= {".-textual-system"}
    pseudo = frozenset[str]().union(*(asked[name] for name in has if name in asked))
    return has, tuple(sorted(pseudo & node._PSEUDO_CLASSES.keys()))


class _Parts(dict[str, RenderStyles]):
    """The styles of the parts of a widget (its component classes), computed when they are asked for."""

    def __init__(self, node: DOMNode, sheet: KeptStylesheet) -> None:
        super().__init__()
        self._node = node
        self._sheet = sheet
        self._names = node._get_component_classes()

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __missing__(self, name: str) -> RenderStyles:
        if name not in self._names:
            raise KeyError(name)
        part = DOMNode(classes=name)
        part._attach(self._node)
        self._sheet.apply(part)
        self[name] = part.styles
        return part.styles

    def renew(self, cache: dict[tuple[Any, ...], Any]) -> None:
        """Give those that were asked for the styles of now; what is drawn with others is drawn again."""
        different = False
        for styles in self.values():
            part = styles.node
            if part is not None:
                before = dict(styles.base._rules)
                self._sheet.apply(part, cache=cache)
                different |= before != styles.base._rules
        if different:
            self._node.refresh()


class KeptStylesheet(Stylesheet):
    """The style sheet of the app."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._parse_cache._maxsize = SOURCES_KEPT
        self._known: _Known | None = None
        self._found: RulesMap | None = None
        self._stale = False
        self._only_look = False

    def copy(self) -> KeptStylesheet:
        """A copy with the same sources."""
        copied = KeptStylesheet(variables=self._variables.copy())
        copied.source = self.source.copy()
        return copied

    def reparse(self) -> None:
        """Read the sources with the variables of now, those that were read with them already excepted.

        Raises StylesheetParseError, or what else is wrong with a source; the rules stay as they were.
        """
        if self._stale or self._require_parse:
            self.parse()

    def parse(self) -> None:
        """Read all sources that were not read yet.

        Raises StylesheetParseError, or what else is wrong with a source; the rules stay as they were.
        """
        super().parse()
        self._stale = False

    def set_variables(self, variables: dict[str, str]) -> None:
        """Set the variables of another theme: everything is to be read again."""
        if variables != self._variables:
            super().set_variables(variables)
            self._stale = True

    def read_some(
        self, seconds: float, sources: Iterable[tuple[CSSLocation, CssSource]] | None = None
    ) -> bool:
        """Read of the sheet's sources, or of others, what was not read yet, for so long; True if nothing is left.

        One is read in any case.
        """
        end: float | None = None
        for place, source in self.source.items() if sources is None else sources:
            content, is_defaults, tie_breaker, scope = source
            if (content, place, is_defaults, tie_breaker, scope) in self._parse_cache:
                continue
            now = time.perf_counter()
            if end is None:
                end = now + seconds
            elif now > end:
                return False
            self._parse_rules(content, place, is_defaults, tie_breaker, scope)
        return True

    def match_some(self, seconds: float, root: DOMNode) -> bool:
        """Find the rules for `root` and what is in it, without setting them, for so long; True if nothing is left.

        Those of one place are found in any case: to look which are known may take as long on a slow machine.
        """
        end: float | None = None
        self.reparse()
        known, cache = self._now(), dict[tuple[Any, ...], Any]()
        for node in _with_parts(root):
            place, names = known.place(node, cache)
            if place not in known.matched:
                now = time.perf_counter()
                if end is None:
                    end = now + seconds
                elif now > end:
                    return False
                self._only_look = True
                try:
                    known.matched[place] = self._match(node, names.rules, animate=False)
                finally:
                    self._only_look = False
        return True

    def apply(
        self, node: DOMNode, *, animate: bool = False, cache: dict[tuple[Any, ...], RulesMap] | None = None
    ) -> None:
        """Give a widget its styles."""
        known = self._now()
        cache = {} if cache is None else cache
        place, names = known.place(node, cache)
        animate = animate and node.app.animation_level != "none"
        matched = known.matched.get(place)
        if matched is None:
            matched = known.matched[place] = self._match(node, names.rules, animate)
        else:
            for name, flag in zip(_FLAGS, matched.flags, strict=True):
                setattr(node, name, flag)
            if matched.rules is not None:
                self.replace_rules(node, matched.rules, animate=animate)
        if node._get_component_classes():
            parts = node._component_styles
            if isinstance(parts, _Parts):
                parts.renew(cache)
            else:
                node._component_styles = _Parts(node, self)

    def _match(self, node: DOMNode, rules: list[RuleSet], animate: bool) -> _Matched:
        """Let textual apply those rules that can hold for a widget; what it found."""
        every, by_name, self._found = self._rules, self.rules_map, None
        self._rules = rules
        try:
            super().apply(node, animate=animate)
        finally:
            self._rules, self._rules_map = every, by_name
        return _Matched(self._found, tuple(getattr(node, name) for name in _FLAGS))

    def _now(self) -> _Known:
        rules = self.rules
        known = self._known
        if known is None or known.rules is not rules or len(known.matched) > PLACES_KEPT:
            known = self._known = _Known(rules)
        return known

    def _process_component_classes(self, node: DOMNode) -> None:
        """Nothing: the parts of a widget get their styles when they are drawn."""

    def replace_rules(  # type: ignore[override]
        self, node: DOMNode, rules: RulesMap, animate: bool = False
    ) -> None:
        """Set those rules of a node that differ from what it has."""
        self._found = rules
        if self._only_look:
            return
        if animate:
            super().replace_rules(node, rules, animate=True)
            return
        base = node.styles.base
        has = base._rules
        for key in has.keys() | rules.keys():
            value = rules.get(key)
            if value is None or has.get(key, _MISSING) != value:
                setattr(base, key, value)
        node.notify_style_update()
