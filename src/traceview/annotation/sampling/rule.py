"""The text of a sampling rule: `random:50`, `stratified:60:prompt_version`, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, get_args

from msgspec import Struct

from traceview.definitions.document import nearest
from traceview.model.errors import BadInput

RuleKind = Literal["all", "random", "stratified", "outliers", "disagreement", "unlabelled", "next"]
RULE_KINDS: tuple[RuleKind, ...] = get_args(RuleKind)
FORMS: dict[RuleKind, str] = {
    "all": "all",
    "random": "random:N",
    "stratified": "stratified:N:FIELD",
    "outliers": "outliers:N",
    "disagreement": "disagreement:N:JUDGE",
    "unlabelled": "unlabelled",
    "next": "next:N",
}
"""How each rule is written."""
MOST_ITEMS = 999_999_999


class SamplingRule(Struct, frozen=True):
    """Which items come into a session. `count` is None where all that fit do; `name` is a field or a judge."""

    kind: RuleKind
    count: int | None = None
    name: str | None = None

    def __str__(self) -> str:
        """The rule as it is written."""
        return ":".join(str(part) for part in (self.kind, self.count, self.name) if part is not None)


def parse_rule(
    text: str, *, fields: Collection[str] | None = None, judges: Collection[str] | None = None
) -> SamplingRule:
    """The rule of a text. Raises BadInput with what is wrong and the nearest valid name.

    `fields` are the names that may be stratified by (`attr.KEY` always may), `judges` those that have given scores;
    where they are None any name is taken.
    """
    word, *parts = (part.strip() for part in text.strip().split(":", 2))
    if word not in RULE_KINDS:
        what = f"{word!r} is no sampling rule" if word else "there is no sampling rule"
        hint = nearest(word, RULE_KINDS) if word else ""
        raise BadInput(
            what, hint=hint if hint.startswith("did you") else f"rules: {', '.join(FORMS.values())}"
        )
    kind: RuleKind = word
    form = FORMS[kind]
    wanted = form.split(":")[1:]
    if len(parts) > len(wanted):
        raise BadInput(f"{text!r} says more than {kind} takes", hint=f"write {form}")
    if len(parts) < len(wanted):
        missing = {"N": "how many items", "FIELD": "a field", "JUDGE": "a judge"}[wanted[len(parts)]]
        raise BadInput(f"{text!r} does not say {missing}", hint=f"write {form}")
    if not parts:
        return SamplingRule(kind)
    count = _count(parts[0], form)
    if len(parts) == 1:
        return SamplingRule(kind, count)
    return SamplingRule(kind, count, _name(parts[1], form, fields if kind == "stratified" else judges))


def _count(text: str, form: str) -> int:
    if not (text.isascii() and text.isdigit() and text.strip("0")):
        raise BadInput(f"{text!r} is no number of items from 1 up", hint=f"write {form}")
    if len(text) > len(str(MOST_ITEMS)):
        raise BadInput(f"{text} items are more than a session may have: {MOST_ITEMS:,}", hint=f"write {form}")
    return int(text)


def _name(name: str, form: str, known: Collection[str] | None) -> str:
    what = form.rpartition(":")[2].lower()
    if not name:
        raise BadInput(f"the {what} has no name", hint=f"write {form}")
    if known is None or name in known or (what == "field" and name.startswith("attr.") and name != "attr."):
        return name
    if not known:
        raise BadInput(f"there is no {what} here, and so none named {name!r}")
    raise BadInput(f"no {what} is named {name!r}", hint=nearest(name, known))
