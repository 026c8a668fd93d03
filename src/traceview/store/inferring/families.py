"""Which system prompts are versions of one prompt: those that share most of their lines, or of their words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

from traceview.store.inferring.forms import Form

_SHARED_BY = 0.02
"""A segment is told to be shared if this share of the forms, and at least two, have it."""

_ALIKE = 0.5
"""Share of the shorter prompt's shared text that two of one family have in common."""

_PAIRS_ALIKE = 0.6
"""The same for pairs of words, where no segments are shared."""

_SIZES_ALIKE = 0.25
"""How much shorter one of two prompts may be that are compared by pairs of words."""

_NODES = 300
"""Kinds of prompts that are compared with each other at most: the most used ones. Others stay by themselves."""

_FIRST_WORDS = 3

_WORDS_PAIRED = 3_000
"""The words of a prompt whose pairs are compared: its first ones."""


def families(forms: Sequence[Form]) -> list[list[int]]:
    """The forms of each family, by their positions. The same set of forms in any order gives the same families."""
    counted = Counter(segment for form in forms for segment in set(form.segments))
    least = max(2.0, _SHARED_BY * len(forms))
    shared = {segment for segment, count in counted.items() if count >= least}
    nodes: dict[tuple[bool, tuple[str, ...]], list[int]] = {}
    for number, form in enumerate(forms):
        own = sorted(shared.intersection(form.segments))
        # without any shared line the first words tell
        key = (True, tuple(own)) if own else (False, tuple(_words(form)[:_FIRST_WORDS]))
        nodes.setdefault(key, []).append(number)
    used = {key: sum(forms[number].use.units for number in numbers) for key, numbers in nodes.items()}
    ordered = sorted(nodes, key=lambda key: (-used[key], key))
    pairs = {
        key: _pairs(min((forms[number].segments for number in nodes[key]), key=lambda one: (len(one), one)))
        for key in ordered[:_NODES]
    }
    lines = {key: _Lines(frozenset(key[1]), sum(map(len, key[1]))) for key in ordered[:_NODES] if key[0]}
    root = _union(ordered)
    for a, b in combinations(ordered[:_NODES], 2):
        if root(a) != root(b) and (
            _lines_alike(lines.get(a), lines.get(b)) or _words_alike(pairs[a], pairs[b])
        ):
            root(a, b)
    found: dict[object, list[int]] = {}
    for key in ordered:
        found.setdefault(root(key), []).extend(nodes[key])
    return list(found.values())


class _Lines(NamedTuple):
    """The shared lines of prompts, and how many characters they are together."""

    lines: frozenset[str]
    characters: int


def _lines_alike(a: _Lines | None, b: _Lines | None) -> bool:
    if a is None or b is None:
        return False
    both = sum(map(len, a.lines & b.lines))
    return both >= _ALIKE * min(a.characters, b.characters) > 0


def _words_alike(a: frozenset[tuple[str, str]], b: frozenset[tuple[str, str]]) -> bool:
    small, large = sorted((len(a), len(b)))
    return small > 1 and small >= _SIZES_ALIKE * large and len(a & b) >= _PAIRS_ALIKE * small


def _words(form: Form) -> list[str]:
    return " ".join(form.segments).split(" ")


def _pairs(segments: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    words = " ".join(segments).split(" ", _WORDS_PAIRED)[:_WORDS_PAIRED]
    return frozenset(pairwise(words))


Key = tuple[bool, tuple[str, ...]]


def _union(keys: Sequence[Key]) -> Callable[..., Key]:
    """A function that gives the representative of a key, and joins two: that of the first stands for both."""
    parents = {key: key for key in keys}

    def root(key: Key, joined: Key | None = None) -> Key:
        while parents[key] != key:
            parents[key] = parents[parents[key]]
            key = parents[key]
        if joined is not None:
            parents[root(joined)] = key
        return key

    return root
