"""Prompt versions of calls that name none: by the files that their system prompts were made from, else by the texts.

Calls are grouped by what their system prompts have in common once the values of single requests are left out. The
result does not depend on the order in which calls are given; versions are counted by when they were first used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from msgspec import Struct

from traceview.definitions.prompt_files import FileVersion
from traceview.store.inferring.families import families
from traceview.store.inferring.forms import Form, Span, together
from traceview.store.inferring.naming import SIGN, first_words, span_name_without_model, telling
from traceview.store.inferring.slots import skeletons
from traceview.text.prompt_masks import ANYTHING, OPEN, segments

Basis = Literal["text", "file"]
"""What a version was inferred from: what calls have in common, or a file."""

_SENSIBLE = 20
"""So many versions of a prompt need no further proof."""

_OF_UNITS = 0.3
"""More versions than `_SENSIBLE` that are more than this share of the traces or threads are none."""

_ALL_OWN = 0.8
_ALL_OWN_FROM = 5
"""From so many versions on, this share of the traces or threads having each their own tells nothing."""


_LEAST_WORDS = 3
"""A template with values has to have so many other words."""


class Where(NamedTuple):
    """Which calls: with this recorded prompt name, of spans of this name, that asked this model, with this text."""

    given: str | None
    span_name: str
    model: str | None
    key: int


class Version(Struct, frozen=True):
    """An inferred version of a prompt; `version` begins with the sign. `hash` is that of its template."""

    name: str
    version: str
    basis: Basis
    template: str
    hash: str
    path: str | None = None


@dataclass(frozen=True)
class Inferred:
    """The versions, by name and first use; which calls have which, None if none; and how many have none, and why."""

    versions: tuple[Version, ...] = ()
    assigned: Mapping[Where, Version | None] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)


def infer(
    texts: Mapping[int, str], uses: Mapping[Where, Span], files: Sequence[FileVersion] = ()
) -> Inferred:
    """Infer the versions of calls from their system prompts, by key, and from when they were used."""
    by_file = _by_file(texts, uses, files)
    assigned: dict[Where, Version | None] = dict(by_file)
    rest = {where: use for where, use in uses.items() if where not in assigned}
    masked = {key: segments(texts[key]) for key in {where.key for where in rest}}
    taken = {(version.name, version.version) for version in by_file.values()}
    names = {version.name for version in by_file.values()} | {where.given for where in uses if where.given}
    refused: dict[str, int] = {}
    for scope in _scopes(rest, masked):
        for family in _families(scope, masked, rest):
            if family.versions is None:
                reason = "prompt versions not told: nearly every call has a system prompt of its own"
                refused[reason] = refused.get(reason, 0) + family.use.calls
                assigned.update(dict.fromkeys(family.calls))
                continue
            name = family.given or _free(family.base, names)
            names.add(name)
            number = 0
            for template, own in family.versions:
                number += 1
                while (name, f"{SIGN}{number}") in taken:
                    number += 1
                told = _version(name, f"{SIGN}{number}", template)
                assigned.update(dict.fromkeys(own, told))
    used: dict[Version, Span] = {}
    for where, version in assigned.items():
        if version is None:
            continue
        used[version] = used[version] | uses[where] if version in used else uses[where]
    ordered = sorted(used, key=lambda one: (one.name, used[one].first_ns, one.version))
    return Inferred(tuple(ordered), assigned, refused)


def _version(name: str, version: str, template: tuple[str, ...]) -> Version:
    text = "\n".join(template)
    return Version(name, version, "text", text, hash_of(text))


def hash_of(template: str) -> str:
    """The hash that a template is known by: the first 12 hex digits of its SHA-256."""
    return hashlib.sha256(template.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _free(base: str, names: Iterable[str]) -> str:
    """The name itself, or the first with a number behind it that no other prompt has."""
    taken, name, number = set(names), base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def _by_file(
    texts: Mapping[int, str], uses: Mapping[Where, Span], files: Sequence[FileVersion]
) -> dict[Where, Version]:
    """Calls whose system prompt a file's text matches; of several the one with the most text of its own."""
    if not files:
        return {}
    ordered = sorted(files, key=lambda one: -one.literal)
    versions = {
        id(one): Version(one.name, SIGN + one.version, "file", one.template, hash_of(one.template), one.path)
        for one in files
    }
    by_key: dict[int, list[FileVersion]] = {}
    for key in {where.key for where in uses}:
        plain = " ".join(texts[key].split())
        by_key[key] = [one for one in ordered if one.matches(plain)]
    found = {}
    for where in uses:
        meant = next((one for one in by_key[where.key] if where.given in (None, one.name)), None)
        if meant is not None:
            found[where] = versions[id(meant)]
    return found


