"""How often paths find something: of a judge's variables, and of every path that traces have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from traceview.filters.ast import Node
from traceview.judges.items import Item, everything, items, needs_of, targets
from traceview.judges.paths import MOST_FOUND, TooMuch, found
from traceview.judges.redacting import visible
from traceview.judges.rendering import is_missing
from traceview.model.judges import JudgeDefinition
from traceview.model.labels import TargetKind
from traceview.sources.jsontext import dumps
from traceview.store.interface import CancelToken, Engine

LAST = 100
"""Targets that are looked at."""
LONGEST_SAMPLE = 80
_DEEPEST = 7
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")


@dataclass(frozen=True, slots=True)
class Hits:
    """A path of a judge: in how many of the last targets it finds something. `needed`: without it nothing is sent."""

    name: str
    path: str
    found: int
    of: int
    sample: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class PathFound:
    """A path that traces have: in how many of them it finds something, and what it finds in the newest."""

    path: str
    found: int
    of: int
    sample: str


def last_items(
    engine: Engine,
    scope: TargetKind,
    where: Node | None,
    needs: frozenset[str],
    last: int = LAST,
    token: CancelToken | None = None,
) -> list[Item]:
    """The newest targets that match, the newest first. Raises NotReady, BadInput."""
    selection = targets(engine, scope, where, token)
    return list(items(engine, scope, selection, needs, limit=last, token=token))


def hits_of(judge: JudgeDefinition, looked_at: Sequence[Item]) -> tuple[Hits, ...]:
    """How often each variable of a judge finds something."""
    told = []
    for one in judge.variables:
        values = [_found(one.path, item.object) for item in looked_at]
        there = [value for value in values if not is_missing(value)]
        told.append(
            Hits(
                one.name,
                one.path,
                len(there),
                len(values),
                sample_of(there[0]) if there else "",
                one.on_missing == "skip",
            )
        )
    return tuple(told)


def hits_in(
    engine: Engine, judge: JudgeDefinition, where: Node | None, token: CancelToken | None = None
) -> tuple[Hits, ...]:
    """The same over the newest targets of a source that match."""
    return hits_of(judge, last_items(engine, judge.scope, where, needs_of(judge), token=token))


def paths_in(
    engine: Engine, scope: TargetKind, where: Node | None, last: int = LAST, token: CancelToken | None = None
) -> tuple[PathFound, ...]:
    """Every path in the newest targets, as JMESPath, lists with `[]`; seven names deep.

    Raises NotReady, BadInput.
    """
    looked_at = last_items(engine, scope, where, everything(scope), last, token)
    counts: Counter[str] = Counter()
    samples: dict[str, str] = {}
    for item in looked_at:
        for path, value in _once(_paths(item.object, "", 0)):
            counts[path] += 1
            if path not in samples:
                samples[path] = sample_of(value)
    return tuple(
        PathFound(path, counts[path], len(looked_at), sample) for path, sample in sorted(samples.items())
    )


def sample_of(value: Any) -> str:
    """The beginning of a value on one line, safe to show."""
    text = " ".join(visible(value if isinstance(value, str) else dumps(value)).split())
    return text if len(text) <= LONGEST_SAMPLE else f"{text[: LONGEST_SAMPLE - 1]}…"


def _found(path: str, looked_at: dict[str, Any]) -> Any:
    try:
        return found(path, looked_at)
    except TooMuch:
        return f"(more than {MOST_FOUND:,} characters)"


def _paths(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Each path below a value with what it finds first; a list's members are one path."""
    if path and not is_missing(value):
        yield path, value
    if depth >= _DEEPEST:
        return
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _paths(one, f"{path}.{_name(str(key))}" if path else _name(str(key)), depth + 1)
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, dict | list):
                yield from _paths(one, f"{path}[]", depth + 1)


def _once(pairs: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    for path, value in pairs:
        if path not in seen:
            seen.add(path)
            yield path, value


def _name(key: str) -> str:
    """A key as JMESPath takes it: odd ones in quotes."""
    plain = key and set(key) <= _PLAIN and not key[0].isdigit()
    return key if plain else dumps(key)