class _Family(Struct, frozen=True):
    """A prompt: its versions as template and calls in the order of their first use, None if they tell nothing."""

    given: str | None
    base: str
    use: Span
    calls: tuple[Where, ...]
    versions: tuple[tuple[tuple[str, ...], tuple[Where, ...]], ...] | None


def _scopes(uses: Mapping[Where, Span], masked: Mapping[int, tuple[str, ...]]) -> list[list[Where]]:
    """Calls that are compared: of one recorded name, or of spans of one name; names that share a text are one."""
    by_scope: dict[tuple[bool, str], list[Where]] = {}
    for where in uses:
        name = where.given or span_name_without_model(where.span_name, where.model)
        by_scope.setdefault((where.given is not None, name), []).append(where)
    leads: dict[tuple[str, ...], tuple[bool, str]] = {}
    parents = {scope: scope for scope in by_scope}

    def root(scope: tuple[bool, str]) -> tuple[bool, str]:
        while parents[scope] != scope:
            scope = parents[scope]
        return scope

    for scope in sorted(by_scope):
        for where in by_scope[scope] if not scope[0] else ():
            other = leads.setdefault(masked[where.key], scope)
            low, high = sorted((root(scope), root(other)))
            parents[high] = low
    joined: dict[tuple[bool, str], list[Where]] = {}
    for scope in sorted(by_scope):
        joined.setdefault(root(scope), []).extend(by_scope[scope])
    return sorted(
        joined.values(),
        key=lambda wheres: (min(uses[one].first_ns for one in wheres), min(map(_sortable, wheres))),
    )


def _families(
    scope: Sequence[Where], masked: Mapping[int, tuple[str, ...]], uses: Mapping[Where, Span]
) -> list[_Family]:
    """The prompts of a scope in the order of their first use, named."""
    by_form: dict[tuple[str, ...], list[Where]] = {}
    for where in scope:
        by_form.setdefault(masked[where.key], []).append(where)
    forms = [Form(one, together(uses[where] for where in by_form[one])) for one in sorted(by_form)]
    given = scope[0].given
    groups = [list(range(len(forms)))] if given is not None else families(forms)
    groups.sort(key=lambda group: min((forms[at].use.first_ns, forms[at].segments) for at in group))
    found = []
    lonely = sum(len(group) == 1 and forms[group[0]].use.units == 1 for group in groups)
    too_many = lonely > _SENSIBLE and lonely > _OF_UNITS * sum(form.use.units for form in forms)
    named = False
    for group in groups:
        own = [forms[at] for at in group]
        use = together(form.use for form in own)
        calls = tuple(where for form in own for where in by_form[form.segments])
        versions = _versions(own, by_form)
        if not _sensible(len(versions), use, among_many=too_many) or not any(
            _says(template) for template, _ in versions
        ):
            found.append(_Family(given, "", use, calls, None))
            continue
        name = _span_name(versions[0][1], uses)
        base = name if telling(name) and not named else first_words(versions[0][0])
        named = named or base == name
        found.append(_Family(given, base, use, calls, versions))
    return found


def _versions(
    forms: Sequence[Form], by_form: Mapping[tuple[str, ...], list[Where]]
) -> tuple[tuple[tuple[str, ...], tuple[Where, ...]], ...]:
    grouped: dict[tuple[str, ...], list[Form]] = {}
    for form, template in zip(forms, skeletons(forms), strict=True):
        grouped.setdefault(template, []).append(form)
    ordered = sorted(grouped.items(), key=lambda item: (min(form.use.first_ns for form in item[1]), item[0]))
    return tuple(
        (template, tuple(where for form in own for where in by_form[form.segments]))
        for template, own in ordered
    )


def _says(template: tuple[str, ...]) -> bool:
    """Whether more than a word or two of a template are no values; one without values says all there is."""
    words = " ".join(template).split(" ")
    return ANYTHING not in words or sum(OPEN not in word for word in words) >= _LEAST_WORDS


def _sensible(versions: int, use: Span, *, among_many: bool) -> bool:
    """Whether so many versions tell anything: not if nearly every trace or thread has its own.

    `among_many`: it is so of many others of the scope, where even few prove nothing.
    """
    if (among_many or versions >= _ALL_OWN_FROM) and versions >= _ALL_OWN * use.units:
        return False
    return versions <= _SENSIBLE or versions <= _OF_UNITS * use.units


def _span_name(wheres: Sequence[Where], uses: Mapping[Where, Span]) -> str:
    """The name of the spans that used a version first."""
    first = min(wheres, key=lambda where: (uses[where].first_ns, _sortable(where)))
    return span_name_without_model(first.span_name, first.model)


def _sortable(where: Where) -> tuple[str, str, str, int]:
    return where.given or "", where.span_name, where.model or "", where.key
